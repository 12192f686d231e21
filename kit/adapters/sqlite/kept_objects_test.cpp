// SPDX-License-Identifier: Apache-2.0
// What people made by hand, through migrations that write its table anew.
#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/db/migrations.hpp"

namespace kit::sqlite {
namespace {

using ::testing::HasSubstr;

constexpr const char* start =
    "CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, price INTEGER) STRICT;\n"
    "CREATE TABLE prices (item INTEGER, price INTEGER) STRICT;\n"
    "CREATE INDEX ix_items_name ON items (name);\n"
    "INSERT INTO items (name, price) VALUES ('a', 1), ('b', 2);";

std::string rebuild(const std::string& columns, const std::string& copied) {
  return "CREATE TABLE kit_new_items (" + columns + ") STRICT;\nINSERT INTO kit_new_items (" +
         copied + ") SELECT " + copied +
         " FROM items;\nDROP TABLE items;\nALTER TABLE kit_new_items RENAME TO items;\n";
}
const std::string same = rebuild(
    "id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, price INTEGER", "id, name, price");
const std::string without_price =
    rebuild("id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT", "id, name");

class KeptObjectsTest : public ::testing::Test {
 protected:
  KeptObjectsTest() {
    EXPECT_EQ(step(start, "SELECT 1;"), "");
    for (const char* sql : {"CREATE TRIGGER Noted AFTER UPDATE OF price ON items BEGIN\n"
                            "  INSERT INTO prices VALUES (NEW.id, NEW.price); END",
                            "CREATE UNIQUE INDEX by_hand ON items (lower(name)) WHERE price > 0",
                            "CREATE VIEW dear AS SELECT id, name, price FROM Items WHERE price > 1",
                            "CREATE VIEW dearest AS SELECT max(price) AS price FROM dear",
                            "CREATE TRIGGER put INSTEAD OF INSERT ON dear BEGIN\n"
                            "  INSERT INTO items (name, price) VALUES (NEW.name, NEW.price); END",
                            "CREATE TRIGGER back AFTER DELETE ON prices BEGIN\n"
                            "  UPDATE items SET name = 'gone' WHERE id = OLD.item; END"}) {
      EXPECT_TRUE(database.execute(sql).ok()) << sql;
    }
  }

  /// "" or why it was refused; then it is as if it had never been.
  std::string step(const std::string& up, const std::string& down) {
    const auto number = static_cast<std::uint32_t>(steps.size() + 1);
    steps.push_back({number, "x", up, down, "x.up.sql", "x.down.sql"});
    db::Migrator migrator(*database, steps);
    db::MigrationOptions options;
    options.allow_destructive = true;
    auto done = database.run(migrator.up(options));
    if (done.ok()) return "";
    steps.pop_back();
    return done.error().message();
  }
  std::string objects() {
    return database.text(
        "SELECT sql FROM sqlite_schema WHERE type IN ('view', 'trigger', 'index') AND sql IS NOT "
        "NULL ORDER BY name");
  }
  void check_all_work() {
    EXPECT_TRUE(database.execute("UPDATE items SET price = 7 WHERE id = 1").ok());
    EXPECT_EQ(database.text("SELECT price FROM prices"), "7");
    EXPECT_EQ(database.text("SELECT price FROM dearest"), "7");
    EXPECT_TRUE(database.execute("INSERT INTO dear (name, price) VALUES ('c', 3)").ok());
    EXPECT_EQ(database.text("SELECT name FROM items ORDER BY id"), "a,b,c");
    EXPECT_TRUE(database.execute("DELETE FROM prices").ok());
    EXPECT_EQ(database.text("SELECT name FROM items WHERE id = 1"), "gone");
    EXPECT_EQ(database.execute("INSERT INTO items (name, price) VALUES ('B', 1)").error().reason(),
              "UNIQUE_VIOLATION");
  }

  TestDatabase database;
  std::vector<db::Migration> steps;
};

TEST_F(KeptObjectsTest, a_rebuild_keeps_them_there_and_back) {
  const std::string before = objects();
  ASSERT_EQ(step(same, same), "");
  EXPECT_EQ(objects(), before);
  db::Migrator migrator(*database, steps);
  const auto undone = database.run(migrator.down());
  ASSERT_TRUE(undone.ok()) << undone.error().message();
  EXPECT_EQ(objects(), before);
  check_all_work();
}

TEST_F(KeptObjectsTest, two_rebuilds_in_one_step_after_a_rename_keep_them) {
  const std::string once =
      rebuild("id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, cost INTEGER", "id, name, cost");
  const std::string all =
      "DROP VIEW dearest; DROP VIEW dear; ALTER TABLE items RENAME COLUMN price TO cost;\n" + once +
      once;
  // What was put by says cost, and nothing can rename it while it is away.
  EXPECT_THAT(step(all + "ALTER TABLE items RENAME COLUMN cost TO price;", ""),
              HasSubstr("the index by_hand of items was there before"));
  EXPECT_THAT(step(all + "ALTER TABLE items RENAME TO things;", ""),
              HasSubstr("of things was there before the table was written anew"));
  ASSERT_EQ(step(all, ""), "");
  EXPECT_THAT(objects(), HasSubstr("AFTER UPDATE OF cost ON items"));
  EXPECT_THAT(objects(), HasSubstr("by_hand ON items (lower(name)) WHERE cost > 0"));
}

TEST_F(KeptObjectsTest, what_the_script_makes_or_drops_itself_is_left_alone) {
  ASSERT_EQ(step("DROP TRIGGER back;\n" + same +
                     "DROP INDEX IF EXISTS by_hand;\n"
                     "CREATE INDEX ix_items_name ON items (name, price);\n"
                     "CREATE TRIGGER noted AFTER UPDATE ON items BEGIN SELECT 1; END;\n"
                     "DROP VIEW dearest;\nCREATE VIEW dearest AS SELECT 9 AS price;",
                 ""),
            "");
  const std::string now = objects();
  EXPECT_THAT(now, HasSubstr("ix_items_name ON items (name, price)"));
  EXPECT_THAT(now, HasSubstr("CREATE TRIGGER noted"));
  EXPECT_THAT(now, HasSubstr("SELECT 9 AS price"));
  EXPECT_THAT(now, HasSubstr("CREATE TRIGGER put"));
  EXPECT_EQ(now.find("by_hand"), std::string::npos);
  EXPECT_EQ(now.find("TRIGGER back"), std::string::npos);
}

TEST_F(KeptObjectsTest, what_no_longer_fits_is_named_and_nothing_is_changed) {
  const std::string before = objects();
  EXPECT_THAT(step(without_price, ""),
              HasSubstr("the index by_hand of items was there before the table was written anew, "
                        "and can't be made again: "));
  EXPECT_EQ(objects(), before);
  EXPECT_THAT(step("DROP INDEX by_hand;\n" + without_price, ""),
              HasSubstr("what was made by hand no longer fits the tables: error in "));
  EXPECT_THAT(step("DROP INDEX by_hand; DROP VIEW dearest; DROP VIEW dear;\n" + without_price, ""),
              HasSubstr("error in trigger Noted: no such column: NEW.price"));
  EXPECT_EQ(objects(), before);
  EXPECT_EQ(step("DROP INDEX by_hand; DROP VIEW dearest; DROP VIEW dear; DROP TRIGGER noted;\n" +
                     without_price,
                 ""),
            "");
  EXPECT_EQ(database.text("SELECT count(*) FROM items"), "2");
}

TEST_F(KeptObjectsTest, a_table_that_goes_takes_its_own_and_no_view_is_left_without_it) {
  EXPECT_THAT(step("DROP TABLE items;", ""), HasSubstr("error in view dear: no such table"));
  EXPECT_EQ(step("DROP TABLE items; DROP VIEW dearest; DROP VIEW dear; DROP TRIGGER back;", ""),
            "");
  EXPECT_EQ(objects(), "");
}

}  // namespace
}  // namespace kit::sqlite
