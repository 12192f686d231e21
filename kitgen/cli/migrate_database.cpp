// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/migrate_database.hpp"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "kit/adapters/sqlite/sqlite.hpp"
#ifdef KITGEN_POSTGRES
#include "kit/adapters/postgres/postgres.hpp"
#endif
#ifdef KITGEN_MYSQL
#include "kit/adapters/mysql/mysql.hpp"
#endif

namespace kitgen::cli {
namespace {

using namespace std::chrono_literals;
using kit::Code;
using kit::Error;
using kit::Result;
using kit::db::Database;
using kit::db::Dialect;

/// Of SQLite: short, so that a wait for another runner is told soon; the runner goes on waiting
/// itself.
constexpr auto busy_timeout = 1000ms;

/// Where the part with user, password and host begins and ends.
struct Authority {
  std::size_t begin = 0;
  std::size_t user_end = std::string_view::npos;  ///< Of the password's colon, if there is one.
  std::size_t at = std::string_view::npos;        ///< The last one before the host.
};

Authority authority_of(std::string_view address) {
  Authority found;
  const std::size_t start = address.find("://");
  if (start == address.npos) return found;
  found.begin = start + 3;
  const std::size_t end = std::min(address.find_first_of("/?", found.begin), address.size());
  const std::string_view authority = address.substr(0, end);
  const std::size_t at = authority.rfind('@');
  if (at == authority.npos || at < found.begin) return found;
  found.at = at;
  const std::size_t colon = authority.find(':', found.begin);
  if (colon != authority.npos && colon < at) found.user_end = colon;
  return found;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (is_plain) {
      out += c;
    } else {
      out += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
  }
  return out;
}

Result<std::unique_ptr<Database>> open_sqlite(const std::string& path, bool may_create) {
  if (!may_create && !std::filesystem::exists(path)) {
    return Error(Code::not_found, "there is no database " + path + "; kitgen migrate up makes it");
  }
  kit::sqlite::SqliteOptions options;
  options.path = path;
  options.busy_timeout = busy_timeout;
  options.statement_limit = options.snapshot_limit = 24h;  // counting rows may take its time
  auto database = kit::sqlite::open(options);
  if (!database) return std::move(database).error();
  return std::unique_ptr<Database>(std::move(*database));
}

#if !defined(KITGEN_POSTGRES) || !defined(KITGEN_MYSQL)
Error not_built(const std::string& server, const std::string& package) {
  return Error(Code::unimplemented, "this kitgen was built without " + server + ": install " +
                                        package + " and build it again");
}
#endif

Result<std::unique_ptr<Database>> open_server(const std::string& address, Dialect dialect) {
  if (dialect == Dialect::postgresql) {
#ifdef KITGEN_POSTGRES
    kit::postgres::PostgresOptions options;
    options.dsn = address;
    options.statement_limit = 24h;
    auto database = kit::postgres::open(options);
    if (!database) return std::move(database).error();
    return std::unique_ptr<Database>(std::move(*database));
#else
    return not_built("PostgreSQL", "libpq-dev");
#endif
  }
#ifdef KITGEN_MYSQL
  kit::mysql::MysqlOptions options;
  options.dsn = kit::Secret<std::string>(address);
  options.statement_limit = options.transaction_limit = 24h;
  auto database = kit::mysql::open(options);
  if (!database) return std::move(database).error();
  return std::unique_ptr<Database>(std::move(*database));
#else
  return not_built("MariaDB and MySQL", "libmariadb-dev");
#endif
}

}  // namespace

Dialect dialect_of(std::string_view address) {
  if (address.starts_with("postgresql://") || address.starts_with("postgres://"))
    return Dialect::postgresql;
  if (address.starts_with("mysql://") || address.starts_with("mariadb://")) return Dialect::mysql;
  return Dialect::sqlite;
}

std::string shown_address(std::string_view address) {
  const Authority found = authority_of(address);
  if (found.user_end == address.npos) return std::string(address);
  return std::string(address.substr(0, found.user_end)) + std::string(address.substr(found.at));
}

std::string with_password(std::string_view address, std::string_view password) {
  const Authority found = authority_of(address);
  std::string all(address);
  if (password.empty() || found.at == address.npos || found.user_end != address.npos) return all;
  return all.insert(found.at, ":" + percent_encoded(password));
}

Result<std::unique_ptr<Database>> open_database(const std::string& address, bool may_create) {
  const Dialect dialect = dialect_of(address);
  if (dialect == Dialect::sqlite) return open_sqlite(address, may_create);
  const char* password = std::getenv("KITGEN_DB_PASSWORD");  // NOLINT(concurrency-mt-unsafe)
  return open_server(with_password(address, password == nullptr ? "" : password), dialect);
}

}  // namespace kitgen::cli
