// SPDX-License-Identifier: Apache-2.0
// Migrations on PostgreSQL: a step is one transaction, or builds indexes beside the writers. The
// process that runs them is killed before and after each of its calls and in the middle of a build,
// and whoever comes next has the old schema or the new one.
#include "doomed_database.hpp"
#include "kit/adapters/postgres/postgres.hpp"
#include "kit/db/migrations.hpp"
#include "server_control.hpp"
#include "suite.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using db::Migration;
using db::Migrator;
using ::testing::HasSubstr;
using Statuses = std::vector<db::MigrationStatus>;

Migration migration(std::uint32_t number, const std::string& name, std::string up,
                    std::string down) {
  const std::string file = "000" + std::to_string(number) + "_" + name;
  return {number,      name, std::move(up), std::move(down), file + ".up.sql", file + ".down.sql",
          "postgresql"};
}

std::vector<Migration> steps() {
  return {
      migration(1, "start",
                "CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(20));\n"
                "INSERT INTO customer (id, name) VALUES (1, 'a'), (2, 'b');\n",
                "DROP TABLE customer;"),
      migration(2, "orders",
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL\n"
                "  CONSTRAINT fk_customer REFERENCES customer (id));\n"
                "INSERT INTO orders (id, customer) SELECT id * 10, id FROM customer;\n"
                "-- kit:allow update-all\n"
                "UPDATE customer SET name = name || '!';\n"
                "ALTER TABLE customer ADD COLUMN age INTEGER;\n"
                "-- kit:check no customer may be nameless\n"
                "SELECT id FROM customer WHERE name IS NULL;\n",
                "ALTER TABLE customer DROP COLUMN age;\n"
                "UPDATE customer SET name = replace(name, '!', '');\n"
                "DROP TABLE orders;"),
      migration(3, "indexes",
                "-- kit:no-transaction: indexes are built beside the writers\n"
                "CREATE INDEX CONCURRENTLY ix_age ON customer (age);\n"
                "-- kit:allow update-all\n"
                "UPDATE customer SET age = coalesce(age, 0) + 1;\n"
                "CREATE UNIQUE INDEX CONCURRENTLY ux_name ON customer (name);\n"
                "ALTER TABLE customer ADD COLUMN phone TEXT;\n",
                "-- kit:no-transaction\n"
                "ALTER TABLE customer DROP COLUMN phone;\n"
                "DROP INDEX CONCURRENTLY ux_name;\n"
                "UPDATE customer SET age = NULL;\n"
                "DROP INDEX CONCURRENTLY ix_age;\n"),
  };
}

class PostgresMigrationsTest : public DatabaseTest {
 protected:
  static std::unique_ptr<postgres::PostgresDatabase> open() {
    postgres::PostgresOptions options;
    options.dsn = setting("KIT_TEST_DSN");
    options.prepared = setting("KIT_TEST_PREPARED") == "on";
    return postgres::open(options).value();
  }
  Result<Statuses> up(std::vector<Migration> migrations, db::MigrationOptions options = {}) {
    Migrator migrator(database(), migrations);
    return run(migrator.up(std::move(options)));
  }
  Result<Statuses> down(std::vector<Migration> migrations, std::uint32_t count = 1) {
    Migrator migrator(database(), migrations);
    return run(migrator.down(count));
  }
  /// Tables with all that belongs to them, and their rows.
  std::string state() {
    std::string all = read(
        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable) FROM "
        "information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'kit_%' "
        "ORDER BY table_name, ordinal_position");
    all += ";" + read(
                     "SELECT pg_get_indexdef(indexrelid) || indisvalid::text FROM pg_index "
                     "WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = "
                     "'public'::regnamespace AND relname NOT LIKE 'kit_%') ORDER BY 1");
    all += ";" + read(
                     "SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE "
                     "connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE "
                     "'kit_%' ORDER BY 1");
    for (const char* table : {"customer", "orders"}) {
      const std::string there =
          read("SELECT coalesce(to_regclass('" + std::string(table) + "')::text, '')");
      if (there.empty()) continue;
      all += ";" + there + ": " + read("SELECT r::text FROM " + there + " AS r ORDER BY id");
    }
    return all;
  }
  std::string applied() {
    return read("SELECT coalesce(to_regclass('kit_migrations')::text, '')").empty()
               ? "0"
               : read("SELECT count(*)::text FROM kit_migrations");
  }
  std::string journal() {
    return read("SELECT coalesce(to_regclass('kit_migration_journal')::text, '')").empty()
               ? "0"
               : read("SELECT count(*)::text FROM kit_migration_journal");
  }
  void empty() {
    set_up(
        "DROP TABLE IF EXISTS orders, customer, kit_migrations, kit_migration_failures, "
        "kit_migration_journal CASCADE");
  }
  static bool dies(int at, const char* doing) {
    return tests::dies(at, doing, "PostgresMigrations.DISABLED_Child");
  }
  /// Until the query says so, at most ten seconds.
  bool becomes(const std::string& sql, const std::string& wanted) {
    const auto end = Clock::now() + 10s;
    while (read(sql) != wanted) {
      if (Clock::now() > end) return false;
      auto pause = []() -> Task<> { co_await sleep_for(10ms); };
      EXPECT_TRUE(run(pause()).ok());
    }
    return true;
  }
};

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
