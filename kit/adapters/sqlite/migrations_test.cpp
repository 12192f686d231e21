// SPDX-License-Identifier: Apache-2.0
// The migrations of kit/db on a real database.
#include "kit/db/migrations.hpp"

#include <thread>
#include <utility>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/db/migration_plan.hpp"

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
  db::MigrationOptions options;
  options.to = 2;
  EXPECT_EQ(database.run(migrator.up(options))->size(), 2u);
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
  migrations[2].up = "DELETE FROM customer WHERE id = 1;";
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
  const auto unknown = with(database, older, up);
  EXPECT_EQ(unknown.error().reason(), "MIGRATION_UNKNOWN");
  EXPECT_NE(unknown.error().message().find("its file was deleted"), std::string::npos);
}

TEST(Migrations, AMovedOrReplacedStepIsNamed) {
  TestDatabase database;
  ASSERT_TRUE(with(database, three(), up).ok());
  auto moved = three();
  std::swap(moved[1].up, moved[2].up);
  std::swap(moved[1].up_file, moved[2].up_file);
  auto done = with(database, moved, up);
  EXPECT_EQ(done.error().reason(), "MIGRATION_EDITED");
  EXPECT_TRUE(done.error().message().starts_with(
      "0002_fill.up.sql was applied to this database as number 2"))
      << done.error().message();
  auto replaced = three();
  replaced[1] = {2, "other", "CREATE TABLE other(id INTEGER);", "", "0002_other.up.sql", ""};
  done = with(database, replaced, up);
  EXPECT_EQ(done.error().reason(), "MIGRATION_EDITED");
  EXPECT_NE(done.error().message().find("another step number 2, fill"), std::string::npos)
      << done.error().message();
}

TEST(Migrations, ALossIsRefusedBeforeAnythingRuns) {
  TestDatabase database;
  auto migrations = three();
  migrations.push_back(
      {4, "more", "CREATE TABLE more(id INTEGER PRIMARY KEY);", "", "0004_more.up.sql", ""});
  migrations.push_back({5, "less", "CREATE TABLE less(id INTEGER); DROP TABLE invoice;", "",
                        "0005_less.up.sql", ""});
  ASSERT_TRUE(with(database, three(), up).ok());
  auto refused = with(database, migrations, up);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason(), "MIGRATION_DESTRUCTIVE");
  EXPECT_NE(refused.error().message().find(
                "0005_less.up.sql would lose data: the table invoice with its rows"),
            std::string::npos);
  EXPECT_EQ(database.text("SELECT max(number) FROM kit_migrations"), "3");
  EXPECT_EQ(database.text("SELECT count(*) FROM sqlite_schema WHERE name IN ('more', 'less', "
                          "'kit_migration_failures')"),
            "0");
  // What stands before it goes alone, and it goes when allowed.
  Migrator migrator(*database, migrations);
  db::MigrationOptions options;
  options.to = 4;
  EXPECT_EQ(database.run(migrator.up(options))->size(), 1u);
  options.to.reset();
  options.allow_destructive = true;
  EXPECT_EQ(database.run(migrator.up(options))->size(), 1u);
  EXPECT_EQ(database.text("SELECT count(*) FROM sqlite_schema WHERE name = 'invoice'"), "0");
  // Where there is nothing there is nothing to lose.
  TestDatabase fresh;
  EXPECT_EQ(with(fresh, migrations, up)->size(), 5u);
}

TEST(Migrations, ARebuildThatForgetsAColumnIsRefused) {
  TestDatabase database;
  auto migrations = three();
  migrations.push_back({4, "forget",
                        "CREATE TABLE n(id INTEGER PRIMARY KEY, age INT);\n"
                        "INSERT INTO n SELECT id, age FROM customer;\nDROP TABLE customer;\n"
                        "ALTER TABLE n RENAME TO customer;",
                        "", "0004_forget.up.sql", ""});
  ASSERT_TRUE(with(database, three(), up).ok());
  auto refused = with(database, migrations, up);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason(), "MIGRATION_DESTRUCTIVE");
  EXPECT_NE(refused.error().message().find("the column name of customer"), std::string::npos);
  EXPECT_EQ(database.text("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'kit_migration_f%'"),
            "0");
}

TEST(Migrations, AFailureIsRememberedUntilTheStepWentThrough) {
  TestDatabase database;
  auto migrations = three();
  migrations[1].up = "INSERT INTO customer VALUES(1,'a');\n\nINSERT INTO missing\n VALUES(1);";
  ASSERT_FALSE(with(database, migrations, up).ok());
  database.reopen();
  Migrator broken(*database, migrations);
  auto report = database.run(broken.report());
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->steps.at(0).failure.has_value());
  ASSERT_TRUE(report->steps.at(1).failure.has_value());
  const auto& failure = *report->steps.at(1).failure;
  EXPECT_EQ(failure.file, "0002_fill.up.sql");
  EXPECT_EQ(failure.line, 3u);
  EXPECT_EQ(failure.statement, "INSERT INTO missing");
  EXPECT_TRUE(failure.error.starts_with("0002_fill.up.sql:3: ")) << failure.error;
  EXPECT_FALSE(failure.is_down);
  EXPECT_FALSE(failure.failed_at.empty());
  EXPECT_EQ(database.text("SELECT statements_done FROM kit_migration_failures"), "0");
  EXPECT_EQ(database.text("SELECT count(*) FROM customer"), "0");
  ASSERT_TRUE(with(database, three(), up).ok());
  EXPECT_EQ(database.text("SELECT count(*) FROM kit_migration_failures"), "0");
  // On the way down too.
  migrations = three();
  migrations[2].down = "SELECT 1;\nDROP TABLE missing;";
  ASSERT_FALSE(with(database, migrations, down).ok());
  Migrator again(*database, migrations);
  report = database.run(again.report());
  ASSERT_TRUE(report->steps.at(2).failure.has_value());
  EXPECT_TRUE(report->steps.at(2).failure->is_down);
  EXPECT_EQ(report->steps.at(2).failure->line, 2u);
  EXPECT_TRUE(report->steps.at(2).applied_at.has_value());
  EXPECT_TRUE(with(database, three(), down).ok());
  EXPECT_EQ(database.text("SELECT count(*) FROM kit_migration_failures"), "0");
}

TEST(Migrations, ACommitThatIsRefusedIsRememberedToo) {
  TestDatabase database;
  auto migrations = three();
  migrations[2].up = "DELETE FROM customer WHERE id = 1;";
  ASSERT_FALSE(with(database, migrations, up).ok());
  Migrator migrator(*database, migrations);
  auto report = database.run(migrator.report());
  ASSERT_TRUE(report->steps.at(2).failure.has_value());
  EXPECT_EQ(report->steps.at(2).failure->line, 0u);
  EXPECT_NE(report->steps.at(2).failure->error.find("foreign keys"), std::string::npos);
}

TEST(Migrations, AQuestionStopsAStepWithItsText) {
  TestDatabase database;
  auto migrations = three();
  migrations.push_back({4, "check",
                        "CREATE TABLE made(id INTEGER);\n-- kit:check invoices without a payment\n"
                        "SELECT id FROM invoice;",
                        "", "0004_check.up.sql", ""});
  auto stopped = with(database, migrations, up);
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().reason(), "MIGRATION_REFUSED");
  EXPECT_EQ(stopped.error().message(),
            "0004_check.up.sql:3: invoices without a payment (2 rows: 1, 2); nothing of this "
            "migration was applied. Mend the rows, and run it again");
  EXPECT_EQ(database.text("SELECT count(*) FROM sqlite_schema WHERE name = 'made'"), "0");
  migrations[3].up =
      "-- kit:check\nSELECT 'invoice ' || id || ' is not paid' FROM invoice ORDER BY id DESC;";
  stopped = with(database, migrations, up);
  EXPECT_TRUE(
      stopped.error().message().starts_with("0004_check.up.sql:2: invoice 2 is not paid; nothing"))
      << stopped.error().message();
  migrations[3].up = "-- kit:check none\nSELECT id FROM invoice WHERE id > 9;";
  EXPECT_EQ(with(database, migrations, up)->size(), 1u);
}

Task<> release_later(std::unique_ptr<db::Transaction> transaction) {
  Sleep pause(std::chrono::milliseconds(200));
  co_await pause;
  transaction.reset();
}

TEST(Migrations, WaitsForAnotherRunnerLongerThanSqliteDoes) {
  TestDatabase database;
  ASSERT_TRUE(with(database, three(), up).ok());
  SqliteOptions impatient = database.options();
  impatient.busy_timeout = std::chrono::milliseconds(20);
  auto own = open(impatient);
  ASSERT_TRUE(own.ok());
  auto migrations = three();
  migrations.push_back({4, "more", "CREATE TABLE more(id INTEGER);", "", "0004_more.up.sql", ""});
  Migrator late(**own, migrations);
  int waits = 0;
  db::MigrationOptions options;
  options.lock_timeout = std::chrono::milliseconds(100);
  options.on_wait = [&waits] { ++waits; };
  auto task = [&]() -> Task<> {
    auto other = co_await database->begin_schema();
    auto locked = co_await as_result(late.up(options));
    EXPECT_EQ(locked.error().reason(), "MIGRATION_LOCKED");
    EXPECT_EQ(waits, 1);
    options.lock_timeout = std::chrono::seconds(60);
    TaskGroup group("other runner");
    group.spawn(release_later(std::move(other)));
    auto applied = co_await as_result(late.up(options));
    EXPECT_TRUE(applied.ok());
    co_await group.join();
  };
  auto done = database.run(task());
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(waits, 2);
  EXPECT_EQ(database.text("SELECT max(number) FROM kit_migrations"), "4");
}

TEST(PlanSteps, CountRowsAndNameWhatHappens) {
  TestDatabase database;
  ASSERT_TRUE(with(database, three(), up).ok());
  const std::vector<Migration> steps = {
      {4, "rebuild",
       "CREATE TABLE n(id INTEGER PRIMARY KEY, customer INT);\n"
       "INSERT INTO n SELECT id, customer FROM invoice; DROP TABLE invoice;\n"
       "ALTER TABLE n RENAME TO invoice; CREATE INDEX i ON invoice(customer);\n"
       "UPDATE customer SET name = 'x' WHERE id = 1;",
       "-- irreversible data: names\nSELECT 1;", "0004_rebuild.up.sql", ""},
      {5, "drop", "DROP TABLE customer; DELETE FROM later", "", "0005_drop.up.sql", ""}};
  auto plans = database.run(db::plan_steps(*database, steps));
  ASSERT_TRUE(plans.ok()) << plans.error().describe();
  const auto& first = plans->at(0);
  ASSERT_EQ(first.tables.size(), 2u);
  EXPECT_EQ(first.tables[0].table, "invoice");
  EXPECT_EQ(first.tables[0].work, "rebuild");
  EXPECT_EQ(first.tables[0].rows, 2);
  EXPECT_EQ(first.tables[1].work, "update");
  EXPECT_EQ(first.rows, 3);
  EXPECT_EQ(first.statements, 6u);
  EXPECT_EQ(first.losses.size(), 0u);
  EXPECT_EQ(first.locks.size(), 2u);
  EXPECT_EQ(first.irreversible, std::vector<std::string>{"names"});
  EXPECT_TRUE(first.has_down);
  const std::vector<Migration> asks = {
      {4, "ask",
       "SELECT /* kit:check */ count(*) FROM invoice HAVING count(*) > 9;\nDROP TABLE invoice;", "",
       "0004_ask.up.sql", ""}};
  auto asked = database.run(db::plan_steps(*database, asks));
  ASSERT_EQ(asked->at(0).tables.size(), 2u);
  EXPECT_EQ(asked->at(0).tables[0].work, "check");
  EXPECT_EQ(asked->at(0).tables[0].rows, 2);
  EXPECT_EQ(asked->at(0).tables[1].work, "drop") << "looking is no copy";
  const auto& second = plans->at(1);
  EXPECT_EQ(second.losses.size(), 2u);
  EXPECT_FALSE(second.has_down);
  EXPECT_FALSE(second.tables.at(1).rows.has_value()) << "a table that is not there yet";
  EXPECT_EQ(db::plan_steps(steps)->at(0).rows, 0);
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
  Task<std::unique_ptr<db::Transaction>> begin_isolated(db::Isolation isolation) override {
    return database_.begin_isolated(isolation);
  }
  db::Session& replica() override { return database_.replica(); }
  Task<std::unique_ptr<db::Transaction>> begin_schema() override {
    co_await before_();
    co_return co_await database_.begin_schema();
  }
  Task<std::unique_ptr<db::Transaction>> begin_read() override { return database_.begin_read(); }
  db::Dialect dialect() const override { return database_.dialect(); }

 private:
  db::Database& database_;
  Function<Task<>()> before_;
};

TEST(Migrations, AStepIsNotAppliedOverOneThatWasJustUndone) {
  TestDatabase database;
  const auto migrations = three();
  Migrator other(*database, migrations);
  db::MigrationOptions options;
  options.to = 2;
  ASSERT_TRUE(database.run(other.up(options)).ok());
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
