// SPDX-License-Identifier: Apache-2.0
// What only PostgreSQL's adapter has: limits of its pool, lost connections, prepared statements.
#include <atomic>
#include <thread>

#include "kit/async/live.hpp"
#include "postgres_support.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;

TEST_F(PostgresTest, OptionsAreChecked) {
  auto problem = [](auto change_it) {
    PostgresOptions wanted = options();
    change_it(wanted);
    auto opened = postgres::open(wanted);
    return opened.ok() ? std::string() : opened.error().violations().at(0).field;
  };
  EXPECT_EQ(problem([](auto& o) { o.shared_connections = 0; }), "database.shared_connections");
  EXPECT_EQ(problem([](auto& o) { o.shared_connections = 64; }), "");
  EXPECT_EQ(problem([](auto& o) { o.shared_connections = 65; }), "database.shared_connections");
  EXPECT_EQ(problem([](auto& o) { o.pipeline_depth = 1'025; }), "database.pipeline_depth");
  EXPECT_EQ(problem([](auto& o) { o.transaction_connections = 1'001; }),
            "database.transaction_connections");
  EXPECT_EQ(problem([](auto& o) { o.cached_statements = 0; }), "database.cached_statements");
  EXPECT_EQ(problem([](auto& o) { o.wait_limit = 0ms; }), "database");
}

TEST_F(PostgresTest, AWrongPasswordIsToldWithoutIt) {
  PostgresOptions wanted = options();
  const auto at = wanted.dsn.find('@');
  wanted.dsn = "postgresql://kit:not-this-secret" + wanted.dsn.substr(at);
  const auto opened = postgres::open(wanted);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), Code::unavailable);
  EXPECT_THAT(opened.error().describe(), ::testing::Not(::testing::HasSubstr("not-this-secret")));
}

Task<> fill_the_queue(db::Database& database) {
  TaskGroup group("holders");
  group.spawn(hold(database, 500ms));  // has the one connection
  group.spawn(hold(database, 0ms));    // waits
  co_await sleep_for(100ms);
  const auto refused = co_await as_result(database.begin());  // one too many
  EXPECT_EQ(refused.error().reason(), "DATABASE_BUSY") << refused.error().describe();
  co_await group.join();
}

TEST_F(PostgresTest, TheQueueIsBounded) {
  PostgresOptions small = options();
  small.transaction_connections = 1;
  small.queue = 1;
  const auto database = open(small);
  const auto done = run(fill_the_queue(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> wait_too_long(db::Database& database) {
  auto first = co_await database.begin();
  const auto second = co_await as_result(database.begin());
  EXPECT_EQ(second.error().reason(), "DATABASE_BUSY") << second.error().describe();
  co_await first->commit();
  auto third = co_await database.begin();
  co_await third->commit();
}

TEST_F(PostgresTest, AWaitForAConnectionEnds) {
  PostgresOptions small = options();
  small.transaction_connections = 1;
  small.wait_limit = 100ms;
  const auto database = open(small);
  const auto done = run(wait_too_long(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

/// Ends every other session of the server's.
Task<> terminate_others(PostgresDatabase& database, PostgresDatabase& killer) {
  EXPECT_EQ(co_await text(database, "SELECT 1"), "1");
  co_await hold(database, 0ms);
  co_await text(killer,
                "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
  co_await sleep_for(200ms);
  EXPECT_EQ(co_await text(database, "SELECT 2"), "2");
  co_await hold(database, 0ms);
}

TEST_F(PostgresTest, IdleConnectionsThatBrokeAreReplacedUnnoticed) {
  const auto database = open(options());
  const auto killer = open(options());
  const auto done = run(terminate_others(*database, *killer));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_GE(database->stats().lost, 2u);
}

TEST_F(PostgresTest, ATaskThatGaveUpConnectingIsNobodyElsesProblem) {
  const auto loop = make_epoll_loop().value();
  const auto database = open(options());
  const auto gave_up = kit::run(*loop, with_deadline(Clock::duration(1us), hold(*database, 0ms)));
  EXPECT_EQ(gave_up.error().code(), Code::deadline_exceeded) << gave_up.error().describe();
  const auto next = kit::run(*loop, hold(*database, 0ms));
  EXPECT_TRUE(next.ok()) << next.error().describe();
}

Task<> many_texts(db::Database& database) {
  for (int i = 0; i < 50; ++i) {
    Parameters one{std::int64_t{i}};
    const std::string seen = co_await text(database, "SELECT ?1::int + " + std::to_string(i), one);
    EXPECT_EQ(seen, std::to_string(2 * i));
  }
  const std::string kept =
      co_await text(database, "SELECT count(*)::text FROM pg_prepared_statements");
  EXPECT_LE(std::stoi(kept), 8);
}

TEST_F(PostgresTest, PreparedStatementsAreBounded) {
  PostgresOptions small = options();
  if (!small.prepared) GTEST_SKIP() << "none are kept";
  small.cached_statements = 8;
  small.shared_connections = 1;
  const auto database = open(small);
  const auto done = run(many_texts(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

const std::string store_mood = "INSERT INTO moods(mood) VALUES(?1)";

Task<> make_moods(db::Database& database) {
  co_await change(database, "DROP TABLE IF EXISTS moods");
  co_await change(database, "DROP TYPE IF EXISTS mood");
  co_await change(database, "CREATE TYPE mood AS ENUM('sad', 'happy')");
  co_await change(database, "CREATE TABLE moods(mood mood)");
}

Task<bool> stores(db::Session& session, const std::string& sql, db::Parameter value) {
  Parameters values = {value};
  Task<db::Session::Changed> storing = change(session, sql, std::move(values));
  const Result<db::Session::Changed> stored = co_await as_result(std::move(storing));
  co_return stored.ok();
}

/// On one loop, whose connections have the statement prepared for a type that is gone.
Task<> use_moods(db::Database& database) {
  co_await make_moods(database);
  EXPECT_TRUE(co_await stores(database, store_mood, std::string_view("sad")));
  co_await make_moods(database);
  EXPECT_TRUE(co_await stores(database, store_mood, std::string_view("happy")));
  co_await make_moods(database);
  // What fails in a transaction can't be sent again, but the next one succeeds.
  for (const bool is_first : {true, false}) {
    const std::unique_ptr<db::Transaction> transaction = co_await database.begin();
    const bool stored = co_await stores(*transaction, store_mood, std::string_view("sad"));
    EXPECT_TRUE(stored || is_first);
    if (stored) co_await transaction->commit();
  }
}

TEST_F(PostgresTest, ATypeThatWasMadeAnewIsAskedForAgain) {
  const auto database = open(options());
  const auto done = run(use_moods(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> widen_numbers(db::Database& database) {
  const std::string store_number = "INSERT INTO numbers(number) VALUES(?1)";
  constexpr std::int64_t large = std::int64_t{1} << 40;
  co_await change(database, "CREATE TABLE numbers(number smallint)");
  EXPECT_TRUE(co_await stores(database, store_number, std::int64_t{7}));
  co_await change(database, "ALTER TABLE numbers ALTER number TYPE bigint");
  // It does not fit the type that is remembered, which is then asked for again.
  co_await stores(database, store_number, large);
  EXPECT_TRUE(co_await stores(database, store_number, large));
}

TEST_F(PostgresTest, ATypeThatWasWidenedTakesWhatItCan) {
  const auto database = open(options());
  const auto done = run(widen_numbers(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(PostgresTest, ATypeThatIsNotReadIsNamed) {
  const auto database = open(options());
  const auto done = run(text(*database, "SELECT point '(1,2)' AS place"));
  EXPECT_EQ(done.error().code(), Code::unimplemented);
  EXPECT_THAT(done.error().message(), ::testing::HasSubstr("place"));
  EXPECT_EQ(*run(text(*database, "SELECT (point '(1,2)')::text")), "(1,2)");
}

TEST_F(PostgresTest, CopyIsRefusedAndTheNextStatementRuns) {
  const auto database = open(options());
  const auto done = run(change(*database, "COPY (SELECT 1) TO STDOUT"));
  EXPECT_FALSE(done.ok());
  EXPECT_EQ(*run(text(*database, "SELECT 1")), "1");
}

Task<> read_some(db::Database& database) {
  for (int i = 0; i < 50; ++i) {
    Parameters one{std::int64_t{i}};
    const std::string seen = co_await text(database, "SELECT ?1::bigint", one);
    if (seen != std::to_string(i)) co_await Error(Code::data_loss, seen);
  }
  co_await hold(database, 0ms);
}

TEST_F(PostgresTest, LoopsHaveTheirOwnConnections) {
  const auto database = open(options());
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      if (run(read_some(*database)).ok()) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 4);
  EXPECT_EQ(database->stats().connections, 0);  // they went with their loops
}

TEST_F(PostgresTest, NothingIsLeftBehind) {
  const auto sockets = live_sockets.live();
  const auto loop = make_epoll_loop().value();
  auto database = open(options());
  EXPECT_TRUE(kit::run(*loop, read_some(*database)).ok());
  EXPECT_GT(database->stats().connections, 0);
  EXPECT_GT(live_sockets.live(), sockets);
  database.reset();  // from outside the loop, which closes them when it runs next
  EXPECT_TRUE(kit::run(*loop, []() -> Task<> { co_await sleep_for(1ms); }()).ok());
  EXPECT_EQ(live_sockets.live(), sockets);
}

Task<> write_to_a_demoted_server(PostgresDatabase& database) {
  co_await change(database, "DROP TABLE IF EXISTS demoted");
  co_await change(database, "CREATE TABLE demoted (a bigint)");
  // What a session on a server that became a standby answers to writes.
  co_await change(database, "SET default_transaction_read_only = on");
  Parameters one{std::int64_t{1}};
  co_await change(database, "INSERT INTO demoted VALUES (?1)", one);
  EXPECT_EQ(co_await text(database, "SELECT count(*) FROM demoted"), "1");
  EXPECT_EQ(database.stats().retries, 1u);
  auto transaction = co_await database.begin();
  co_await change(*transaction, "SET TRANSACTION READ ONLY");
  const auto refused = co_await as_result(change(*transaction, "DELETE FROM demoted"));
  EXPECT_EQ(refused.error().code(), Code::unavailable) << refused.error().describe();
}

TEST_F(PostgresTest, WhatADemotedPrimaryRefusesGoesToTheNewOne) {
  PostgresOptions one = options();
  one.prepared = true;  // a session that keeps what SET says
  one.dsn = setting("KIT_TEST_DIRECT_DSN");
  one.shared_connections = 1;
  const auto database = open(one);
  const auto done = run(write_to_a_demoted_server(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> large_and_small(db::Database& database, std::string_view large) {
  TaskGroup group("sizes");
  auto one = [](db::Database& where, std::string_view value) -> Task<> {
    Parameters parameters{value};
    const std::string seen = co_await text(where, "SELECT ?1::text", parameters);
    if (seen != value) co_await Error(Code::data_loss, "another text came back");
  };
  for (int i = 0; i < 16; ++i) group.spawn(one(database, i % 4 == 0 ? large : "small"));
  co_await group.join();
}

TEST_F(PostgresTest, WhatDoesNotFitIntoTheSocketIsSentLater) {
  PostgresOptions single = options();
  single.shared_connections = 1;
  const auto database = open(single);
  const std::string large(4 * 1024 * 1024, 'x');
  const auto done = run(large_and_small(*database, large));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> drop_half_way(db::Database& database) {
  auto transaction = co_await database.begin();
  Context context;
  Context::Scope scope(context);
  TaskGroup group("dropped");
  auto sleeps = [](db::Session& session) -> Task<> {
    co_await text(session, "SELECT pg_sleep(20)");
  };
  group.spawn(sleeps(*transaction));
  co_await sleep_for(50ms);
}

TEST_F(PostgresTest, ATaskThatIsDroppedEndsItsStatementToo) {
  PostgresOptions one = options();
  one.transaction_connections = 1;
  const auto database = open(one);
  EXPECT_TRUE(run(drop_half_way(*database)).ok());
  const auto loop = make_epoll_loop().value();
  EXPECT_TRUE(kit::run(*loop, drop_half_way(*database)).ok());
  const auto begun = Clock::now();
  EXPECT_TRUE(kit::run(*loop, hold(*database, 0ms)).ok());
  EXPECT_LT(Clock::now() - begun, 5s);
}

}  // namespace
}  // namespace kit::tests
