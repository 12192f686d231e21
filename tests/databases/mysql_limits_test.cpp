// SPDX-License-Identifier: Apache-2.0
// Connections: how many, how long, and what happens when they end.
#include "kit/adapters/mysql/metrics.hpp"
#include "mysql_support.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;

Task<> pause_for(Clock::duration duration) {
  co_await sleep_for(duration);
}

TEST_F(MysqlTest, AnIdleConnectionThatTheServerClosedIsNotUsed) {
  make_counter();
  auto database = open();
  must(*database, "SET GLOBAL wait_timeout = 1");
  auto waiting = open();
  EXPECT_EQ(read_in(*waiting, "SELECT @@wait_timeout"), "1");
  ASSERT_TRUE(run(pause_for(1500ms)).ok());
  EXPECT_EQ(read_in(*waiting, "SELECT 1"), "1");
  ASSERT_TRUE(run(pause_for(1500ms)).ok());
  must(*waiting, "INSERT INTO t (id, n) VALUES (1, 1)");
  EXPECT_EQ(waiting->stats().opened, 3u);
  must(*database, "SET GLOBAL wait_timeout = DEFAULT");
}

TEST_F(MysqlTest, WhatIsTooLargeForTheServerIsRefusedBeforeItIsSent) {
  set_up("CREATE TABLE big (label LONGTEXT)");
  const std::size_t most =
      static_cast<std::size_t>(std::stoll(read("SELECT @@GLOBAL.max_allowed_packet")));
  auto database = open();
  const std::string fits(most - 128, 'x');
  Parameters good{std::string_view(fits)};
  const auto stored = run(change(*database, "INSERT INTO big (label) VALUES (?1)", good));
  EXPECT_TRUE(stored.ok()) << stored.error().describe();
  const std::string large(most, 'x');
  Parameters bad{std::string_view(large)};
  const auto refused = run(change(*database, "INSERT INTO big (label) VALUES (?1)", bad));
  EXPECT_EQ(refused.error().code(), Code::invalid_argument) << refused.error().describe();
  EXPECT_EQ(refused.error().reason(), "VALUE_TOO_LARGE");
  const std::string sql = "INSERT INTO big (label) VALUES ('" + large + "')";
  EXPECT_EQ(run(change(*database, sql)).error().reason(), "VALUE_TOO_LARGE");
  EXPECT_EQ(read_in(*database, "SELECT count(*) FROM big"), "1");
  EXPECT_EQ(database->stats().opened, 1u);
}

Task<> hold(db::Database& database, Clock::duration duration) {
  auto transaction = co_await database.begin();
  co_await sleep_for(duration);
}

Task<> crowd(db::Database& database) {
  TaskGroup group("crowd");
  group.spawn(hold(database, 300ms));
  co_await sleep_for(100ms);
  std::vector<std::string> reasons;
  auto wants = [](db::Database& where, std::vector<std::string>& out) -> Task<> {
    const auto done = co_await as_result(text(where, "SELECT 1"));
    out.push_back(done.ok() ? "ok" : done.error().reason());
  };
  for (int i = 0; i < 3; ++i) group.spawn(wants(database, reasons));
  co_await group.join();
  std::ranges::sort(reasons);
  EXPECT_THAT(reasons, ::testing::ElementsAre("CONNECTIONS_EXHAUSTED", "ok", "ok"));
}

TEST_F(MysqlTest, SoManyWaitForAConnectionAndNoMore) {
  auto database = open([](auto& options) {
    options.connections_per_thread = 1;
    options.queue_per_thread = 2;
  });
  const auto done = run(crowd(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database->stats().opened, 1u);
  EXPECT_EQ(database->stats().refused, 1u);
  EXPECT_EQ(database->stats().in_use, 0u);
  EXPECT_EQ(database->stats().waiting, 0u);
}

Task<> wait_in_vain(db::Database& database) {
  auto transaction = co_await database.begin();
  const auto begun = Clock::now();
  const auto refused = co_await as_result(text(database, "SELECT 1"));
  EXPECT_EQ(refused.error().reason(), "CONNECTIONS_EXHAUSTED");
  EXPECT_LT(Clock::now() - begun, 3s);
  EXPECT_GE(Clock::now() - begun, 100ms);
}

TEST_F(MysqlTest, OneWaitsForAConnectionSoLong) {
  auto database = open([](auto& options) {
    options.connections_per_thread = 1;
    options.queue_limit = 100ms;
  });
  EXPECT_TRUE(run(wait_in_vain(*database)).ok());
}

TEST_F(MysqlTest, IdleAndOldConnectionsAreClosed) {
  auto idle = open([](auto& options) { options.idle_limit = 50ms; });
  EXPECT_EQ(read_in(*idle, "SELECT 1"), "1");
  EXPECT_EQ(idle->stats().closed, 0u);
  auto old = open([](auto& options) { options.connection_lifetime = 50ms; });
  EXPECT_EQ(read_in(*old, "SELECT 1"), "1");
  ASSERT_TRUE(run(pause_for(80ms)).ok());
  EXPECT_EQ(read_in(*idle, "SELECT 1"), "1");
  EXPECT_EQ(idle->stats().opened, 2u);
  EXPECT_EQ(read_in(*old, "SELECT 1"), "1");
  EXPECT_EQ(old->stats().opened, 2u);
  EXPECT_EQ(old->stats().closed, 1u);
}

Task<> use_and_leave(db::Database& database) {
  co_await text(database, "SELECT 1");
  co_await sleep_for(200ms);
}

TEST_F(MysqlTest, ATimerClosesWhatNobodyUses) {
  auto idle = open([](auto& options) { options.idle_limit = 50ms; });
  ASSERT_TRUE(run(use_and_leave(*idle)).ok());
  EXPECT_EQ(idle->stats().closed, 1u);
}

TEST_F(MysqlTest, AStatementThatNobodyWaitsForEndsOnTheServer) {
  make_counter();
  set_up("INSERT INTO t (id, n) VALUES (1, 1)");
  auto database = open([](auto& options) { options.statement_limit = 200ms; });
  const auto limited = run(text(*database, "SELECT SLEEP(20.5)"));
  EXPECT_EQ(limited.error().code(), Code::deadline_exceeded) << limited.error().describe();
  const auto cut = run(with_deadline(100ms, text(*database, "SELECT SLEEP(20.5)")));
  EXPECT_EQ(cut.error().code(), Code::deadline_exceeded) << cut.error().describe();
  EXPECT_TRUE(
      becomes("SELECT count(*) FROM information_schema.processlist WHERE info LIKE "
              "'%20.5%' AND id <> CONNECTION_ID()",
              "0"));
  const auto end = Clock::now() + 5s;
  while (database->stats().ended < 2 && Clock::now() < end) {
    EXPECT_TRUE(run(pause_for(10ms)).ok());
  }
  EXPECT_EQ(database->stats().ended, 2u);
  EXPECT_EQ(database->stats().failed_ends, 0u);
  EXPECT_EQ(database->stats().in_use, 0u);
  EXPECT_EQ(read_in(*database, "SELECT n FROM t"), "1");
}

Task<> stay_too_long(db::Database& database) {
  auto transaction = co_await database.begin();
  co_await change(*transaction, "INSERT INTO t (id, n) VALUES (1, 1)");
  co_await sleep_for(300ms);
  const auto late = co_await as_result(change(*transaction, "INSERT INTO t (id, n) VALUES (2, 2)"));
  EXPECT_EQ(late.error().reason(), "TRANSACTION_EXPIRED");
  const auto committed = co_await as_result(transaction->commit());
  EXPECT_EQ(committed.error().reason(), "TRANSACTION_EXPIRED");
}

TEST_F(MysqlTest, ATransactionIsOpenSoLongOnly) {
  make_counter();
  auto database = open([](auto& options) { options.transaction_limit = 150ms; });
  EXPECT_TRUE(run(stay_too_long(*database)).ok());
  EXPECT_EQ(database->stats().expired, 1u);
  EXPECT_TRUE(becomes("SELECT count(*) FROM t FOR UPDATE", "0"));
}

Task<> drop_and_lock(db::Database& database) {
  for (int i = 0; i < 20; ++i) {
    {
      auto dropped = co_await database.begin();
      co_await change(*dropped, "UPDATE t SET n = 99 WHERE id = 1");
    }
    // Not after the lock's time-out: the roll-back is on its way already.
    const auto begun = Clock::now();
    auto next = co_await database.begin();
    co_await change(*next, "UPDATE t SET n = n + 1 WHERE id = 1");
    co_await next->commit();
    EXPECT_LT(Clock::now() - begun, 2s);
  }
}

TEST_F(MysqlTest, ADroppedTransactionLetsItsLocksGoAtOnce) {
  make_counter();
  set_up("INSERT INTO t (id, n) VALUES (1, 0)");
  const auto done = run(drop_and_lock(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT n FROM t"), "20");
}

TEST_F(MysqlTest, TheStatementsOfAConnectionAreBounded) {
  auto database = open([](auto& options) {
    options.connections_per_thread = 1;
    options.cached_statements = 8;
  });
  const auto count = [&] {
    return std::stoi(
        read("SELECT variable_value FROM information_schema.global_status WHERE "
             "variable_name = 'PREPARED_STMT_COUNT'"));
  };
  const int before = count();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(read_in(*database, "SELECT " + std::to_string(i)), std::to_string(i));
  }
  EXPECT_EQ(database->stats().prepared, 50u);
  EXPECT_LE(count() - before, 10);
  EXPECT_EQ(read_in(*database, "SELECT 49"), "49");
  EXPECT_EQ(database->stats().prepared, 50u);
}

TEST_F(MysqlTest, TlsIsVerifiedWhenItIsAskedFor) {
  const std::string ca = "&ssl-ca=" + setting("KIT_TEST_CA");
  const std::string dsn = setting("KIT_TEST_DSN");
  const auto cipher_at = [&](const std::string& text) {
    auto database = open([&](auto& options) { options.dsn = Secret<std::string>(text); });
    return read_in(*database,
                   "SELECT variable_value FROM information_schema.session_status WHERE "
                   "variable_name = 'Ssl_cipher'");
  };
  EXPECT_EQ(cipher_at(dsn + "?sslmode=disable"), "");
  EXPECT_THAT(cipher_at(dsn + "?sslmode=require"), ::testing::StartsWith("TLS_"));
  EXPECT_THAT(cipher_at(dsn + "?sslmode=verify-full" + ca), ::testing::StartsWith("TLS_"));
  // The certificate is for 127.0.0.1.
  std::string other_name = dsn;
  other_name.replace(other_name.find("127.0.0.1"), 9, "127.1");
  EXPECT_THAT(cipher_at(other_name + "?sslmode=require" + ca), ::testing::StartsWith("TLS_"));
  EXPECT_THAT(cipher_at(other_name + "?sslmode=verify-full" + ca),
              ::testing::HasSubstr("UNAVAILABLE"));
  // An authority that nobody here knows, and one that did not sign it.
  EXPECT_THAT(cipher_at(dsn + "?sslmode=verify-full"), ::testing::HasSubstr("UNAVAILABLE"));
  std::string other = "/etc/ssl/certs/ca-certificates.crt";
  EXPECT_THAT(cipher_at(dsn + "?sslmode=verify-full&ssl-ca=" + other),
              ::testing::HasSubstr("UNAVAILABLE"));
  EXPECT_THAT(cipher_at(dsn + "?sslmode=verify-full&ssl-ca=/missing"),
              ::testing::HasSubstr("UNAVAILABLE"));
}

TEST_F(MysqlTest, WhileNoReplicaAnswersThePrimaryIsRead) {
  make_counter();
  auto database = open([](auto& options) {
    options.replica_dsn = Secret<std::string>("mysql://kit:x@127.0.0.1:1/conformance");
  });
  EXPECT_EQ(read_in(database->replica(), "SELECT count(*) FROM t"), "0");
  const auto refused =
      run(text(database->replica(), "INSERT INTO t (id, n) VALUES (1, 1) RETURNING id"));
  EXPECT_EQ(refused.error().reason(), "READ_ONLY") << refused.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM t"), "0");
}

TEST_F(MysqlTest, AServerThatOnlyReadsSaysSo) {
  make_counter();
  set_up("CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'x'");
  set_up("GRANT SELECT, INSERT ON conformance.* TO reader@'127.0.0.1'");
  set_up("SET GLOBAL read_only = 1");
  const std::string dsn = setting("KIT_TEST_DSN");
  auto database = open([&](auto& options) {
    options.dsn = Secret<std::string>("mysql://reader:x@" + dsn.substr(dsn.rfind('@') + 1));
  });
  const auto refused = run(change(*database, "INSERT INTO t (id, n) VALUES (1, 1)"));
  EXPECT_EQ(refused.error().reason(), "READ_ONLY") << refused.error().describe();
  EXPECT_EQ(read_in(*database, "SELECT count(*) FROM t"), "0");
  set_up("SET GLOBAL read_only = 0");
  must(*database, "INSERT INTO t (id, n) VALUES (1, 1)");
  set_up("DROP USER reader@'127.0.0.1'");
}

Task<> use_the_pool(mysql::MysqlDatabase& database, const telemetry::Registry& registry) {
  EXPECT_EQ(metric(registry, "db_pool_connections"), 0);
  {
    auto transaction = co_await database.begin();
    co_await text(*transaction, "SELECT 1");
    EXPECT_EQ(metric(registry, "db_pool_connections"), 1);
    EXPECT_EQ(metric(registry, "db_pool_connections_in_use"), 1);
    TaskGroup group("waits");
    auto wait = [](db::Database& where) -> Task<> { co_await text(where, "SELECT 1"); };
    group.spawn(wait(database));
    EXPECT_EQ(metric(registry, "db_pool_waiting"), 1);
    const auto refused = co_await as_result(text(database, "SELECT 1"));
    EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
    EXPECT_EQ(metric(registry, "db_pool_refused_total"), 1);
    co_await transaction->commit();
    transaction.reset();
    co_await group.join();
  }
  EXPECT_EQ(metric(registry, "db_pool_connections_in_use"), 0);
  EXPECT_EQ(metric(registry, "db_pool_waiting"), 0);
  EXPECT_EQ(metric(registry, "db_pool_connects_total"), 1);
  EXPECT_EQ(metric(registry, "db_statement_prepares_total"), 1);
  EXPECT_EQ(metric(registry, "db_pool_connections_lost_total"), 0);
  const auto late = co_await as_result(with_deadline(100ms, text(database, "SELECT SLEEP(20)")));
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  // Ended in the background.
  const auto end = Clock::now() + 5s;
  while (metric(registry, "db_statement_cancels_total") < 1 && Clock::now() < end) {
    co_await sleep_for(5ms);
  }
  EXPECT_EQ(metric(registry, "db_statement_cancels_total"), 1);
  EXPECT_EQ(metric(registry, "db_statement_cancels_failed_total"), 0);
  EXPECT_EQ(metric(registry, "db_pool_connections_lost_total"), 1);
  EXPECT_EQ(metric(registry, "db_transactions_expired_total"), 0);
}

TEST_F(MysqlTest, ItsMetricsMove) {
  const auto database = open([](auto& options) {
    options.connections_per_thread = 1;
    options.queue_per_thread = 1;
  });
  telemetry::Registry registry;
  mysql::add_metrics(registry, *database);
  const auto done = run(use_the_pool(*database, registry));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(MysqlTest, ConnectionsThatCantBeMadeAreCounted) {
  const auto database = open([](auto& options) {
    options.dsn = Secret<std::string>("mysql://nobody:x@127.0.0.1:1/none?sslmode=disable");
  });
  telemetry::Registry registry;
  mysql::add_metrics(registry, *database);
  EXPECT_FALSE(run(text(*database, "SELECT 1")).ok());
  EXPECT_GE(metric(registry, "db_pool_connects_failed_total"), 1);
  EXPECT_EQ(metric(registry, "db_pool_connects_total"), 0);
}

}  // namespace
}  // namespace kit::tests
