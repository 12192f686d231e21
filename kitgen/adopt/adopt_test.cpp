// SPDX-License-Identifier: Apache-2.0
#include "kitgen/adopt/adopt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "kitgen/adopt/readers.hpp"
#include "kitgen/model/load.hpp"

namespace kitgen::adopt {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const std::string source = KIT_SOURCE_DIR;

std::string text_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct AdoptTest : testing::Test {
  AdoptTest() {
    std::string name = (std::filesystem::temp_directory_path() / "kit_adopt_XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  ~AdoptTest() override { std::filesystem::remove_all(folder); }
  AdoptTest(const AdoptTest&) = delete;
  AdoptTest& operator=(const AdoptTest&) = delete;

  std::string database(const std::string& sql) {
    const std::string path = folder + "/shop.db";
    sqlite3* opened = nullptr;
    EXPECT_EQ(sqlite3_open(path.c_str(), &opened), SQLITE_OK);
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(opened, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
    sqlite3_free(message);
    sqlite3_close(opened);
    return path;
  }

  /// What becomes of the tables; it must load.
  Adopted adopted(const std::string& sql) {
    auto catalogue = read_database(database(sql), {});
    if (!catalogue) {
      ADD_FAILURE() << catalogue.error().message();
      return {};
    }
    return adopted(*catalogue);
  }
  static Adopted adopted(const Catalogue& catalogue) {
    auto result = adopt(catalogue, "shop");
    if (!result) {
      ADD_FAILURE() << result.error().message();
      return {};
    }
    const model::Loaded loaded = model::load_text(result->schema, "shop.yaml");
    EXPECT_TRUE(loaded.service) << schema::to_string(loaded.diagnostics) << result->schema;
    return std::move(*result);
  }

  std::string folder;
};

Column column(std::string name, Kind kind = Kind::int32) {
  Column made;
  made.name = std::move(name);
  made.type.kind = kind;
  made.type.declared = "declared";
  return made;
}

Catalogue one_table(Table table) {
  Catalogue catalogue;
  catalogue.engine = "test";
  catalogue.name = "shop";
  catalogue.tables.push_back(std::move(table));
  return catalogue;
}

/// What comes of the whole example; the text is there to be read.
TEST_F(AdoptTest, Golden) {
  const std::string golden = source + "/tests/golden/adopt/rental.sqlite.yaml";
  const Adopted made = adopted(text_of(source + "/tests/adopt/rental.sqlite.sql"));
  if (std::getenv("UPDATE_GOLDENS") != nullptr) {
    std::ofstream(golden, std::ios::binary) << made.schema;
    return;
  }
  EXPECT_EQ(made.schema, text_of(golden));
}

TEST_F(AdoptTest, EveryNoteIsInTheSchemaToo) {
  const Adopted made = adopted(text_of(source + "/tests/adopt/rental.sqlite.sql"));
  EXPECT_GT(made.notes.size(), 20U);
  for (const std::string& note : made.notes) {
    std::string text = note.substr(note.find(": ") == std::string::npos ? 0 : note.find(": ") + 2);
    if (text.starts_with("left out; ")) text = text.substr(10);
    EXPECT_THAT(made.schema, HasSubstr(text));
  }
}

TEST_F(AdoptTest, NamesThatAreHostile) {
  const std::string evil = "x'\"\n\r\t: [}#\\u202E\xE2\x80\xAE\xFF`$(reboot)";
  Table table;
  table.name = evil;
  table.comment = "doc: evil\n  fields: {" + evil;
  table.columns = {column(evil),
                   column("id", Kind::string),
                   column("class"),
                   column("CLASS"),
                   column(""),
                   column("\xFF\xFE"),
                   column(std::string(300, 'a')),
                   column(std::string(300, 'a') + "b"),
                   column("created_at"),
                   column("Create"),
                   column("a_id"),
                   column("a")};
  table.columns[1].comment = evil + evil;
  table.columns[1].default_sql = "'" + std::string(3, '\'') + evil + "'";
  table.primary_key = {evil, "class"};
  table.checks.push_back({"", evil});
  table.triggers.push_back(evil);
  Index index;
  index.name = evil;
  index.columns = {evil, "class"};
  index.where = evil;
  table.indexes.push_back(index);
  ForeignKey key;
  key.columns = {"a"};
  key.table = evil;
  table.foreign_keys.push_back(key);
  Catalogue catalogue = one_table(table);
  catalogue.name = evil;
  catalogue.not_carried = {"view " + evil};
  catalogue.enums.push_back({evil, {evil, "", "a", "A", "1"}, evil});
  const Adopted made = adopted(catalogue);
  EXPECT_EQ(made.entities, 1U);
  EXPECT_GE(made.fields, 10U);
  for (const char c : made.schema) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n');
  EXPECT_THAT(made.schema, Not(HasSubstr("\xE2\x80\xAE")));
}

TEST_F(AdoptTest, TablesThatWouldHaveTheSameName) {
  Catalogue catalogue;
  for (const char* name : {"person", "people", "persons", "Person", "PERSON", "person_id",
                           "persons_", "date", "string", "repositories", "class", "select"}) {
    Table table;
    table.name = name;
    table.columns = {column("a")};
    catalogue.tables.push_back(table);
  }
  EXPECT_EQ(adopted(catalogue).entities, catalogue.tables.size());
}

TEST_F(AdoptTest, MoreColumnsThanAnEntityHas) {
  Table table;
  table.name = "wide";
  for (int i = 0; i < 10'000; ++i) table.columns.push_back(column("c" + std::to_string(i)));
  const Adopted made = adopted(one_table(table));
  EXPECT_EQ(made.fields, 1'000U);
  EXPECT_THAT(made.notes, Contains(HasSubstr("of 10000 columns only the first 1000")));
}

TEST_F(AdoptTest, MoreTablesThanASchemaHolds) {
  Catalogue catalogue;
  for (int i = 0; i < 9'000; ++i) {
    Table table;
    table.name = "table_" + std::to_string(i);
    table.columns = {column("a"), column("b")};
    catalogue.tables.push_back(table);
  }
  const auto made = adopt(catalogue, "shop");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("--tables"));
}

TEST_F(AdoptTest, NoTables) {
  const auto made = adopt(Catalogue{}, "");
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("no tables"));
}

TEST_F(AdoptTest, RequiredCyclesAreOpenedOnce) {
  const Adopted made = adopted(R"(
    CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER NOT NULL REFERENCES b);
    CREATE TABLE b (id INTEGER PRIMARY KEY, c_id INTEGER NOT NULL REFERENCES c);
    CREATE TABLE c (id INTEGER PRIMARY KEY, a_id INTEGER NOT NULL REFERENCES a);
    CREATE TABLE me (id INTEGER PRIMARY KEY, me_id INTEGER NOT NULL REFERENCES me);)");
  EXPECT_THAT(made.schema, HasSubstr("    belongs_to:\n      b: B\n"));
  EXPECT_THAT(made.schema, HasSubstr("      a: {entity: A, optional: true}\n"));
  EXPECT_THAT(made.schema, HasSubstr("me: {entity: Me, optional: true}"));
  EXPECT_EQ(std::ranges::count_if(made.notes,
                                  [](const std::string& note) {
                                    return note.find("no row of the cycle") != std::string::npos;
                                  }),
            2);
}

TEST_F(AdoptTest, ChecksAndDefaults) {
  const Adopted made = adopted(R"(
    CREATE TABLE t (id INTEGER PRIMARY KEY,
      a INT NOT NULL CHECK (a > 0 AND a < 10) DEFAULT (-(1)),
      b DECIMAL(6,2) NOT NULL CHECK (b > 0),
      c TEXT NOT NULL CHECK (c IN ('x y', 'z')) DEFAULT 'z',
      d VARCHAR(9) CHECK (length(d) BETWEEN 2 AND 8),
      e TIMESTAMP NOT NULL DEFAULT (strftime('%Y', 'now')),
      f INT CHECK (f IS NULL OR f >= 5),
      g INT CHECK (g % 2 = 0),
      h BOOLEAN NOT NULL DEFAULT 'f',
      i REAL DEFAULT (random())) ;)");
  EXPECT_THAT(made.schema, HasSubstr("a: {type: int64, min: 1, max: 9}"));
  EXPECT_THAT(made.schema, HasSubstr("b: {type: decimal(6,2), min: 0.01}"));
  EXPECT_THAT(made.schema, HasSubstr("c: {type: enum, values: [x_y, z], default: z}"));
  EXPECT_THAT(made.schema, HasSubstr("d: {type: string, min: 2, max: 8, optional: true}"));
  EXPECT_THAT(made.schema, HasSubstr("e: {type: timestamp, default: now}"));
  EXPECT_THAT(made.schema, HasSubstr("f: {type: int64, min: 5, optional: true}"));
  EXPECT_THAT(made.schema, HasSubstr("# check g % 2 = 0 is not carried"));
  EXPECT_THAT(made.schema, HasSubstr("h: {type: bool, default: false}"));
  EXPECT_THAT(made.schema, HasSubstr("# default random() is not carried"));
}

TEST_F(AdoptTest, WhatTheReaderRefusesIsMadeSimpler) {
  Catalogue catalogue;
  catalogue.enums.push_back({"film_rating", {"a", "b"}, ""});
  Table table;
  table.name = "film";
  table.columns = {column("rating", Kind::enumeration), column("other", Kind::enumeration),
                   column("born", Kind::date)};
  table.columns[0].type.values = {"x", "y"};  // would be the type FilmRating again
  table.columns[1].type.enum_name = "film_rating";
  table.columns[2].default_sql = "'2020-02-31'";
  catalogue.tables.push_back(table);
  const Adopted made = adopted(catalogue);
  EXPECT_EQ(made.fields, 3U);
  EXPECT_THAT(made.schema, HasSubstr("# not taken: enum 'FilmRating'"));
  EXPECT_THAT(made.schema, HasSubstr("rating: {type: string, optional: true}"));
  EXPECT_THAT(made.schema, HasSubstr("other:  {type: FilmRating, optional: true}"));
  EXPECT_THAT(made.schema, HasSubstr("# not taken: default '2020-02-31' is not a date"));
}

TEST_F(AdoptTest, FilesThatAreNoDatabase) {
  const auto message = [&](const std::string& address) {
    auto read = read_database(address, {});
    return read ? std::string("read") : std::string(read.error().message());
  };
  EXPECT_THAT(message(folder + "/none.db"), HasSubstr("there is no database"));
  std::ofstream(folder + "/text.db") << std::string(4'096, 'x');
  EXPECT_THAT(message(folder + "/text.db"), HasSubstr("is no SQLite database"));
  EXPECT_THAT(message("oracle://me:secret@host/db"), HasSubstr("'oracle' is no kind of database"));
  EXPECT_FALSE(std::filesystem::exists(folder + "/none.db"));
}

TEST_F(AdoptTest, PasswordsAreNotShown) {
  EXPECT_EQ(without_password("postgresql://me:s3/c@r?t@host:5432/db?x=y"),
            "postgresql://me:***@host:5432/db");
  EXPECT_EQ(without_password("mysql://host/db?password=s3"), "mysql://host/db");
  EXPECT_EQ(without_password("shop.db"), "shop.db");
}

TEST_F(AdoptTest, DecimalsKeepTheirWholeDigits) {
  const Adopted made = adopted(
      "CREATE TABLE prices (id INTEGER PRIMARY KEY, a DECIMAL(40,20) NOT NULL DEFAULT 5,"
      "b DECIMAL(20,10) NOT NULL, c DECIMAL(38,0) NOT NULL, d DECIMAL(18,2) NOT NULL,"
      "e DECIMAL(19,18) NOT NULL, f DECIMAL(3,25) NOT NULL, g DECIMAL(19,1) NOT NULL,"
      "h DECIMAL(20,1) NOT NULL, i DECIMAL(3,5) NOT NULL);");
  for (const char* line :
       {"a: {type: string, max: 43", "b: decimal(18,8)\n", "c: {type: string, max: 41}",
        "d: decimal(18,2)\n", "e: decimal(18,17)\n", "f: {type: string, max: 28}",
        "g: decimal(18,0)\n", "h: {type: string, max: 23}", "i: decimal(5,5)\n",
        "DECIMAL(40,20) has more digits than the 18 of a decimal here; a string carries them",
        "those before the point are kept, and 8 behind it"}) {
    EXPECT_THAT(made.schema, HasSubstr(line));
  }
}

/// PostgreSQL: numeric(5,-2) has seven digits before the point.
TEST_F(AdoptTest, ANegativeScaleIsMoreWholeDigits) {
  Catalogue catalogue;
  Table table;
  table.name = "price";
  Column small = column("small", Kind::decimal);
  small.type.precision = 5;
  small.type.scale = -2;
  Column large = column("large", Kind::decimal);
  large.type.precision = 17;
  large.type.scale = -2;
  table.columns = {small, large};
  catalogue.tables.push_back(table);
  const Adopted made = adopted(catalogue);
  EXPECT_THAT(made.schema, HasSubstr("small: {type: decimal(7,0)"));
  EXPECT_THAT(made.schema, HasSubstr("large: {type: string, max: 22"));
}

TEST_F(AdoptTest, ColumnsThatMayHoldAnythingAreNoted) {
  const Adopted made = adopted("CREATE TABLE boxes (id INTEGER PRIMARY KEY, a ANY, b);");
  EXPECT_THAT(made.schema, HasSubstr("# a column of the type ANY may hold anything"));
  EXPECT_THAT(made.schema, HasSubstr("# the column has no type, so it may hold anything"));
  EXPECT_EQ(made.notes.size(), 2U);
}

TEST_F(AdoptTest, NamesThatAreTooLongEndWithAWord) {
  const std::string name = "the_quick_brown_fox_jumps_over_the_lazy_dogs_again_and_again";
  const Adopted made = adopted("CREATE TABLE boxes (id INTEGER PRIMARY KEY, " + name + " int);");
  EXPECT_THAT(made.schema, HasSubstr("the_quick_brown_fox_jumps_over_the_lazy_dogs: {"));
  EXPECT_THAT(made.schema, HasSubstr("# column '" + name + "'"));
}

}  // namespace
}  // namespace kitgen::adopt
