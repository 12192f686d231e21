// SPDX-License-Identifier: Apache-2.0
#include "case_database.hpp"

#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#ifdef KIT_HAS_POSTGRES
#include "kit/adapters/postgres/postgres.hpp"
#endif
#ifdef KIT_HAS_MYSQL
#include "kit/adapters/mysql/mysql.hpp"
#endif

namespace kitgen::golden {
namespace {

using kit::Result;
using kit::db::Database;

Result<> run_all(Database& database, std::initializer_list<std::string_view> statements) {
  for (const std::string_view sql : statements) {
    auto loop = kit::make_epoll_loop();
    if (!loop) return std::move(loop).error();
    const auto done = kit::run(**loop, database.execute(sql, {}));
    if (!done) return done.error().clone();
  }
  return {};
}

std::string dsn() {
  const char* value = std::getenv("KIT_TEST_DSN");
  return value != nullptr ? value : "";
}

Result<std::unique_ptr<Database>> open_sqlite(const std::filesystem::path& folder) {
  kit::sqlite::SqliteOptions options;
  options.path = (folder / "case.db").string();
  options.synchronous = kit::sqlite::Synchronous::off;
  auto opened = kit::sqlite::open(options);
  if (!opened) return std::move(opened).error();
  return std::unique_ptr<Database>(std::move(opened).value());
}

Result<std::unique_ptr<Database>> open_postgres() {
#ifdef KIT_HAS_POSTGRES
  kit::postgres::PostgresOptions options;
  options.dsn = dsn();
  auto opened = kit::postgres::open(options);
  if (!opened) return std::move(opened).error();
  KIT_TRY(run_all(**opened, {"DROP SCHEMA public CASCADE", "CREATE SCHEMA public"}));
  return std::unique_ptr<Database>(std::move(opened).value());
#else
  return kit::Error(kit::Code::unimplemented, "built without PostgreSQL");
#endif
}

Result<std::unique_ptr<Database>> open_mysql() {
#ifdef KIT_HAS_MYSQL
  kit::mysql::MysqlOptions options;
  options.dsn = kit::Secret<std::string>(dsn());
  auto opened = kit::mysql::open(options);
  if (!opened) return std::move(opened).error();
  KIT_TRY(
      run_all(**opened, {"DROP DATABASE conformance",
                         "CREATE DATABASE conformance CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
                         "USE conformance"}));
  return std::unique_ptr<Database>(std::move(opened).value());
#else
  return kit::Error(kit::Code::unimplemented, "built without MariaDB");
#endif
}

}  // namespace

bool has_server() {
  return !dsn().empty();
}

Result<std::unique_ptr<Database>> open_empty(const std::filesystem::path& folder) {
  if (!has_server()) return open_sqlite(folder);
  return dsn().starts_with("postgresql:") ? open_postgres() : open_mysql();
}

}  // namespace kitgen::golden
