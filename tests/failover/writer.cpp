// SPDX-License-Identifier: Apache-2.0
// A load of writes through kit, each with a number of its own, for a database whose server is
// replaced meanwhile: kit_failover_writer DSN [TASKS]. Until its input ends it says what became of
// each, with the milliseconds of the monotonic clock:
//   w ID TIME      acknowledged
//   e ID TIME WHY  failed: it may have been done or not
//   r TIME STANDBY a read of the replica, 1 when a standby answered, - when nobody did
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kit/adapters/postgres/postgres.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"

namespace {

using namespace std::chrono_literals;

/// How long a write may take, as a request's deadline has it.
constexpr auto write_limit = 2s;
constexpr std::int64_t numbers_of_a_task = 1'000'000'000;
constexpr const char* insert = "INSERT INTO acknowledged (id) VALUES (?1)";

long long milliseconds() {
  const auto since = kit::Clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

bool input_ended() {
  pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  return ::poll(&input, 1, 0) != 0;
}

kit::Task<> write_alone(kit::db::Database& database, std::int64_t id) {
  const std::array<kit::db::Parameter, 1> one{id};
  co_await database.execute(insert, one);
}

kit::Task<> write_in_a_transaction(kit::db::Database& database, std::int64_t id) {
  const std::array<kit::db::Parameter, 1> one{id};
  auto transaction = co_await database.begin();
  co_await transaction->execute(insert, one);
  co_await transaction->commit();
}

struct Load {
  bool ended = false;
};

kit::Task<> keep_writing(kit::db::Database& database, std::int64_t task, const Load& load) {
  for (std::int64_t i = 1; !load.ended; ++i) {
    const std::int64_t id = task * numbers_of_a_task + i;
    kit::Task<> writing =
        i % 2 == 0 ? write_alone(database, id) : write_in_a_transaction(database, id);
    kit::Task<> limited = kit::with_deadline(write_limit, std::move(writing));
    const auto done = co_await kit::as_result(std::move(limited));
    if (done.ok()) {
      std::printf("w %lld %lld\n", static_cast<long long>(id), milliseconds());
      continue;
    }
    std::printf("e %lld %lld %s\n", static_cast<long long>(id), milliseconds(),
                done.error().describe().c_str());
    co_await kit::sleep_for(10ms);
  }
}

kit::Task<> read_once(kit::db::Session& replica, std::string* seen) {
  auto read = [seen](const kit::db::Row& row) -> kit::Result<> {
    *seen = row.text(0);
    return {};
  };
  kit::db::RowSink sink(read);
  co_await replica.query("SELECT pg_is_in_recovery()::int", {}, sink);
}

kit::Task<> keep_reading(kit::db::Database& database, const Load& load) {
  while (!load.ended) {
    std::string seen;
    kit::Task<> reading = kit::with_deadline(write_limit, read_once(database.replica(), &seen));
    const auto done = co_await kit::as_result(std::move(reading));
    std::printf("r %lld %s\n", milliseconds(), done.ok() ? seen.c_str() : "-");
    co_await kit::sleep_for(20ms);
  }
}

kit::Task<> run(kit::db::Database& database, std::int64_t tasks) {
  Load load;
  kit::TaskGroup group("writers");
  for (std::int64_t task = 1; task <= tasks; ++task)
    group.spawn(keep_writing(database, task, load));
  group.spawn(keep_reading(database, load));
  while (!input_ended()) {
    std::fflush(stdout);
    co_await kit::sleep_for(20ms);
  }
  load.ended = true;
  co_await group.join();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: kit_failover_writer DSN [TASKS]\n", stderr);
    return 2;
  }
  kit::postgres::PostgresOptions options;
  options.dsn = argv[1];
  auto database = kit::postgres::open(options);
  if (!database) {
    std::fprintf(stderr, "%s\n", database.error().describe().c_str());
    return 1;
  }
  const auto loop = kit::make_epoll_loop().value();
  const auto done = kit::run(*loop, run(**database, argc > 2 ? std::atoi(argv[2]) : 16));
  if (!done) std::fprintf(stderr, "%s\n", done.error().describe().c_str());
  return done.ok() ? 0 : 1;
}
