// SPDX-License-Identifier: Apache-2.0
#include "kit/app/database.hpp"

#include <utility>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/app/detail/database_settings.hpp"
#include "kit/async/operation.hpp"
#include "kit/log/log.hpp"

#ifdef KIT_HAS_POSTGRES
#include "kit/adapters/postgres/metrics.hpp"
#include "kit/adapters/postgres/postgres.hpp"
#endif
#ifdef KIT_HAS_MYSQL
#include "kit/adapters/mysql/metrics.hpp"
#include "kit/adapters/mysql/mysql.hpp"
#endif

namespace kit::app {
namespace {

log::Module app_log{"app"};

constexpr auto watch_interval = std::chrono::seconds{1};
constexpr auto answer_limit = std::chrono::seconds{2};

class OpenFile final : public OpenDatabase {
 public:
  explicit OpenFile(std::unique_ptr<sqlite::SqliteDatabase> database)
      : database_(std::move(database)) {}
  db::Database& database() override { return *database_; }
  Result<> health() const override { return database_->health(); }
  Task<> watch() override { co_return; }
  void add_metrics(telemetry::Registry& registry) override {
    const auto add = [&](std::string_view name, std::string_view help, auto read) {
      registry.add_reading(name, help, [database = database_.get(), read] {
        return static_cast<double>(read(database->stats()));
      });
    };
    using Stats = sqlite::SqliteStats;
    add("sqlite_log_bytes", "Size of the write-ahead log; long when somebody reads an old state",
        [](const Stats& stats) { return stats.log_bytes; });
    add("sqlite_checkpoints_total", "How often the log was written back",
        [](const Stats& stats) { return stats.checkpoints; });
    add("sqlite_checkpoints_held_total", "How often that was not possible because of a reader",
        [](const Stats& stats) { return stats.held_logs; });
    add("sqlite_commits_total", "Groups of transactions made durable",
        [](const Stats& stats) { return stats.commits; });
  }

 private:
  std::unique_ptr<sqlite::SqliteDatabase> database_;
};

#if defined(KIT_HAS_POSTGRES) || defined(KIT_HAS_MYSQL)
class OpenServer final : public OpenDatabase {
 public:
  using AddMetrics = std::function<void(telemetry::Registry&)>;
  OpenServer(std::unique_ptr<db::Database> database, std::string shown, AddMetrics add_metrics)
      : database_(std::move(database)),
        shown_(std::move(shown)),
        add_metrics_(std::move(add_metrics)) {}
  db::Database& database() override { return *database_; }
  Result<> health() const override {
    const std::lock_guard lock(mutex_);
    if (problem_) return problem_->clone();
    return {};
  }
  void add_metrics(telemetry::Registry& registry) override { add_metrics_(registry); }
  Task<> watch() override {
    int missed = 0;
    while (true) {
      co_await sleep_for(watch_interval);
      auto ignore = [](const db::Row&) -> Result<> { return {}; };
      db::RowSink sink(ignore);
      Task<> asking = with_deadline(answer_limit, database_->query("SELECT 1", {}, sink));
      Result<> answered = co_await as_result(std::move(asking));
      if (!answered && answered.error().code() == Code::cancelled) co_await std::move(answered);
      // That all connections are taken says that there is much to do.
      if (!answered && answered.error().code() == Code::resource_exhausted) continue;
      missed = answered ? 0 : missed + 1;
      // One that is slow may be no more than that.
      if (missed == 1 && answered.error().code() != Code::unavailable) continue;
      note(std::move(answered));
    }
  }

 private:
  void note(Result<> answered) {
    const std::lock_guard lock(mutex_);
    const bool was_good = !problem_;
    problem_.reset();
    if (!answered) problem_ = std::move(answered).error();
    if (problem_ && was_good) {
      log::error(app_log, "the database does not answer",
                 {{"database", shown_}, {"error", *problem_}});
    } else if (!problem_ && !was_good) {
      log::info(app_log, "the database answers again", {{"database", shown_}});
    }
  }

  std::unique_ptr<db::Database> database_;
  const std::string shown_;
  const AddMetrics add_metrics_;
  mutable std::mutex mutex_;
  std::optional<Error> problem_;  // guarded by mutex_
};
#endif

#ifdef KIT_HAS_POSTGRES
Result<std::unique_ptr<OpenDatabase>> open_postgres(const Settings::Database& settings) {
  postgres::PostgresOptions options;
  options.dsn = settings.url.reveal();
  options.replica_dsn = settings.replica_url.reveal();
  options.prepared = settings.prepared;
  options.cached_statements = settings.sqlite.cached_statements;
  options.shared_connections = settings.shared_connections;
  options.pipeline_depth = settings.pipeline_depth;
  options.transaction_connections = settings.connections;
  options.queue = settings.queue;
  options.wait_limit = settings.queue_limit;
  options.connect_timeout = settings.connect_timeout;
  options.statement_limit = settings.sqlite.statement_limit;
  options.idle_transaction_limit = settings.sqlite.write_limit;
  options.idle_limit = settings.idle_limit;
  options.connection_limit = settings.connection_lifetime;
  auto opened = postgres::open(options);
  if (!opened) return std::move(opened).error();
  auto add_metrics = [database = opened->get()](telemetry::Registry& registry) {
    postgres::add_metrics(registry, *database);
  };
  return std::make_unique<OpenServer>(std::move(*opened), settings.shown(), add_metrics);
}
#endif

#ifdef KIT_HAS_MYSQL
Result<std::unique_ptr<OpenDatabase>> open_mysql(const Settings::Database& settings) {
  mysql::MysqlOptions options;
  options.dsn = settings.url;
  options.replica_dsn = settings.replica_url;
  options.connections_per_thread = settings.connections;
  options.queue_per_thread = settings.queue;
  options.queue_limit = settings.queue_limit;
  options.connect_timeout = settings.connect_timeout;
  options.idle_limit = settings.idle_limit;
  options.connection_lifetime = settings.connection_lifetime;
  options.statement_limit = settings.sqlite.statement_limit;
  options.transaction_limit = settings.sqlite.write_limit;
  options.lock_wait = settings.lock_wait;
  options.cached_statements = settings.sqlite.cached_statements;
  auto opened = mysql::open(options);
  if (!opened) return std::move(opened).error();
  auto add_metrics = [database = opened->get()](telemetry::Registry& registry) {
    mysql::add_metrics(registry, *database);
  };
  return std::make_unique<OpenServer>(std::move(*opened), settings.shown(), add_metrics);
}
#endif

[[maybe_unused]] Error not_built_in(std::string_view server, std::string_view package) {
  std::string text = "database.url: this program was built without ";
  text.append(server).append(": install the Debian package ").append(package);
  text.append(", then build kit and the program again");
  return Error(Code::unimplemented, std::move(text)).with_reason("DATABASE_NOT_BUILT_IN");
}

}  // namespace

Result<std::unique_ptr<OpenDatabase>> open_by_url(const Settings::Database& settings,
                                                  std::function<void(const Error&)> on_fatal) {
  const auto dialect = detail::dialect_of(settings.url.reveal()).value_or(db::Dialect::sqlite);
  if (dialect == db::Dialect::postgresql) {
#ifdef KIT_HAS_POSTGRES
    return open_postgres(settings);
#else
    return not_built_in("PostgreSQL", "libpq-dev");
#endif
  }
  if (dialect == db::Dialect::mysql) {
#ifdef KIT_HAS_MYSQL
    return open_mysql(settings);
#else
    return not_built_in("MariaDB and MySQL", "libmariadb-dev");
#endif
  }
  sqlite::SqliteOptions options = settings.sqlite;
  options.on_fatal = std::move(on_fatal);
  options.on_log_held = [](std::uint64_t bytes) {
    log::warn(app_log,
              "the database's log grows because somebody reads an old state of it: a long export, "
              "a backup or another program",
              {{"bytes", bytes}});
  };
  auto opened = sqlite::open(options);
  if (!opened) return std::move(opened).error();
  return std::make_unique<OpenFile>(std::move(*opened));
}

}  // namespace kit::app
