// SPDX-License-Identifier: Apache-2.0
// Indexes that migrations build beside the writers on PostgreSQL, and what ended builds leave.
#include "postgres_migrations.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST_F(PostgresMigrationsTest, KilledInTheMiddleOfABuildItIsBuiltAnew) {
  auto two = steps();
  two.resize(2);
  ASSERT_TRUE(up(two).ok());
  auto other = open();
  auto kill_it = [&]() -> Task<> {
    // The build waits for whoever writes when it begins.
    auto writer = co_await other->begin();
    co_await change(*writer, "UPDATE customer SET name = 'c' WHERE id = 1");
    const pid_t child = start_doomed(1'000'000, "up", "PostgresMigrations.DISABLED_Child");
    std::string waiting;
    while (waiting != "1") {
      waiting = co_await text(*other,
                              "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE "
                              "'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'");
      co_await sleep_for(5ms);
    }
    end_doomed(child);
    const std::string half =
        co_await text(*other,
                      "SELECT indisvalid::text FROM pg_index WHERE indexrelid = "
                      "'ix_age'::regclass");
    EXPECT_EQ(half, "false");
    co_await writer->commit();
  };
  const auto killed = run(kill_it());
  ASSERT_TRUE(killed.ok()) << killed.error().describe();
  const auto done = up(steps());
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*)::text FROM pg_index WHERE NOT indisvalid"), "0");
  EXPECT_EQ(read("SELECT age::text FROM customer ORDER BY id"), "1,1");
}

Task<> end_the_build(db::Database& other, Migrator& migrator) {
  auto writer = co_await other.begin();
  co_await change(*writer, "UPDATE customer SET name = 'c' WHERE id = 1");
  auto terminate = [](db::Database* server) -> Task<> {
    std::string ended;
    while (ended.empty()) {
      ended = co_await text(*server,
                            "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE "
                            "query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'");
      co_await sleep_for(5ms);
    }
  };
  TaskGroup group("terminate");
  group.spawn(terminate(&other));
  const auto done = co_await as_result(migrator.up());
  EXPECT_FALSE(done.ok());
  co_await group.join();
  co_await writer->commit();
}

TEST_F(PostgresMigrationsTest, ABuildThatTheServerEndedIsBuiltAnew) {
  auto two = steps();
  two.resize(2);
  ASSERT_TRUE(up(two).ok());
  auto other = open();
  Migrator migrator(database(), steps());
  const auto ended = run(end_the_build(*other, migrator));
  ASSERT_TRUE(ended.ok()) << ended.error().describe();
  EXPECT_EQ(read("SELECT indisvalid::text FROM pg_index WHERE indexrelid = 'ix_age'::regclass"),
            "false");
  const auto report = run(migrator.report());
  ASSERT_TRUE(report.ok());
  ASSERT_TRUE(report->steps[2].progress.has_value());
  EXPECT_EQ(report->steps[2].progress->statements_done, 0u);
  const auto done = up(steps());
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*)::text FROM pg_index WHERE NOT indisvalid"), "0");
}

TEST_F(PostgresMigrationsTest, RowsInTheWayOfAUniqueIndexAreCounted) {
  auto migrations = steps();
  ASSERT_TRUE(up({migrations[0], migrations[1]}).ok());
  set_up("INSERT INTO customer (id, name) VALUES (3, 'a!'), (4, 'a!'), (5, NULL), (6, NULL)");
  const auto refused = up(migrations);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason(), "MIGRATION_REFUSED");
  EXPECT_EQ(refused.error().message(),
            "0003_indexes.up.sql:5: 1 value of (name) in customer stands in 3 rows: make them "
            "differ, or put them together");
  EXPECT_EQ(read("SELECT coalesce(to_regclass('ux_name')::text, 'none')"), "none")
      << "an invalid index would slow writers down";
  set_up("DELETE FROM customer WHERE id > 2");
  const auto done = up(migrations);
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT age::text FROM customer ORDER BY id"), "1,1") << "each statement ran once";
}

TEST_F(PostgresMigrationsTest, AnInvalidIndexOfSomebodyElseIsReplacedAValidOneIsNot) {
  auto migrations = steps();
  ASSERT_TRUE(up({migrations[0], migrations[1]}).ok());
  set_up("INSERT INTO customer (id, name) VALUES (3, 'a!')");
  EXPECT_EQ(error_of("CREATE UNIQUE INDEX CONCURRENTLY ix_age ON customer (name)").reason(),
            "UNIQUE_VIOLATION");
  set_up("DELETE FROM customer WHERE id = 3");
  set_up("CREATE INDEX ux_name ON customer (id)");
  for (int tries = 0; tries < 2; ++tries) {
    const auto refused = up(migrations);
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message(), HasSubstr("\"ux_name\" already exists")) << tries;
  }
  EXPECT_THAT(read("SELECT pg_get_indexdef('ix_age'::regclass)"), HasSubstr("(age)"));
  set_up("DROP INDEX ux_name");
  const auto done = up(migrations);
  ASSERT_TRUE(done.ok()) << done.error().describe();
}

}  // namespace
}  // namespace kit::tests
