// SPDX-License-Identifier: Apache-2.0
// Every limit of PostgreSQL's adapter, at it and past it.
#include <signal.h>

#include "kit/adapters/postgres/metrics.hpp"
#include "postgres_support.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;

Task<> sleep_in_the_database(db::Session& session, std::string seconds) {
  co_await text(session, "SELECT pg_sleep(" + seconds + ")");
}

TEST_F(PostgresTest, AStatementRunsSoLongOnly) {
  PostgresOptions limited = options();
  limited.statement_limit = 1s;
  const auto database = open(limited);
  EXPECT_TRUE(run(sleep_in_the_database(*database, "0.1")).ok());
  const auto begun = Clock::now();
  const auto ended = run(sleep_in_the_database(*database, "20"));
  EXPECT_EQ(ended.error().code(), Code::deadline_exceeded) << ended.error().describe();
  EXPECT_LT(Clock::now() - begun, 5s);
  auto in_transaction = [](db::Database& where, bool is_bulk) -> Task<> {
    auto transaction = is_bulk ? co_await where.begin_bulk() : co_await where.begin();
    co_await sleep_in_the_database(*transaction, "1.3");
    co_await transaction->commit();
  };
  EXPECT_EQ(run(in_transaction(*database, false)).error().code(), Code::deadline_exceeded);
  const auto bulk = run(in_transaction(*database, true));
  EXPECT_TRUE(bulk.ok()) << bulk.error().describe();
}

Task<> stay_idle(db::Database& database) {
  auto transaction = co_await database.begin();
  EXPECT_EQ(co_await text(*transaction, "SELECT 1"), "1");
  co_await sleep_for(50ms);
  EXPECT_EQ(co_await text(*transaction, "SELECT 2"), "2");
  co_await sleep_for(1'600ms);
  const auto late = co_await as_result(text(*transaction, "SELECT 3"));
  EXPECT_FALSE(late.ok());
  if (late.ok()) co_return;
  EXPECT_EQ(late.error().reason(), "TRANSACTION_EXPIRED") << late.error().describe();
  const auto committed = co_await as_result(transaction->commit());
  EXPECT_FALSE(committed.ok());
}

TEST_F(PostgresTest, ATransactionIsIdleSoLongOnly) {
  PostgresOptions limited = options();
  limited.idle_transaction_limit = 1s;
  const auto database = open(limited);
  const auto done = run(stay_idle(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database->stats().in_use, 0);
}

struct Gate {
  bool is_open = false;
};

Task<> hold_until(db::Database& database, const Gate& gate) {
  auto transaction = co_await database.begin();
  while (!gate.is_open) co_await sleep_for(5ms);
  co_await transaction->commit();
}

Task<> hold_three(PostgresDatabase& database) {
  TaskGroup group("holders");
  Gate gate;
  for (int i = 0; i < 3; ++i) group.spawn(hold_until(database, gate));
  const auto end = Clock::now() + 5s;
  while (database.stats().in_use < 2 && Clock::now() < end) co_await sleep_for(5ms);
  EXPECT_EQ(database.stats().in_use, 2);
  EXPECT_EQ(database.stats().waiting, 1);
  gate.is_open = true;
  co_await group.join();
  EXPECT_EQ(database.stats().in_use, 0);
  EXPECT_EQ(database.stats().waiting, 0);
  EXPECT_EQ(database.stats().connections, 2);
}

TEST_F(PostgresTest, SoManyTransactionsHaveAConnection) {
  PostgresOptions limited = options();
  limited.transaction_connections = 2;
  const auto database = open(limited);
  const auto done = run(hold_three(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database->stats().refused, 0u);
}

Task<> crowd(PostgresDatabase& database, int tasks) {
  TaskGroup group("crowd");
  int refused = 0;
  auto one = [&refused](db::Database& where) -> Task<> {
    const auto done = co_await as_result(sleep_in_the_database(where, "0.1"));
    if (!done && done.error().reason() == "DATABASE_BUSY") ++refused;
  };
  for (int i = 0; i < tasks; ++i) group.spawn(one(database));
  co_await sleep_for(20ms);
  EXPECT_EQ(database.stats().waiting, 3);
  co_await group.join();
  EXPECT_EQ(refused, tasks - 7);
}

TEST_F(PostgresTest, SoManySingleStatementsAreUnderWayAndWait) {
  PostgresOptions limited = options();
  limited.shared_connections = 1;
  limited.pipeline_depth = 4;
  limited.queue = 3;
  const auto database = open(limited);
  const auto fits = run(crowd(*database, 7));
  EXPECT_TRUE(fits.ok()) << fits.error().describe();
  EXPECT_EQ(database->stats().refused, 0u);
  const auto past = run(crowd(*database, 8));
  EXPECT_TRUE(past.ok()) << past.error().describe();
  EXPECT_EQ(database->stats().refused, 1u);
}

Task<> use_and_leave(PostgresDatabase& database) {
  co_await text(database, "SELECT 1");
  co_await hold(database, 0ms);
  EXPECT_EQ(database.stats().connections, 2);
  const auto end = Clock::now() + 8s;
  while (database.stats().connections > 0 && Clock::now() < end) co_await sleep_for(20ms);
  EXPECT_EQ(database.stats().connections, 0);
  EXPECT_EQ(co_await text(database, "SELECT 2"), "2");
}

TEST_F(PostgresTest, IdleConnectionsAreClosed) {
  PostgresOptions limited = options();
  limited.idle_limit = 1s;
  const auto database = open(limited);
  const auto done = run(use_and_leave(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> use_for_long(PostgresDatabase& database) {
  for (int i = 0; i < 3; ++i) {
    co_await text(database, "SELECT 1");
    co_await hold(database, 0ms);
    if (i == 1) EXPECT_EQ(database.stats().connects, 2u);
    if (i == 1) co_await sleep_for(2'100ms);
  }
  EXPECT_EQ(database.stats().connects, 4u);
}

TEST_F(PostgresTest, OldConnectionsAreReplaced) {
  PostgresOptions limited = options();
  limited.connection_limit = 2s;
  const auto database = open(limited);
  const auto done = run(use_for_long(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> watch_a_cancel(db::Database& database, db::Database& watcher) {
  const std::string active =
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%20.75%' AND state = 'active' "
      "AND pid <> pg_backend_pid()";
  TaskGroup group("watched");
  auto one = [](db::Database& where) -> Task<> {
    const auto done = co_await as_result(with_deadline(3s, sleep_in_the_database(where, "20.75")));
    EXPECT_EQ(done.error().code(), Code::deadline_exceeded) << done.error().describe();
  };
  group.spawn(one(database));
  co_await becomes(watcher, active, "1");
  co_await group.join();
  co_await becomes(watcher, active, "0");
}

TEST_F(PostgresTest, ACancelledStatementEndsOnTheServer) {
  const auto database = open(options());
  const auto watcher = open(direct());
  const auto done = run(watch_a_cancel(*database, *watcher));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_GE(database->stats().cancels, 1u);
}

Task<> stop_the_server_process(PostgresDatabase& database) {
  const std::string process = co_await text(database, "SELECT pg_backend_pid()");
  const pid_t pid = std::stoi(process);
  EXPECT_EQ(::kill(pid, SIGSTOP), 0);
  const auto begun = Clock::now();
  const auto done = co_await as_result(with_deadline(100ms, text(database, "SELECT 1")));
  EXPECT_EQ(done.error().code(), Code::deadline_exceeded) << done.error().describe();
  EXPECT_LT(Clock::now() - begun, 2s);
  EXPECT_EQ(database.stats().lost, 0u);
  // Behind it on the same connection, which is given up.
  const auto behind = co_await as_result(with_deadline(5s, text(database, "SELECT 2")));
  EXPECT_EQ(behind.error().code(), Code::unavailable) << behind.error().describe();
  EXPECT_LT(Clock::now() - begun, 4s);
  EXPECT_EQ(database.stats().lost, 1u);
  EXPECT_EQ(co_await text(database, "SELECT 3"), "3");
  ::kill(pid, SIGCONT);
}

TEST_F(PostgresTest, AServerThatDoesNotEndAStatementLosesTheConnection) {
  PostgresOptions limited = direct();
  limited.shared_connections = 1;
  limited.cancel_limit = 1'500ms;
  const auto database = open(limited);
  const auto done = run(stop_the_server_process(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<std::int64_t> count_rows(db::Session& session, std::string sql) {
  std::int64_t rows = 0;
  auto count = [&rows](const db::Row&) -> Result<> {
    ++rows;
    return {};
  };
  db::RowSink sink(count);
  co_await session.query(sql, {}, sink);
  co_return rows;
}

Task<std::int64_t> count_streamed_rows(db::Database& database, std::string sql) {
  auto transaction = co_await database.begin_read();
  co_return co_await count_rows(*transaction, std::move(sql));
}

TEST_F(PostgresTest, AnAnswerIsSoLargeOnly) {
  PostgresOptions limited = options();
  limited.most_answer_bytes = 1'024 * 1'024;
  const auto database = open(limited);
  const std::string small = "SELECT repeat('x', 1000) FROM generate_series(1, 900)";
  const std::string large = "SELECT repeat('x', 1000) FROM generate_series(1, 60000)";
  EXPECT_EQ(*run(count_rows(*database, small)), 900);
  const auto refused = run(count_rows(*database, large));
  EXPECT_EQ(refused.error().code(), Code::resource_exhausted) << refused.error().describe();
  EXPECT_EQ(refused.error().reason(), "ANSWER_TOO_LARGE");
  EXPECT_EQ(*run(count_streamed_rows(*database, large)), 60'000);
  const auto one_row = run(count_streamed_rows(*database, "SELECT repeat('x', 100000000)"));
  EXPECT_EQ(one_row.error().reason(), "ANSWER_TOO_LARGE");
  EXPECT_EQ(read(*database, "SELECT 1"), "1");
}

Task<> use_the_pool(PostgresDatabase& database, const telemetry::Registry& registry) {
  {
    auto transaction = co_await database.begin();
    co_await text(*transaction, "SELECT 1");
    EXPECT_GE(metric(registry, "db_pool_connections"), 1);
    EXPECT_EQ(metric(registry, "db_pool_connections_in_use"), 1);
    TaskGroup group("waits");
    group.spawn(hold(database, 0ms));
    EXPECT_EQ(metric(registry, "db_pool_waiting"), 1);
    const auto refused = co_await as_result(hold(database, 0ms));
    EXPECT_EQ(refused.error().reason(), "DATABASE_BUSY");
    EXPECT_EQ(metric(registry, "db_pool_refused_total"), 1);
    co_await transaction->commit();
    transaction.reset();
    co_await group.join();
  }
  EXPECT_EQ(metric(registry, "db_pool_connections_in_use"), 0);
  EXPECT_EQ(metric(registry, "db_pool_waiting"), 0);
  EXPECT_GE(metric(registry, "db_pool_connects_total"), 1);
  EXPECT_EQ(metric(registry, "db_pool_connections_lost_total"), 0);
  EXPECT_EQ(metric(registry, "db_pool_connects_failed_total"), 0);
  EXPECT_EQ(metric(registry, "db_statement_retries_total"), 0);
  EXPECT_EQ(metric(registry, "db_statement_cancels_total"), 0);
  const auto late = co_await as_result(with_deadline(100ms, text(database, "SELECT pg_sleep(9)")));
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  EXPECT_GE(metric(registry, "db_statement_cancels_total"), 1);
}

TEST_F(PostgresTest, ItsMetricsMove) {
  PostgresOptions limited = options();
  limited.transaction_connections = 1;
  limited.queue = 1;
  const auto database = open(limited);
  telemetry::Registry registry;
  postgres::add_metrics(registry, *database);
  const auto done = run(use_the_pool(*database, registry));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(metric(registry, "db_statement_prepares_total") > 0, limited.prepared);
}

}  // namespace
}  // namespace kit::tests
