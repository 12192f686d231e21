// SPDX-License-Identifier: Apache-2.0
// Migrations on PostgreSQL: a step is one transaction, or builds indexes beside the writers. The
// process that runs them is killed before and after each of its calls, and whoever comes next has
// the old schema or the new one.
#include "postgres_migrations.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

/// What `dies` runs: no test of its own, and no empty database of its own.
TEST(PostgresMigrations, DISABLED_Child) {
  postgres::PostgresOptions options;
  options.dsn = setting("KIT_TEST_DSN");
  options.prepared = setting("KIT_TEST_PREPARED") == "on";
  auto database = postgres::open(options).value();
  DoomedDatabase doomed(*database, std::stoi(setting(die_at)));
  Migrator migrator(doomed, steps());
  auto loop = make_epoll_loop().value();
  const auto done =
      setting(die_doing) == "down" ? run(*loop, migrator.down(2)) : run(*loop, migrator.up());
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(PostgresMigrationsTest, UpAndDownWithoutHarm) {
  std::vector<std::string> states = {state()};
  for (std::size_t count = 1; count <= steps().size(); ++count) {
    auto first = steps();
    first.resize(count);
    const auto done = up(first);
    ASSERT_TRUE(done.ok()) << done.error().describe();
    states.push_back(state());
    EXPECT_NE(states[count], states[count - 1]);
  }
  EXPECT_EQ(up(steps())->size(), 0u);
  EXPECT_EQ(journal(), "0");
  for (std::size_t count = steps().size(); count-- > 0;) {
    const auto undone = down(steps());
    ASSERT_TRUE(undone.ok()) << undone.error().describe();
    // A column that was dropped leaves no trace here.
    EXPECT_EQ(state(), states[count]);
  }
  ASSERT_TRUE(up(steps()).ok());
  EXPECT_EQ(state(), states.back());
}

TEST_F(PostgresMigrationsTest, KilledAnywhereTheSchemaIsOldOrNewAndUpGoesOn) {
  std::vector<std::string> states = {state()};
  for (std::size_t count = 1; count <= steps().size(); ++count) {
    auto first = steps();
    first.resize(count);
    ASSERT_TRUE(up(first).ok());
    states.push_back(state());
  }
  int points = 0;
  for (int at = 0;; at += kill_every()) {
    empty();
    if (!dies(at, "up")) break;
    ++points;
    const auto count = static_cast<std::size_t>(std::stoi(applied()));
    if (journal() == "0") ASSERT_EQ(state(), states[count]) << at;
    const auto done = up(steps());
    ASSERT_TRUE(done.ok()) << at << ": " << done.error().describe();
    ASSERT_EQ(state(), states.back()) << at;
    ASSERT_EQ(journal(), "0") << at;
  }
  std::printf("killed at %d points\n", points);
  EXPECT_GE(points, 60 / kill_every());
}

TEST_F(PostgresMigrationsTest, KilledAnywhereDownUndoesWhatThereIs) {
  auto two = steps();
  two.resize(2);
  ASSERT_TRUE(up(two).ok());
  const std::string before = state();
  int halves = 0;
  for (int at = 0;; at += kill_every()) {
    empty();
    ASSERT_TRUE(up(two).ok());
    if (!dies(at, "up")) break;
    const bool is_half = journal() == "1";
    if (!is_half && applied() != "3") continue;
    halves += is_half ? 1 : 0;
    const auto undone = down(steps());
    ASSERT_TRUE(undone.ok()) << at << ": " << undone.error().describe();
    ASSERT_EQ(undone->front().number, 3u) << at;
    ASSERT_EQ(state(), before) << at;
    ASSERT_EQ(journal(), "0") << at;
  }
  std::printf("undone after %d interruptions\n", halves);
  EXPECT_GE(halves, 15 / kill_every());
}

TEST_F(PostgresMigrationsTest, KilledWhileUndoingEitherGoesOn) {
  auto one = steps();
  one.resize(1);
  ASSERT_TRUE(up(one).ok());
  const std::string before = state();
  ASSERT_TRUE(up(steps()).ok());
  const std::string whole = state();
  int points = 0;
  for (int at = 0;; at += kill_every()) {
    empty();
    ASSERT_TRUE(up(steps()).ok());
    if (!dies(at, "down")) break;
    ++points;
    if (at % 2 == 0) {
      const auto done = up(steps());
      ASSERT_TRUE(done.ok()) << at << ": " << done.error().describe();
      ASSERT_EQ(state(), whole) << at;
    } else {
      const auto undone = down(steps(), static_cast<std::uint32_t>(std::stoi(applied()) - 1));
      ASSERT_TRUE(undone.ok()) << at << ": " << undone.error().describe();
      ASSERT_EQ(state(), before) << at;
    }
    ASSERT_EQ(journal(), "0") << at;
  }
  std::printf("undoing killed at %d points\n", points);
  EXPECT_GE(points, 30 / kill_every());
}

Task<> run_beside(Migrator& migrator, int& applied) {
  const auto done = co_await migrator.up();
  applied += static_cast<int>(done.size());
}

Task<> runners(std::vector<Migrator>& all, int& applied) {
  TaskGroup group("runners");
  for (Migrator& each : all) group.spawn(run_beside(each, applied));
  co_await group.join();
}

TEST_F(PostgresMigrationsTest, RunnersAtOnceApplyEachStepOnce) {
  std::vector<std::unique_ptr<postgres::PostgresDatabase>> databases;
  std::vector<Migrator> migrators;
  for (int i = 0; i < 4; ++i) {
    databases.push_back(open());
    migrators.emplace_back(*databases.back(), steps());
  }
  int applied = 0;
  const auto done = run(runners(migrators, applied));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(applied, 3);
  EXPECT_EQ(read("SELECT age::text FROM customer ORDER BY id"), "1,1");
}

Task<> locked_out(db::Database& holder, Migrator& migrator, bool& told) {
  auto session = co_await holder.begin_schema();
  const std::string got =
      co_await text(*session, "SELECT pg_try_advisory_xact_lock(1802073120, 1)::text");
  EXPECT_EQ(got, "true");
  const std::string pid = co_await text(*session, "SELECT pg_backend_pid()::text");
  db::MigrationOptions options;
  options.lock_timeout = 300ms;
  options.on_wait = [&told] { told = true; };
  const auto done = co_await as_result(migrator.up(options));
  EXPECT_EQ(done.error().reason(), "MIGRATION_LOCKED") << done.error().describe();
  EXPECT_THAT(done.error().message(), HasSubstr("session " + pid + " of kit at 127.0.0.1"));
  co_await session->commit();
  const auto after = co_await as_result(migrator.up(options));
  EXPECT_TRUE(after.ok());
}

TEST_F(PostgresMigrationsTest, ARunnerWaitsForTheOtherSoLongAndNamesIt) {
  auto other = open();
  Migrator migrator(database(), steps());
  bool told = false;
  EXPECT_TRUE(run(locked_out(*other, migrator, told)).ok());
  EXPECT_TRUE(told);
}

/// Reads the table again and again; the longest a read took.
Task<> read_on(db::Database* database, const bool* is_over, Clock::duration* longest) {
  while (!*is_over) {
    const auto start = Clock::now();
    co_await text(*database, "SELECT name FROM customer");
    *longest = std::max(*longest, Clock::now() - start);
    co_await sleep_for(5ms);
  }
}

Task<> table_in_use(db::Database& other, Migrator& migrator, bool& is_over,
                    Clock::duration& longest) {
  auto reader = co_await other.begin();
  co_await text(*reader, "SELECT name FROM customer");
  const std::string pid = co_await text(*reader, "SELECT pg_backend_pid()::text");
  TaskGroup group("readers");
  group.spawn(read_on(&other, &is_over, &longest));
  db::MigrationOptions options;
  options.table_wait = 400ms;
  options.lock_timeout = 3s;
  const auto refused = co_await as_result(migrator.up(options));
  EXPECT_EQ(refused.error().reason(), "LOCK_TIMEOUT") << refused.error().describe();
  EXPECT_THAT(refused.error().message(), HasSubstr("0002_orders.up.sql:1: "));
  EXPECT_THAT(refused.error().message(), HasSubstr("session " + pid + " of kit at 127.0.0.1"));
  EXPECT_THAT(refused.error().message(), HasSubstr("Tried "));
  is_over = true;
  co_await group.join();
  co_await reader->commit();
  const auto done = co_await as_result(migrator.up(options));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(PostgresMigrationsTest, ATableInUseHoldsNobodyElseUpForLong) {
  auto one = steps();
  one.resize(1);
  ASSERT_TRUE(up(one).ok());
  auto alter = steps();
  alter[1].up = "ALTER TABLE customer ADD COLUMN age INTEGER;";
  auto other = open();
  Migrator migrator(database(), alter);
  bool is_over = false;
  Clock::duration longest{};
  const auto done = run(table_in_use(*other, migrator, is_over, longest));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_LT(longest, 2s) << "readers wait behind a try, not behind the step";
}

Task<> release_later(db::Database& other, Migrator& migrator) {
  auto reader = co_await other.begin();
  co_await text(*reader, "SELECT name FROM customer");
  auto release = [](std::unique_ptr<db::Transaction> held) -> Task<> {
    co_await sleep_for(1s);
    co_await held->commit();
  };
  TaskGroup group("release");
  group.spawn(release(std::move(reader)));
  db::MigrationOptions options;
  options.table_wait = 100ms;
  const auto done = co_await as_result(migrator.up(options));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  co_await group.join();
}

TEST_F(PostgresMigrationsTest, AStepIsTriedAgainUntilTheTableIsFree) {
  auto one = steps();
  one.resize(1);
  ASSERT_TRUE(up(one).ok());
  auto other = open();
  Migrator migrator(database(), steps());
  const auto done = run(release_later(*other, migrator));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(applied(), "3");
}

TEST_F(PostgresMigrationsTest, WhatCantBeGoneOnWithIsRefused) {
  struct Case {
    const char* sql;
    const char* message;
  };
  for (const Case& each : std::initializer_list<Case>{
           {"CREATE INDEX CONCURRENTLY ix ON t (a);", "begins with -- kit:no-transaction"},
           {"-- kit:no-transaction\nCREATE INDEX CONCURRENTLY ON t (a);", "needs a name"},
           {"-- kit:no-transaction\nREINDEX INDEX CONCURRENTLY ix;", "only CREATE INDEX and DROP"},
           {"-- kit:no-transaction\nDROP INDEX CONCURRENTLY a, b;", "for several at once"},
           {"-- kit:no-transaction\nSET work_mem = 1;", "its effect goes with the session"},
           {"BEGIN;", "which is one transaction"}}) {
    const auto done = up({migration(1, "bad", each.sql, "")});
    ASSERT_FALSE(done.ok()) << each.sql;
    EXPECT_EQ(done.error().reason(), "MIGRATIONS_INVALID") << done.error().describe();
    EXPECT_THAT(done.error().message(), HasSubstr(each.message));
  }
  EXPECT_EQ(applied(), "0");
}

TEST_F(PostgresMigrationsTest, FilesOfAnotherDatabaseAreNeverRun) {
  auto migrations = steps();
  for (Migration& each : migrations) each.dialect = "sqlite";
  Migrator migrator(database(), migrations);
  const auto done = run(migrator.up());
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason(), "MIGRATIONS_MISSING");
  EXPECT_THAT(done.error().message(), HasSubstr("kitgen generate --add-database postgresql"));
  EXPECT_EQ(run(migrator.report()).error().reason(), "MIGRATIONS_MISSING");
  EXPECT_EQ(read("SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"), "0");
}

TEST_F(PostgresMigrationsTest, AFailedStatementLeavesNothingOfItsStep) {
  auto migrations = steps();
  migrations[1].up += "INSERT INTO missing VALUES (1);";
  const auto done = up(migrations);
  ASSERT_FALSE(done.ok());
  EXPECT_THAT(done.error().message(), HasSubstr("0002_orders.up.sql:9: "));
  EXPECT_EQ(applied(), "1");
  EXPECT_EQ(read("SELECT name FROM customer ORDER BY id"), "a,b");
  const auto report = run(Migrator(database(), migrations).report());
  ASSERT_TRUE(report.ok());
  ASSERT_TRUE(report->steps[1].failure.has_value());
  EXPECT_EQ(report->steps[1].failure->line, 9u);
  EXPECT_FALSE(report->steps[1].progress.has_value());
}

TEST_F(PostgresMigrationsTest, LossesAreRefusedWithRowsInTheWay) {
  auto migrations = steps();
  ASSERT_TRUE(up({migrations[0]}).ok());
  migrations[1].up = "ALTER TABLE customer DROP COLUMN name;";
  EXPECT_EQ(up(migrations).error().reason(), "MIGRATION_DESTRUCTIVE");
}

}  // namespace
}  // namespace kit::tests
