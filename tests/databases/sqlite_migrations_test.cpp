// SPDX-License-Identifier: Apache-2.0
// A runner of migrations on SQLite that is killed before and after each of its calls.
#include "doomed_database.hpp"
#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/db/migrations.hpp"
#include "suite.hpp"

namespace kit::tests {
namespace {

using db::Migration;
using db::Migrator;

constexpr const char* path_of_child = "KIT_TEST_SQLITE_PATH";

std::vector<Migration> steps() {
  return {{1, "start",
           "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT) STRICT;\n"
           "INSERT INTO customer (id, name) VALUES (1, 'a'), (2, 'b');\n"
           "CREATE INDEX ix_name ON customer (name);\n",
           "DROP TABLE customer;", "0001_start.up.sql", "0001_start.down.sql"},
          {2, "orders",
           "CREATE TABLE orders (id INTEGER PRIMARY KEY,\n"
           "  customer INTEGER NOT NULL REFERENCES customer (id)) STRICT;\n"
           "INSERT INTO orders (id, customer) SELECT id * 10, id FROM customer;\n"
           "-- kit:allow update-all\n"
           "UPDATE customer SET name = name || '!';\n"
           "-- kit:check no customer may be nameless\n"
           "SELECT id FROM customer WHERE name IS NULL;\n",
           "UPDATE customer SET name = replace(name, '!', '');\nDROP TABLE orders;",
           "0002_orders.up.sql", "0002_orders.down.sql"},
          {3, "rebuild",
           "CREATE TABLE kit_new_customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL,\n"
           "  age INTEGER NOT NULL) STRICT;\n"
           "INSERT INTO kit_new_customer SELECT id, name, 1 FROM customer;\n"
           "DROP TABLE customer;\n"
           "ALTER TABLE kit_new_customer RENAME TO customer;\n"
           "CREATE UNIQUE INDEX ux_name ON customer (name);\n",
           "CREATE TABLE kit_new_customer (id INTEGER PRIMARY KEY, name TEXT) STRICT;\n"
           "INSERT INTO kit_new_customer SELECT id, name FROM customer;\n"
           "-- kit:allow drop-table\n"
           "DROP TABLE customer;\n"
           "ALTER TABLE kit_new_customer RENAME TO customer;\n"
           "DROP INDEX IF EXISTS ux_name;\n",
           "0003_rebuild.up.sql", "0003_rebuild.down.sql"}};
}

/// One file, reopened around the processes that are killed.
class SqliteMigrationsTest : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv(path_of_child, database_.options().path.c_str(), 1); }

  template <class T>
  Result<T> run(Task<T> task) {
    return database_.run(std::move(task));
  }
  Result<std::vector<db::MigrationStatus>> up(std::size_t count) {
    auto first = steps();
    first.resize(count);
    Migrator migrator(*database_, first);
    return run(migrator.up());
  }
  std::string read(const std::string& sql) { return run(text(*database_, sql)).value(); }
  std::string state() {
    std::string all = read(
        "SELECT replace(sql, '\"customer\"', 'customer') FROM sqlite_schema WHERE tbl_name NOT "
        "LIKE 'kit_%' ORDER BY 1");
    for (const char* table : {"customer", "orders"}) {
      const std::string columns =
          read("SELECT group_concat(name, ' || ''-'' || ') FROM pragma_table_info('" +
               std::string(table) + "')");
      if (columns == "null") continue;
      all += ";" + read("SELECT " + columns + " FROM " + std::string(table) + " ORDER BY id");
    }
    return all;
  }
  std::size_t applied() {
    if (read("SELECT count(*) FROM sqlite_schema WHERE name = 'kit_migrations'") == "0") return 0;
    return static_cast<std::size_t>(std::stoi(read("SELECT count(*) FROM kit_migrations")));
  }
  bool dies(int at, const char* doing) {
    database_.close();
    const bool died = tests::dies(at, doing, "SqliteMigrations.DISABLED_Child");
    database_.reopen();
    return died;
  }
  /// The state of no step, one step, ...
  std::vector<std::string> states() {
    std::vector<std::string> all = {state()};
    for (std::size_t count = 1; count <= steps().size(); ++count) {
      EXPECT_TRUE(up(count).ok());
      all.push_back(state());
    }
    return all;
  }
  void down_to(std::size_t count) {
    Migrator migrator(*database_, steps());
    const auto undone = run(migrator.down(static_cast<std::uint32_t>(applied() - count)));
    ASSERT_TRUE(undone.ok()) << undone.error().describe();
  }

  sqlite::TestDatabase database_;
};

TEST(SqliteMigrations, DISABLED_Child) {
  sqlite::SqliteOptions options;
  options.path = std::getenv(path_of_child);
  auto database = sqlite::open(options).value();
  DoomedDatabase doomed(*database, std::stoi(std::getenv(die_at)));
  Migrator migrator(doomed, steps());
  auto loop = make_epoll_loop().value();
  const auto done = std::getenv(die_doing) == std::string("down")
                        ? kit::run(*loop, migrator.down(3))
                        : kit::run(*loop, migrator.up());
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(SqliteMigrationsTest, KilledAnywhereTheSchemaIsOldOrNewAndUpGoesOn) {
  const std::vector<std::string> wanted = states();
  int points = 0;
  for (int at = 0;; at += kill_every()) {
    down_to(0);
    ASSERT_EQ(state(), wanted.front());
    if (!dies(at, "up")) break;
    ++points;
    ASSERT_EQ(state(), wanted[applied()]) << at;
    const auto done = up(steps().size());
    ASSERT_TRUE(done.ok()) << at << ": " << done.error().describe();
    ASSERT_EQ(state(), wanted.back()) << at;
    ASSERT_EQ(read("PRAGMA integrity_check"), "ok");
  }
  std::printf("killed at %d points\n", points);
  EXPECT_GE(points, 40 / kill_every());
}

TEST_F(SqliteMigrationsTest, KilledWhileUndoingTheSchemaIsOldOrNew) {
  const std::vector<std::string> wanted = states();
  int points = 0;
  for (int at = 0;; at += kill_every()) {
    ASSERT_TRUE(up(steps().size()).ok());
    if (!dies(at, "down")) break;
    ++points;
    ASSERT_EQ(state(), wanted[applied()]) << at;
    down_to(0);
    ASSERT_EQ(state(), wanted.front()) << at;
  }
  std::printf("undoing killed at %d points\n", points);
  EXPECT_GE(points, 20 / kill_every());
}

}  // namespace
}  // namespace kit::tests
