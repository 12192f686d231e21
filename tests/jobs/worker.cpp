// SPDX-License-Identifier: Apache-2.0
// An instance with one job, for run.py, which kills it: `worker URL create` makes the tables,
// `worker URL ORIGIN` runs the job by a clock that is a thousand times as fast as the real one and
// stood at noon of the first of January 2024 at ORIGIN (microseconds since 1970).
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/db/joint_work.hpp"
#include "kit/db/sql.hpp"
#include "kit/jobs/scheduler.hpp"
#include "kit/telemetry/registry.hpp"
#include "kitgen/evolve/catalogue.hpp"
#ifdef KIT_HAS_POSTGRES
#include "kit/adapters/postgres/postgres.hpp"
#endif
#ifdef KIT_HAS_MYSQL
#include "kit/adapters/mysql/mysql.hpp"
#endif

namespace kit::tests {
namespace {

constexpr std::int64_t speed = 1'000;

Result<std::unique_ptr<db::Database>> open_database(const std::string& url) {
#ifdef KIT_HAS_POSTGRES
  if (url.starts_with("postgresql:")) {
    postgres::PostgresOptions options;
    options.dsn = url;
    auto opened = postgres::open(options);
    if (!opened) return std::move(opened).error();
    return std::unique_ptr<db::Database>(std::move(*opened));
  }
#endif
#ifdef KIT_HAS_MYSQL
  if (url.starts_with("mysql:")) {
    mysql::MysqlOptions options;
    options.dsn = Secret<std::string>(url);
    auto opened = mysql::open(options);
    if (!opened) return std::move(opened).error();
    return std::unique_ptr<db::Database>(std::move(*opened));
  }
#endif
  sqlite::SqliteOptions options;
  options.path = url.substr(url.find(':') + 1);
  options.synchronous = sqlite::Synchronous::normal;
  auto opened = sqlite::open(options);
  if (!opened) return std::move(opened).error();
  return std::unique_ptr<db::Database>(std::move(*opened));
}

std::string table_of_jobs(db::Dialect dialect) {
  for (const auto& table : kitgen::evolve::system_tables()) {
    if (table.name != "kit_jobs") continue;
    const db::Sql sql{table.sqlite, table.postgres, table.mysql};
    return std::string(sql.in(dialect));
  }
  return {};
}

Task<> create(db::Database& database) {
  const std::string table = table_of_jobs(database.dialect());
  co_await database.execute(table, {});
  // Nothing that would refuse a second row for a fire time: the test counts them.
  co_await database.execute(
      "CREATE TABLE effects (fire_at BIGINT NOT NULL, worker BIGINT NOT NULL)", {});
}

/// Does what a job does, with time to be killed in before, between and behind.
Task<> work(db::Database& database, jobs::Run run, std::chrono::milliseconds after) {
  static std::minstd_rand random(std::random_device{}());
  co_await sleep_for(std::chrono::milliseconds(random() % 15));
  const std::unique_ptr<db::Transaction> transaction = co_await database.begin();
  const std::array<db::Parameter, 2> row = {run.fire_time.since_epoch.count(),
                                            std::int64_t{::getpid()}};
  co_await transaction->execute("INSERT INTO effects (fire_at, worker) VALUES (?1, ?2)", row);
  co_await sleep_for(std::chrono::milliseconds(random() % 15));
  co_await transaction->commit();
  co_await sleep_for(after);
}

Task<> serve(db::Database& database, std::int64_t origin, bool atomic) {
  db::JoiningDatabase joining(database);
  jobs::JobOptions every_minute{.name = "every_minute", .schedule = "* * * * *"};
  every_minute.atomic = atomic;
  every_minute.missed = jobs::Missed::all;
  auto working = [&](const jobs::Run& run) {
    return work(joining, run, std::chrono::milliseconds(atomic ? 10 : 50));
  };
  std::vector<jobs::Job> all;
  all.push_back(jobs::make_job(std::move(every_minute), working));
  telemetry::Registry registry;
  jobs::SchedulerOptions options;
  options.poll = std::chrono::milliseconds(10);
  options.lease = std::chrono::milliseconds(200);
  options.now = [origin] {
    const Timestamp noon = *Timestamp::parse("2024-01-01T12:00:00Z");
    const auto passed = Timestamp::now().since_epoch - std::chrono::microseconds(origin);
    return Timestamp{noon.since_epoch + passed * speed};
  };
  jobs::Scheduler scheduler(database, registry, all, std::move(options));
  co_await scheduler.run();
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  auto database = open_database(argv[1]);
  auto loop = make_epoll_loop();
  if (!database || !loop) {
    std::fprintf(stderr, "%s\n", database ? "no loop" : database.error().describe().c_str());
    return 1;
  }
  const bool creates = std::strcmp(argv[2], "create") == 0;
  const bool atomic = argc < 4 || std::strcmp(argv[3], "unfenced") != 0;
  Task<> task = creates ? create(**database) : serve(**database, std::atoll(argv[2]), atomic);
  const Result<> done = run(**loop, std::move(task));
  if (!done) std::fprintf(stderr, "%s\n", done.error().describe().c_str());
  return done ? 0 : 1;
}

}  // namespace
}  // namespace kit::tests

int main(int argc, char** argv) {
  return kit::tests::main(argc, argv);
}
