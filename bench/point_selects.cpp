// SPDX-License-Identifier: Apache-2.0
// Point selects on PostgreSQL, 64 at a time, three ways: tasks of kit on one thread, libpq's
// pipeline used directly on one thread, and threads with a blocking connection each. Each statement
// is a transaction of its own. bench_point_selects DSN [SECONDS [ROUNDS]]; rounds are interleaved.
// Run it on one processor: the client's cost is what is compared.
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kit/adapters/postgres/postgres.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"

namespace {

using namespace std::chrono_literals;
using kit::Clock;

constexpr int rows = 10'000;
constexpr int tasks = 64;
constexpr const char* statement = "SELECT id, n FROM bench_point WHERE id = $1";

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

struct Finish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, Finish>;

Connection connect(const char* dsn) {
  Connection connection(PQconnectdb(dsn));
  if (PQstatus(connection.get()) != CONNECTION_OK) fail(PQerrorMessage(connection.get()));
  PQclear(PQprepare(connection.get(), "point", statement, 1, nullptr));
  return connection;
}

/// The next row's number, as text.
std::string next_id() {
  thread_local unsigned state = 1;
  state = state * 1'664'525 + 1'013'904'223;
  return std::to_string(1 + state % rows);
}

double rate(long count, Clock::time_point begun) {
  return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - begun).count();
}

long select_blocking(PGconn& connection, Clock::time_point end) {
  long count = 0;
  for (; Clock::now() < end; ++count) {
    const std::string id = next_id();
    const char* value = id.c_str();
    PGresult* result = PQexecPrepared(&connection, "point", 1, &value, nullptr, nullptr, 1);
    if (PQntuples(result) != 1) fail("no row");
    PQclear(result);
  }
  return count;
}

double blocking(const std::vector<Connection>& connections, Clock::duration length) {
  const auto begun = Clock::now();
  std::atomic<long> count{0};
  std::vector<std::thread> threads;
  for (const Connection& connection : connections) {
    threads.emplace_back([&] { count += select_blocking(*connection, begun + length); });
  }
  for (std::thread& thread : threads) thread.join();
  return rate(count, begun);
}

void send(PGconn& connection) {
  const std::string id = next_id();
  const char* value = id.c_str();
  if (PQsendQueryPrepared(&connection, "point", 1, &value, nullptr, nullptr, 1) == 0 ||
      PQpipelineSync(&connection) == 0) {
    fail(PQerrorMessage(&connection));
  }
}

double pipelined(PGconn& connection, Clock::duration length) {
  const auto begun = Clock::now();
  long count = 0;
  int under_way = 0;
  while (true) {
    const bool goes_on = Clock::now() - begun < length;
    while (goes_on && under_way < tasks) {
      send(connection);
      ++under_way;
    }
    if (under_way == 0) break;
    pollfd ready{PQsocket(&connection), POLLIN, 0};
    ::poll(&ready, 1, -1);
    PQconsumeInput(&connection);
    while (under_way > 0 && PQisBusy(&connection) == 0) {
      PGresult* result = PQgetResult(&connection);
      if (PQresultStatus(result) == PGRES_TUPLES_OK) ++count;
      if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) --under_way;
      PQclear(result);
    }
  }
  return rate(count, begun);
}

kit::Task<> select(kit::db::Database& database, Clock::time_point end, long& count) {
  while (Clock::now() < end) {
    const std::array<kit::db::Parameter, 1> parameters{std::int64_t{std::stol(next_id())}};
    std::int64_t seen = 0;
    auto read = [&seen](const kit::db::Row& row) -> kit::Result<> {
      seen = row.int64(1);
      return {};
    };
    kit::db::RowSink sink(read);
    co_await database.query("SELECT id, n FROM bench_point WHERE id = ?1", parameters, sink);
    if (seen == 0) fail("no row");
    ++count;
  }
}

kit::Task<> select_side_by_side(kit::db::Database& database, Clock::time_point end, long& count) {
  kit::TaskGroup group("selects");
  for (int i = 0; i < tasks; ++i) group.spawn(select(database, end, count));
  co_await group.join();
}

double with_kit(kit::Loop& loop, kit::db::Database& database, Clock::duration length) {
  const auto begun = Clock::now();
  long count = 0;
  const auto done = kit::run(loop, select_side_by_side(database, begun + length, count));
  if (!done) fail(done.error().describe().c_str());
  return rate(count, begun);
}

void make_table(const char* dsn) {
  Connection one(PQconnectdb(dsn));
  if (PQstatus(one.get()) != CONNECTION_OK) fail(PQerrorMessage(one.get()));
  for (const char* sql : {"DROP TABLE IF EXISTS bench_point",
                          "CREATE TABLE bench_point (id bigint PRIMARY KEY, n bigint NOT NULL)",
                          "INSERT INTO bench_point SELECT i, i FROM generate_series(1, 10000) i",
                          "VACUUM ANALYZE bench_point"}) {
    PGresult* done = PQexec(one.get(), sql);
    if (PQresultStatus(done) != PGRES_COMMAND_OK) fail(PQresultErrorMessage(done));
    PQclear(done);
  }
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) fail("usage: bench_point_selects DSN [SECONDS [ROUNDS]]");
  const auto length = std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(argc > 2 ? std::atof(argv[2]) : 1));
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 5;
  make_table(argv[1]);
  std::vector<Connection> connections;
  for (int i = 0; i < tasks; ++i) connections.push_back(connect(argv[1]));
  Connection piped = connect(argv[1]);
  PQsetnonblocking(piped.get(), 1);
  PQenterPipelineMode(piped.get());
  const auto loop = kit::make_epoll_loop().value();
  kit::postgres::PostgresOptions options;
  options.dsn = argv[1];
  options.shared_connections = 1;  // as the pipeline it is compared with
  auto database = kit::postgres::open(options);
  if (!database) fail(database.error().describe().c_str());
  std::vector<double> alone, direct, kits, to_alone, to_direct;
  for (int round = 0; round < rounds; ++round) {
    alone.push_back(blocking(connections, length));
    direct.push_back(pipelined(*piped, length));
    kits.push_back(with_kit(*loop, **database, length));
    to_alone.push_back(kits.back() / alone.back());
    to_direct.push_back(kits.back() / direct.back());
  }
  std::printf(
      "{\"blocking\": %.0f, \"pipeline\": %.0f, \"kit\": %.0f, \"to_pipeline\": %.3f, "
      "\"to_blocking\": %.3f}\n",
      median(alone), median(direct), median(kits), median(to_direct), median(to_alone));
}
