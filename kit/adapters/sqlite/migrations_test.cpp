// SPDX-License-Identifier: Apache-2.0
// The migrations of kit/db on a real database.
#include "kit/db/migrations.hpp"

#include <thread>

#include "kit/adapters/sqlite/test_database.hpp"

namespace kit::sqlite {
namespace {

using db::Migration;
using db::Migrator;

std::vector<Migration> three() {
  return {
      {1, "start",
       "CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT);\n"
       "CREATE TABLE invoice(id INTEGER PRIMARY KEY,\n"
       "  customer INTEGER NOT NULL REFERENCES customer(id) ON DELETE CASCADE);",
       "DROP TABLE invoice; DROP TABLE customer;", "0001_start.up.sql", "0001_start.down.sql"},
      {2, "fill", "INSERT INTO customer VALUES(1,'a');INSERT INTO invoice VALUES(1,1),(2,1);",
       "DELETE FROM invoice; DELETE FROM customer;", "0002_fill.up.sql", "0002_fill.down.sql"},
      {3, "rebuild",
       "CREATE TABLE customer_new(id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INT);\n"
       "INSERT INTO customer_new(id, name) SELECT id, name FROM customer;\n"
       "DROP TABLE customer;\n"
       "ALTER TABLE customer_new RENAME TO customer;",
       "ALTER TABLE customer DROP COLUMN age;", "0003_rebuild.up.sql", "0003_rebuild.down.sql"}};
}

template <class T>
Result<T> with(TestDatabase& database, std::vector<Migration> migrations,
               Task<T> (*use)(Migrator&)) {
  Migrator migrator(*database, migrations);
  return database.run(use(migrator));
}

using Statuses = std::vector<db::MigrationStatus>;
Task<Statuses> up(Migrator& migrator) {
  return migrator.up();
}
Task<Statuses> down(Migrator& migrator) {
  return migrator.down(1);
}
Task<Statuses> down_all(Migrator& migrator) {
  return migrator.down(9);
}
Task<Statuses> status(Migrator& migrator) {
  return migrator.status();
}
Task<std::vector<Migration>> plan(Migrator& migrator) {
  return migrator.plan();
}

TEST(Migrations, UpThenNothingToDo) {
  TestDatabase database;
  EXPECT_EQ(with(database, three(), plan)->size(), 3u);
  EXPECT_EQ(database.text("SELECT count(*) FROM sqlite_schema"), "0") << "a plan changes nothing";
  EXPECT_FALSE(with(database, three(), status)->at(0).applied_at.has_value());
  auto done = with(database, three(), up);
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(done->size(), 3u);
  // A table was rebuilt without its invoices going with it.
  EXPECT_EQ(database.text("SELECT count(*) FROM invoice"), "2");
  EXPECT_EQ(database.text("PRAGMA foreign_key_check"), "");
  EXPECT_EQ(with(database, three(), up)->size(), 0u);
  EXPECT_TRUE(with(database, three(), status)->at(2).applied_at.has_value());
  // Foreign keys hold again afterwards.
  EXPECT_EQ(database.execute("INSERT INTO invoice VALUES(9, 9)").error().reason(),
            "FOREIGN_KEY_VIOLATION");
}

TEST(Migrations, UpDownUpGivesTheSameSchema) {
  TestDatabase database;
  constexpr auto schema = "SELECT sql FROM sqlite_schema ORDER BY name";
  ASSERT_TRUE(with(database, three(), up).ok());
  auto first = database.text(schema);
  auto undone = with(database, three(), down);
  ASSERT_TRUE(undone.ok()) << undone.error().describe();
  EXPECT_EQ(undone->at(0).number, 3u);
  EXPECT_EQ(with(database, three(), plan)->size(), 1u);
  EXPECT_EQ(with(database, three(), down_all)->size(), 2u);
  EXPECT_EQ(database.text("SELECT count(*) FROM sqlite_schema WHERE name <> 'kit_migrations'"),
            "0");
  ASSERT_TRUE(with(database, three(), up).ok());
  EXPECT_EQ(database.text(schema), first);
}

TEST(Migrations, UpToANumber) {
  TestDatabase database;
  Migrator migrator(*database, three());
  EXPECT_EQ(database.run(migrator.up(2))->size(), 2u);
  EXPECT_EQ(database.run(migrator.plan())->size(), 1u);
}

TEST(Migrations, AFailingStepLeavesNothingAndSaysWhere) {
  TestDatabase database;
  auto migrations = three();
  migrations[1].up = "INSERT INTO customer VALUES(1,'a');\n\nINSERT INTO missing VALUES(1);";
  auto done = with(database, migrations, up);
  ASSERT_FALSE(done.ok());
  EXPECT_TRUE(done.error().message().starts_with("0002_fill.up.sql:3: ")) << done.error().message();
  EXPECT_EQ(database.text("SELECT count(*) FROM customer"), "0");
  EXPECT_EQ(database.text("SELECT count(*) FROM kit_migrations"), "1");
  ASSERT_TRUE(with(database, three(), up).ok()) << "and the repaired step goes through";
}

TEST(Migrations, AStepThatBreaksForeignKeysIsRefused) {
  TestDatabase database;
  auto migrations = three();
  migrations[2].up = "DELETE FROM customer;";
  auto done = with(database, migrations, up);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason(), "FOREIGN_KEY_VIOLATION");
  EXPECT_NE(done.error().message().find("0003_rebuild.up.sql"), std::string::npos);
  EXPECT_EQ(database.text("SELECT count(*) FROM customer"), "1");
}

TEST(Migrations, StatementsThatEndTheTransactionAreRefused) {
  for (const char* sql : {"COMMIT", "begin", "Rollback", "VACUUM", "ATTACH 'x' AS y"}) {
    TestDatabase database;
    auto migrations = three();
    migrations[0].up += std::string("\n") + sql + ";";
    auto done = with(database, migrations, up);
    ASSERT_FALSE(done.ok()) << sql;
    EXPECT_EQ(done.error().code(), Code::invalid_argument) << sql;
    EXPECT_EQ(database.text("SELECT count(*) FROM sqlite_schema"), "0") << sql;
  }
}

TEST(Migrations, AnEditedOrUnknownHistoryIsRefused) {
  TestDatabase database;
  ASSERT_TRUE(with(database, three(), up).ok());
  auto edited = three();
  edited[1].up += " ";
  for (auto use : {up, down, status}) {
    auto done = with(database, edited, use);
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().reason(), "MIGRATION_EDITED");
    EXPECT_NE(done.error().message().find("0002_fill.up.sql"), std::string::npos);
  }
  auto older = three();
  older.pop_back();
  EXPECT_EQ(with(database, older, up).error().reason(), "MIGRATION_UNKNOWN");
}

TEST(Migrations, WhatHasNoDownScriptIsNotUndone) {
  TestDatabase database;
  auto migrations = three();
  migrations[1].down.clear();
  ASSERT_TRUE(with(database, migrations, up).ok());
  auto done = with(database, migrations, down_all);
  EXPECT_EQ(done.error().reason(), "MIGRATION_IRREVERSIBLE");
  EXPECT_EQ(database.text("SELECT count(*) FROM kit_migrations"), "3") << "nothing was touched";
}

TEST(Migrations, TwoRunnersApplyEachStepOnce) {
  for (int i = 0; i < 5; ++i) {
    TestDatabase database;
    std::array<std::size_t, 3> applied{};
    std::vector<std::thread> runners;
    for (auto& count : applied) {
      runners.emplace_back([&database, &count] {
        // A database of its own: another process.
        SqliteOptions options = database.options();
        auto own = open(options);
        auto loop = make_epoll_loop();
        auto migrations = three();
        Migrator migrator(**own, migrations);
        auto done = kit::run(**loop, migrator.up());
        EXPECT_TRUE(done.ok()) << done.error().describe();
        if (done.ok()) count = done->size();
      });
    }
    for (auto& runner : runners) runner.join();
    EXPECT_EQ(applied[0] + applied[1] + applied[2], 3u);
    EXPECT_EQ(database.text("SELECT count(*) FROM invoice"), "2");
  }
}

/// A database on which something else happens just before each change of the schema.
class BusyDatabase final : public db::Database {
 public:
  BusyDatabase(db::Database& database, Function<Task<>()> before)
      : database_(database), before_(std::move(before)) {}
  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    return database_.query(sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override {
    return database_.execute(sql, parameters);
  }
  Task<std::unique_ptr<db::Transaction>> begin() override { return database_.begin(); }
  Task<std::unique_ptr<db::Transaction>> begin_schema() override {
    co_await before_();
    co_return co_await database_.begin_schema();
  }
  Task<std::unique_ptr<db::Transaction>> begin_read() override { return database_.begin_read(); }
  std::string_view dialect() const override { return database_.dialect(); }

 private:
  db::Database& database_;
  Function<Task<>()> before_;
};

TEST(Migrations, AStepIsNotAppliedOverOneThatWasJustUndone) {
  TestDatabase database;
  const auto migrations = three();
  Migrator other(*database, migrations);
  ASSERT_TRUE(database.run(other.up(2)).ok());
  auto undo = [&other]() -> Task<> { co_await other.down(1); };
  BusyDatabase busy(*database, undo);
  Migrator late(busy, migrations);
  auto done = database.run(late.up());
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), Code::aborted);
  EXPECT_EQ(done.error().reason(), "MIGRATION_RACE");
  EXPECT_EQ(database.text("SELECT number FROM kit_migrations"), "1");
  EXPECT_EQ(with(database, three(), up)->size(), 2u) << "and the next try goes through";
}

TEST(Migrations, AChecksTextStopsTheMigrationAndLeavesNothing) {
  TestDatabase database;
  std::vector<Migration> migrations = three();
  migrations[2].up =
      "CREATE TABLE made (id INTEGER PRIMARY KEY);\n"
      "SELECT /* kit:check */ count(*) || ' row(s) of invoice: too many' FROM invoice\n"
      "  HAVING count(*) > 1;\n"
      "SELECT 1;\n";
  auto done = with(database, migrations, up);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), Code::failed_precondition);
  EXPECT_EQ(done.error().reason(), "MIGRATION_REFUSED");
  EXPECT_EQ(done.error().message(),
            "0003_rebuild.up.sql:2: 2 row(s) of invoice: too many; nothing of this migration was "
            "applied. Mend the rows, and run it again");
  EXPECT_EQ(database.text("SELECT count(*) FROM sqlite_schema WHERE name = 'made'"), "0");
  EXPECT_EQ(database.text("SELECT max(number) FROM kit_migrations"), "2");
  ASSERT_TRUE(database.execute("DELETE FROM invoice WHERE id = 2").ok());
  done = with(database, migrations, up);
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database.text("SELECT count(*) FROM sqlite_schema WHERE name = 'made'"), "1");
}

}  // namespace
}  // namespace kit::sqlite
