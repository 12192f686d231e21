// SPDX-License-Identifier: Apache-2.0
// Migrations on a database that commits with each change of a table: the process that runs them is
// killed before and after each of its calls, and whoever comes next has the old schema or the new
// one.
#include <array>

#include "doomed_database.hpp"
#include "kit/db/migrations.hpp"
#include "mysql_support.hpp"

namespace kit::tests {
namespace {

using db::Migration;
using db::Migrator;
using Statuses = std::vector<db::MigrationStatus>;

std::vector<Migration> steps() {
  std::vector<Migration> all = {
      {1, "start",
       "CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(20));\n"
       "INSERT INTO customer (id, name) VALUES (1, 'a'), (2, 'b');\n",
       "DROP TABLE customer;", "0001_start.up.sql", "0001_start.down.sql"},
      {2, "orders",
       "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL);\n"
       "ALTER TABLE orders ADD CONSTRAINT fk_customer FOREIGN KEY (customer)\n"
       "  REFERENCES customer (id);\n"
       "INSERT INTO orders (id, customer) SELECT id * 10, id FROM customer;\n"
       "-- kit:allow update-all\n"
       "UPDATE customer SET name = CONCAT(name, '!');\n"
       "ALTER TABLE customer ADD COLUMN age INTEGER, ADD UNIQUE INDEX ux_name (name);\n"
       "-- kit:check no customer may be nameless\n"
       "SELECT id FROM customer WHERE name IS NULL;\n"
       "RENAME TABLE orders TO orders_of;\n"
       "-- kit:allow update-all\n"
       "UPDATE customer SET age = COALESCE(age, 0) + 1;\n",
       "RENAME TABLE orders_of TO orders;\n"
       "ALTER TABLE customer DROP INDEX ux_name;\n"
       "ALTER TABLE customer DROP COLUMN age;\n"
       "UPDATE customer SET name = REPLACE(name, '!', '');\n"
       "DROP TABLE orders;",
       "0002_orders.up.sql", "0002_orders.down.sql"}};
  for (Migration& each : all) each.dialect = "mysql";
  return all;
}

class MysqlMigrationsTest : public MysqlTest {
 protected:
  Result<Statuses> up(std::vector<Migration> migrations) {
    Migrator migrator(database(), migrations);
    return run(migrator.up());
  }
  Result<Statuses> down(std::vector<Migration> migrations, std::uint32_t count = 1) {
    Migrator migrator(database(), migrations);
    return run(migrator.down(count));
  }
  /// Tables with all that belongs to them, and their rows.
  std::string state() {
    std::string all = read(
        "SELECT CONCAT_WS(' ', table_name, column_name, column_type, is_nullable, column_key) FROM "
        "information_schema.columns WHERE table_schema = DATABASE() AND table_name NOT LIKE "
        "'kit_%' ORDER BY table_name, ordinal_position");
    all += ";" + read(
                     "SELECT CONCAT_WS(' ', table_name, index_name, column_name) FROM "
                     "information_schema.statistics WHERE table_schema = DATABASE() AND table_name "
                     "NOT LIKE 'kit_%' ORDER BY table_name, index_name, seq_in_index");
    for (const char* table : {"customer", "orders", "orders_of"}) {
      const std::string there = read(
          "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND "
          "table_name = '" +
          std::string(table) + "'");
      if (there == "0") continue;
      const std::string age = read(
          "SELECT count(*) FROM information_schema.columns WHERE table_schema = DATABASE() "
          "AND column_name = 'age'");
      std::string columns = std::string(table) == "customer" ? "name" : "customer";
      if (std::string(table) == "customer" && age == "1") columns += ", age";
      all += ";" + std::string(table) + ": " +
             read("SELECT CONCAT_WS(' ', id, " + columns + ") FROM " + table + " ORDER BY id");
    }
    return all;
  }
  void empty() {
    for (const char* table : {"orders_of", "orders", "customer", "kit_migrations",
                              "kit_migration_failures", "kit_migration_journal"}) {
      set_up(std::string("DROP TABLE IF EXISTS ") + table);
    }
  }
  bool dies(int at, const char* doing) {
    return tests::dies(at, doing, "MysqlMigrations.DISABLED_Child");
  }
  std::string journal() {
    return read(
               "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND "
               "table_name = 'kit_migration_journal'") == "0"
               ? "0"
               : read("SELECT count(*) FROM kit_migration_journal");
  }
};

/// What `dies` runs: no test of its own, and no empty database of its own.
TEST(MysqlMigrations, DISABLED_Child) {
  mysql::MysqlOptions options;
  options.dsn = Secret<std::string>(setting("KIT_TEST_DSN"));
  auto database = mysql::open(options).value();
  DoomedDatabase doomed(*database, std::stoi(setting(die_at)));
  Migrator migrator(doomed, steps());
  auto loop = make_epoll_loop().value();
  const auto done =
      setting(die_doing) == "down" ? run(*loop, migrator.down(1)) : run(*loop, migrator.up());
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(MysqlMigrationsTest, UpAndDownWithoutHarm) {
  const std::string nothing = state();
  ASSERT_TRUE(up({steps()[0]}).ok());
  const std::string first = state();
  const auto done = up(steps());
  ASSERT_TRUE(done.ok()) << done.error().describe();
  const std::string second = state();
  EXPECT_NE(first, second);
  EXPECT_EQ(up(steps())->size(), 0u);
  EXPECT_EQ(journal(), "0");
  const auto undone = down(steps());
  ASSERT_TRUE(undone.ok()) << undone.error().describe();
  EXPECT_EQ(state(), first);
  ASSERT_TRUE(up(steps()).ok());
  EXPECT_EQ(state(), second);
  ASSERT_EQ(down(steps(), 9)->size(), 2u);
  EXPECT_EQ(state(), nothing);
}

TEST_F(MysqlMigrationsTest, KilledAnywhereUpGoesOn) {
  ASSERT_TRUE(up(steps()).ok());
  const std::string wanted = state();
  int points = 0;
  for (int at = 0;; at += kill_every()) {
    empty();
    if (!dies(at, "up")) break;
    ++points;
    const auto done = up(steps());
    ASSERT_TRUE(done.ok()) << at << ": " << done.error().describe();
    ASSERT_EQ(state(), wanted) << at;
    ASSERT_EQ(journal(), "0") << at;
  }
  RecordProperty("kill_points", points);
  std::printf("killed at %d points\n", points);
  EXPECT_GE(points, 40 / kill_every());
}

TEST_F(MysqlMigrationsTest, KilledAnywhereDownUndoesWhatThereIs) {
  ASSERT_TRUE(up({steps()[0]}).ok());
  const std::string before = state();
  int halves = 0;
  for (int at = 0;; at += kill_every()) {
    empty();
    ASSERT_TRUE(up({steps()[0]}).ok());
    if (!dies(at, "up")) break;
    const bool is_half = journal() == "1";
    const bool is_whole = read("SELECT count(*) FROM kit_migrations") == "2";
    if (!is_half && !is_whole) continue;
    halves += is_half ? 1 : 0;
    const auto undone = down(steps());
    ASSERT_TRUE(undone.ok()) << at << ": " << undone.error().describe();
    ASSERT_EQ(undone->size(), 1u) << at;
    ASSERT_EQ(undone->front().number, 2u) << at;
    ASSERT_EQ(state(), before) << at;
    ASSERT_EQ(journal(), "0") << at;
  }
  std::printf("undone after %d interruptions\n", halves);
  EXPECT_GE(halves, 20 / kill_every());
}

TEST_F(MysqlMigrationsTest, KilledWhileUndoingEitherGoesOn) {
  ASSERT_TRUE(up({steps()[0]}).ok());
  const std::string before = state();
  empty();
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
    } else if (read("SELECT count(*) FROM kit_migrations") == "2") {
      const auto undone = down(steps());
      ASSERT_TRUE(undone.ok()) << at << ": " << undone.error().describe();
      ASSERT_EQ(state(), before) << at;
    }
    ASSERT_EQ(journal(), "0") << at;
  }
  std::printf("undoing killed at %d points\n", points);
  EXPECT_GE(points, 20 / kill_every());
}

TEST_F(MysqlMigrationsTest, AFailedStatementStaysTheStatusSaysWhereAndTheMendedFileGoesOn) {
  auto migrations = steps();
  migrations[1].up =
      "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n"
      "INSERT INTO orders (id) VALUES (1);\n"
      "INSERT INTO missing (id) VALUES (1);\n";
  auto done = up(migrations);
  ASSERT_FALSE(done.ok());
  EXPECT_TRUE(done.error().message().starts_with("0002_orders.up.sql:3: "))
      << done.error().message();
  Migrator migrator(database(), migrations);
  const auto report = run(migrator.report());
  ASSERT_TRUE(report.ok()) << report.error().describe();
  ASSERT_TRUE(report->steps[1].progress.has_value());
  EXPECT_EQ(report->steps[1].progress->statements_done, 2u);
  EXPECT_EQ(report->steps[1].progress->statements, 3u);
  EXPECT_FALSE(report->steps[1].progress->is_down);
  ASSERT_TRUE(report->steps[1].failure.has_value());
  EXPECT_EQ(report->steps[1].failure->statements_done, 2u);
  EXPECT_EQ(report->steps[1].failure->line, 3u);
  // What has run must not change under it.
  auto changed = migrations;
  changed[1].up = "CREATE TABLE orders (id BIGINT PRIMARY KEY);\nSELECT 1;\nSELECT 2;\n";
  EXPECT_EQ(up(changed).error().reason(), "MIGRATION_EDITED");
  migrations[1].up =
      "CREATE TABLE orders (id INTEGER PRIMARY KEY);\n"
      "INSERT INTO orders (id) VALUES (1);\n"
      "INSERT INTO orders (id) VALUES (2);\n";
  done = up(migrations);
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT id FROM orders ORDER BY id"), "1,2");
  const auto after = run(Migrator(database(), migrations).report());
  EXPECT_FALSE(after->steps[1].progress.has_value());
  EXPECT_FALSE(after->steps[1].failure.has_value());
}

Task<> run_beside(Migrator& migrator, int& applied) {
  const auto done = co_await migrator.up();
  applied += static_cast<int>(done.size());
}

Task<> two_runners(Migrator& a, Migrator& b, int& applied) {
  TaskGroup group("runners");
  group.spawn(run_beside(a, applied));
  group.spawn(run_beside(b, applied));
  co_await group.join();
}

TEST_F(MysqlMigrationsTest, TwoRunnersApplyEachStepOnce) {
  auto other = open();
  Migrator a(database(), steps());
  Migrator b(*other, steps());
  int applied = 0;
  const auto done = run(two_runners(a, b, applied));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(applied, 2);
  EXPECT_EQ(read("SELECT age FROM customer ORDER BY id"), "1,1");
}

Task<> locked_out(db::Database& holder, Migrator& migrator, bool& told) {
  auto session = co_await holder.begin_schema();
  co_await text(*session,
                "SELECT GET_LOCK(CONCAT('kit_migrations_', LEFT(SHA2(DATABASE(), 256), 32)), 0)");
  db::MigrationOptions options;
  options.lock_timeout = std::chrono::milliseconds(1'500);
  options.on_wait = [&told] { told = true; };
  const auto done = co_await as_result(migrator.up(options));
  EXPECT_EQ(done.error().reason(), "MIGRATION_LOCKED") << done.error().describe();
  const std::string id = co_await text(*session, "SELECT CONNECTION_ID()");
  EXPECT_THAT(done.error().message(), testing::HasSubstr("session " + id + " of kit at "));
}

TEST_F(MysqlMigrationsTest, ARunnerWaitsForTheOtherSoLong) {
  auto other = open();
  Migrator migrator(database(), steps());
  bool told = false;
  EXPECT_TRUE(run(locked_out(*other, migrator, told)).ok());
  EXPECT_TRUE(told);
}

Task<> table_in_use(db::Database& other, Migrator& migrator) {
  auto reader = co_await other.begin();
  co_await text(*reader, "SELECT name FROM customer");
  const std::string id = co_await text(*reader, "SELECT CONNECTION_ID()");
  db::MigrationOptions options;
  options.table_wait = std::chrono::seconds(1);
  options.lock_timeout = std::chrono::seconds(3);
  const auto refused = co_await as_result(migrator.up(options));
  EXPECT_EQ(refused.error().reason(), "LOCK_TIMEOUT") << refused.error().describe();
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("session " + id + " of kit at "));
  co_await reader->commit();
  const auto done = co_await as_result(migrator.up());
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(MysqlMigrationsTest, ATableInUseIsWaitedForSoLongAndItsUserNamed) {
  ASSERT_TRUE(up({steps()[0]}).ok());
  auto migrations = steps();
  migrations[1].up = "ALTER TABLE customer ADD COLUMN age INTEGER;";
  auto other = open();
  Migrator migrator(database(), migrations);
  const auto done = run(table_in_use(*other, migrator));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(MysqlMigrationsTest, FilesOfAnotherDatabaseAreNeverRun) {
  auto migrations = steps();
  for (Migration& each : migrations) each.dialect = "sqlite";
  const auto done = up(migrations);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason(), "MIGRATIONS_MISSING");
  EXPECT_THAT(done.error().message(), testing::HasSubstr("--add-database mysql"));
}

TEST_F(MysqlMigrationsTest, WhatCantBeGoneOnWithIsRefused) {
  for (const char* statement :
       {"SET @a = 1", "START TRANSACTION", "COMMIT", "LOCK TABLES customer WRITE",
        "DROP TABLE a, b", "CREATE TEMPORARY TABLE a (id INTEGER)", "CALL f()"}) {
    auto migrations = steps();
    migrations.resize(1);
    migrations[0].up = statement;
    const auto done = up(migrations);
    ASSERT_FALSE(done.ok()) << statement;
    EXPECT_EQ(done.error().reason(), "MIGRATIONS_INVALID") << done.error().describe();
  }
  EXPECT_EQ(read("SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()"),
            "0");
}

}  // namespace
}  // namespace kit::tests
