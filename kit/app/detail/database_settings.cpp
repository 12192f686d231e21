// SPDX-License-Identifier: Apache-2.0
#include "kit/app/detail/database_settings.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "kit/base/text.hpp"

namespace kit::app::detail {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view sqlite_scheme = "sqlite:";
constexpr std::size_t longest_url = 16 * 1024;

struct Scheme {
  std::string_view text;
  db::Dialect dialect;
};
constexpr std::array<Scheme, 5> schemes = {{
    {sqlite_scheme, db::Dialect::sqlite},
    {"postgresql://", db::Dialect::postgresql},
    {"postgres://", db::Dialect::postgresql},
    {"mysql://", db::Dialect::mysql},
    {"mariadb://", db::Dialect::mysql},
}};

bool is_url(const Secret<std::string>& url) {
  return url.reveal().empty() || dialect_of(url.reveal()).has_value();
}

void describe_place(config::Section& section, Settings::Database& database) {
  constexpr std::string_view forms = "sqlite:PATH, postgresql://... or mysql://...";
  section
      .field("url", database.url,
             "where the data is: sqlite:PATH, postgresql://user:password@host/name or "
             "mysql://user:password@host/name; empty: the SQLite file of database.path")
      .accept(std::string(forms), is_url);
  section
      .field("replica_url", database.replica_url,
             "where reads go that may be a little behind; empty: to the same")
      .accept(std::string(forms), is_url);
  section.field("url_file", database.url_file, "a file with the URL, instead of database.url");
  section.field("path", database.sqlite.path, "the SQLite file; made when missing");
}

void describe_sqlite(config::Section& section, sqlite::SqliteOptions& sqlite) {
  section.field(
      "synchronous", sqlite.synchronous,
      "SQLite: how much of a commit is on the disk when it is answered; only full survives a loss "
      "of power",
      {{"off", sqlite::Synchronous::off},
       {"normal", sqlite::Synchronous::normal},
       {"full", sqlite::Synchronous::full}});
  section
      .field("busy_timeout", sqlite.busy_timeout,
             "SQLite: how long a write waits for another process")
      .min(milliseconds{0});
  section
      .field("group_window", sqlite.group_window,
             "SQLite: how long commits wait for each other to share one flush")
      .max(std::chrono::microseconds{100'000});
  section
      .field("snapshot_limit", sqlite.snapshot_limit,
             "SQLite: a snapshot that lives longer is ended")
      .min(milliseconds{10});
  section.field("page_cache_kib", sqlite.page_cache_kib, "SQLite: page cache of each connection")
      .min(64);
  section
      .field("snapshots_per_thread", sqlite.snapshots_per_thread,
             "SQLite: snapshots at once on each thread")
      .min(1);
}

void describe_limits(config::Section& section, Settings::Database& database) {
  section
      .field("write_limit", database.sqlite.write_limit,
             "a transaction that takes longer is rolled back; PostgreSQL: one in which nothing "
             "happens for so long")
      .min(milliseconds{10})
      .max(std::chrono::hours{24});
  section
      .field("statement_limit", database.sqlite.statement_limit,
             "a statement that runs longer is ended")
      .min(milliseconds{10})
      .max(std::chrono::hours{24});
  section
      .field("cached_statements", database.sqlite.cached_statements,
             "prepared statements kept by each connection")
      .min(1);
  section
      .field("slow_statement", database.slow_statement,
             "a statement that takes longer gets a line in the log; 0: none does")
      .min(milliseconds{0});
}

void describe_pool(config::Section& section, Settings::Database& database) {
  constexpr std::chrono::hours day{24};
  section
      .field("connections", database.connections,
             "servers: connections of each thread; PostgreSQL: for transactions")
      .min(1)
      .max(1'000);
  section
      .field("shared_connections", database.shared_connections,
             "PostgreSQL: connections of each thread that single statements share")
      .min(1)
      .max(64);
  section
      .field("pipeline_depth", database.pipeline_depth,
             "PostgreSQL: single statements under way on each of these")
      .min(1)
      .max(1'024);
  section.field("prepared", database.prepared,
                "PostgreSQL: keep statements prepared; false for pgbouncer in transaction mode");
  section
      .field("queue", database.queue,
             "servers: tasks of a thread that wait for a connection; more get 503")
      .min(1)
      .max(1'000'000);
  section.field("queue_limit", database.queue_limit, "servers: how long they wait; then 503")
      .min(milliseconds{1})
      .max(day);
  section
      .field("connect_timeout", database.connect_timeout,
             "servers: how long connecting to a host may take")
      .min(milliseconds{1})
      .max(std::chrono::hours{1});
  section
      .field("idle_limit", database.idle_limit,
             "servers: an unused connection is closed after this")
      .min(milliseconds{100})
      .max(day);
  section
      .field("connection_lifetime", database.connection_lifetime,
             "servers: an older connection is replaced")
      .min(milliseconds{1'000})
      .max(day);
  section
      .field("lock_wait", database.lock_wait,
             "MariaDB, MySQL: how long a row is waited for that another transaction holds")
      .min(std::chrono::seconds{1})
      .max(std::chrono::seconds{3'600});
}

void describe_migrations(config::Section& section, Settings& settings) {
  section.field("migrate_on_start", settings.migrate_on_start,
                "apply pending migrations before listening");
  section.field("allow_destructive", settings.allow_destructive,
                "apply also migrations that lose data; otherwise they end the start with what "
                "would be lost");
  section
      .field("migration_lock_timeout", settings.migration_lock_timeout,
             "how long another instance's migration is waited for")
      .min(milliseconds{0})
      .max(std::chrono::hours{24});
  section
      .field("migration_table_wait", settings.migration_table_wait,
             "servers: how long a try of a migration waits for a table, and others behind it")
      .min(milliseconds{10})
      .max(std::chrono::minutes{10});
}

Error bad(std::string message) {
  return Error(Code::invalid_argument, "database." + std::move(message));
}

/// What a file says, without the end of its line.
Result<std::string> read_url(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(longest_url + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.empty()) return bad("url_file: can't read " + path + ", or it is empty");
  if (text.size() > longest_url) return bad("url_file: " + path + " is larger than 16 KiB");
  std::string url(trim(text));
  if (!dialect_of(url)) {
    return bad("url_file: " + path +
               " must hold sqlite:PATH, postgresql://... or mysql://... and nothing else");
  }
  return url;
}

}  // namespace

void describe_database(config::Section section, Settings& settings) {
  describe_place(section, settings.database);
  describe_migrations(section, settings);
  describe_sqlite(section, settings.database.sqlite);
  describe_limits(section, settings.database);
  describe_pool(section, settings.database);
}

std::optional<db::Dialect> dialect_of(std::string_view url) {
  const auto found = std::ranges::find_if(
      schemes, [&](const Scheme& scheme) { return url.starts_with(scheme.text); });
  if (found == schemes.end()) return std::nullopt;
  return found->dialect;
}

Result<> resolve_database(Settings::Database& database) {
  if (!database.url_file.empty()) {
    if (!database.url.reveal().empty())
      return bad("url and database.url_file are two places for one thing: give one of them");
    auto url = read_url(database.url_file);
    if (!url) return std::move(url).error();
    database.url = Secret<std::string>(std::move(*url));
  }
  const std::string& url = database.url.reveal();
  const std::string& replica = database.replica_url.reveal();
  if (!replica.empty() && (url.empty() || dialect_of(replica) != dialect_of(url) ||
                           dialect_of(url) == db::Dialect::sqlite)) {
    return bad("replica_url must be of the same kind of server as database.url");
  }
  if (!url.starts_with(sqlite_scheme)) return {};
  database.sqlite.path = url.substr(sqlite_scheme.size());
  if (database.sqlite.path.empty()) return bad("url: sqlite: needs the path of a file");
  return {};
}

}  // namespace kit::app::detail

namespace kit::app {

bool Settings::Database::is_server() const {
  const auto dialect = detail::dialect_of(url.reveal());
  return dialect && *dialect != db::Dialect::sqlite;
}

std::string Settings::Database::shown() const {
  if (!is_server()) return sqlite.path;
  std::string_view text = url.reveal();
  const std::size_t scheme = text.find("://") + 3;
  std::string_view rest = text.substr(scheme);
  const std::size_t parameters = std::min(rest.find('?'), rest.size());
  // Parameters, or a password with a ? that is not encoded.
  if (rest.substr(parameters).contains('@')) return std::string(text.substr(0, scheme)) + "...";
  rest = rest.substr(0, parameters);
  // The last one: a password may have an @ that is not encoded.
  if (const auto at = rest.rfind('@'); at != rest.npos) rest.remove_prefix(at + 1);
  return std::string(text.substr(0, scheme)).append(rest);
}

}  // namespace kit::app
