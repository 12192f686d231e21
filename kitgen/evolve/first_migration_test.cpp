// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "kitgen/evolve/sqlite.hpp"
#include "kitgen/model/load.hpp"

namespace kitgen::evolve {
namespace {

using testing::HasSubstr;
using testing::Not;

model::Service service_of(const std::string& text) {
  model::Loaded loaded = model::load_text(text, "api/test.yaml");
  EXPECT_TRUE(loaded.service) << schema::to_string(loaded.diagnostics);
  return loaded.service ? std::move(*loaded.service) : model::Service{};
}

struct Database {
  Database() {
    sqlite3_open(":memory:", &handle);
    run("PRAGMA foreign_keys = ON");
  }
  ~Database() { sqlite3_close(handle); }
  /// "" or what SQLite says.
  std::string run(const std::string& sql) {
    char* message = nullptr;
    sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message);
    const std::string text = message == nullptr ? "" : message;
    sqlite3_free(message);
    return text;
  }
  int count(const std::string& sql) {
    int number = -1;
    sqlite3_exec(
        handle, sql.c_str(),
        [](void* out, int, char** values, char**) {
          *static_cast<int*>(out) = std::stoi(values[0]);
          return 0;
        },
        &number, nullptr);
    return number;
  }
  sqlite3* handle = nullptr;
};

constexpr const char* schema_text = R"(kit: 1
service: shop
enums:
  Color: [red, "green"]
entities:
  Shelf:
    doc: "A shelf; DROP TABLE x; */ -- of things"
    fields:
      name: {type: string, min_length: 2, max: 5, unique: true}
    belongs_to: {parent: {entity: Shelf, optional: true, on_delete: set_null}}
    keep: {soft_delete: true, version: true}
    list: {filter: [name], sort: [name, created_at]}
  Thing:
    fields:
      color:  {type: Color, default: red}
      price:  {type: decimal(6,2), min: 0}
      number: {type: int32}
      big:    {type: int64, optional: true, max: 9}
      is_on:  {type: bool, default: false}
      code:   {type: uuid, optional: true}
      data:   {type: json, optional: true}
      raw:    {type: bytes, max: 3, optional: true}
      day:    {type: date, optional: true}
    belongs_to: {shelf: {entity: Shelf, on_delete: cascade}}
    many_to_many: {tags: Tag}
    list: {sort: [price]}
    actions: {buy: {emits: ThingBought}}
    events: {ThingBought: {thing_id: Thing.id}}
  Tag:
    fields: {name: {type: string, max: 10}}
)";

TEST(Migrations, go_up_and_down) {
  const model::Service service = service_of(schema_text);
  const Plan plan = plan_first(service);
  EXPECT_EQ(plan.name, "create_shop");
  Database database;
  ASSERT_EQ(database.run(sqlite_up(plan, "api/test.yaml")), "");
  EXPECT_EQ(database.count("SELECT count(*) FROM sqlite_schema WHERE name = 'kit_outbox'"), 1);
  ASSERT_EQ(database.run("INSERT INTO shelves (id, name, parent_id, created_at, updated_at) "
                         "VALUES (1, 'abc', 1, 0, 0), (2, 'abd', 1, 0, 0)"),
            "");
  ASSERT_EQ(database.run("BEGIN;" + sqlite_down(plan, "api/test.yaml") + "COMMIT;"), "");
  EXPECT_EQ(database.count("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"), 0);
  ASSERT_EQ(database.run(sqlite_up(plan, "api/test.yaml")), "");
}

TEST(Migrations, the_database_refuses_what_the_schema_refuses) {
  const model::Service service = service_of(schema_text);
  Database database;
  ASSERT_EQ(database.run(sqlite_up(plan_first(service), "api/test.yaml")), "");
  const auto shelf = [&](const std::string& id, const std::string& name, const std::string& parent,
                         const std::string& deleted = "NULL") {
    return database.run(
        "INSERT INTO shelves (id, name, parent_id, created_at, updated_at, "
        "deleted_at) VALUES (" +
        id + ", " + name + ", " + parent + ", 0, 0, " + deleted + ")");
  };
  EXPECT_EQ(shelf("1", "'ab'", "NULL"), "");
  EXPECT_EQ(shelf("2", "'abcde'", "1"), "");
  EXPECT_THAT(shelf("3", "'a'", "NULL"), HasSubstr("CHECK"));
  EXPECT_THAT(shelf("3", "'abcdef'", "NULL"), HasSubstr("CHECK"));
  EXPECT_THAT(shelf("3", "NULL", "NULL"), HasSubstr("NOT NULL"));
  EXPECT_THAT(shelf("3", "'ab'", "NULL"), HasSubstr("UNIQUE"));
  EXPECT_EQ(shelf("3", "'ab'", "NULL", "5"), "");  // a deleted one is not in the way
  EXPECT_THAT(shelf("4", "'xyz'", "99"), HasSubstr("FOREIGN KEY"));

  const auto thing = [&](const std::string& column, const std::string& value) {
    const std::string columns = "price, number, shelf_id, created_at, updated_at";
    const bool given = columns.find(column + ",") != std::string::npos;
    std::string values = "100, 1, 1, 0, 0";
    if (column == "price") values = value + ", 1, 1, 0, 0";
    if (column == "number") values = "100, " + value + ", 1, 0, 0";
    if (column == "shelf_id") values = "100, 1, " + value + ", 0, 0";
    return database.run("INSERT INTO things (" + columns + (given ? "" : ", " + column) +
                        ") VALUES (" + values + (given ? "" : ", " + value) + ")");
  };
  EXPECT_EQ(thing("price", "999999"), "");
  EXPECT_THAT(thing("price", "1000000"), HasSubstr("CHECK"));
  EXPECT_THAT(thing("price", "-1"), HasSubstr("CHECK"));
  EXPECT_EQ(thing("number", "2147483647"), "");
  EXPECT_THAT(thing("number", "2147483648"), HasSubstr("CHECK"));
  EXPECT_THAT(thing("number", "'x'"), HasSubstr("cannot store TEXT"));
  EXPECT_EQ(thing("big", "9"), "");
  EXPECT_THAT(thing("big", "10"), HasSubstr("CHECK"));
  EXPECT_EQ(thing("color", "'green'"), "");
  EXPECT_THAT(thing("color", "'blue'"), HasSubstr("CHECK"));
  EXPECT_THAT(thing("is_on", "2"), HasSubstr("CHECK"));
  EXPECT_THAT(thing("code", "'x'"), HasSubstr("CHECK"));
  // No CHECK (json_valid(...)): a connection with trusted_schema off refuses the function; the
  // service checks.
  EXPECT_EQ(thing("data", "'{}'"), "");
  EXPECT_EQ(thing("raw", "x'010203'"), "");
  EXPECT_THAT(thing("raw", "x'01020304'"), HasSubstr("CHECK"));
  EXPECT_THAT(thing("shelf_id", "99"), HasSubstr("FOREIGN KEY"));
  EXPECT_EQ(database.run("DELETE FROM shelves WHERE id = 1"), "");
  EXPECT_EQ(database.count("SELECT count(*) FROM things"), 0);  // cascade
  EXPECT_EQ(database.count("SELECT count(*) FROM shelves WHERE parent_id IS NULL"), 2);
}

TEST(Migrations, references_within_a_table_are_checked_at_the_end) {
  const model::Service service = service_of(schema_text);
  Database database;
  ASSERT_EQ(database.run(sqlite_up(plan_first(service), "api/test.yaml")), "");
  EXPECT_EQ(database.run("BEGIN; INSERT INTO shelves (id, name, parent_id, created_at, "
                         "updated_at) VALUES (1, 'ab', 2, 0, 0); INSERT INTO shelves (id, name, "
                         "created_at, updated_at) VALUES (2, 'cd', 0, 0); COMMIT"),
            "");
}

TEST(Migrations, sorts_and_foreign_keys_have_an_index_once) {
  const model::Service service = service_of(schema_text);
  const std::string sql = sqlite_up(plan_first(service), "api/test.yaml");
  EXPECT_THAT(sql, HasSubstr("CREATE INDEX ix_shelves_created_at"));
  EXPECT_THAT(sql, HasSubstr("CREATE INDEX ix_things_price"));
  EXPECT_THAT(sql, HasSubstr("(shelf_id);"));
  EXPECT_THAT(sql, HasSubstr("CREATE UNIQUE INDEX ux_shelves_name ON shelves (name) WHERE "
                             "deleted_at IS NULL;"));
  EXPECT_THAT(sql, Not(HasSubstr("ix_things_id")));
}

TEST(Migrations, free_text_stays_a_comment) {
  const model::Service service = service_of(schema_text);
  const std::string sql = sqlite_up(plan_first(service), "api/test.yaml");
  for (std::size_t at = sql.find("DROP TABLE"); at != std::string::npos;
       at = sql.find("DROP TABLE", at + 1)) {
    EXPECT_EQ(sql.substr(sql.rfind('\n', at) + 1, 3), "-- ");
  }
}

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// tests/golden/migrations; UPDATE_GOLDENS=1 writes them anew.
TEST(Migrations, are_what_the_golden_says) {
  const std::string stem = std::string(KIT_SOURCE_DIR) + "/tests/golden/migrations/relations";
  const model::Service service = service_of(read(stem + ".schema.yaml"));
  const Plan plan = plan_first(service);
  const std::string origin = "api/relations.schema.yaml";
  for (const auto& [suffix, text] : {std::pair{".up.sql", sqlite_up(plan, origin)},
                                     std::pair{".down.sql", sqlite_down(plan, origin)}}) {
    if (std::getenv("UPDATE_GOLDENS") != nullptr)
      std::ofstream(stem + suffix, std::ios::binary) << text;
    EXPECT_EQ(read(stem + suffix), text) << suffix;
  }
}

}  // namespace
}  // namespace kitgen::evolve
