// SPDX-License-Identifier: Apache-2.0
#include "kit/db/migrations.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace kit::db {
namespace {

std::vector<std::string> pieces(std::string_view script) {
  auto statements = split_script(script);
  if (!statements) return {"error: " + statements.error().message()};
  std::vector<std::string> out;
  for (const auto& statement : *statements) {
    out.push_back(std::to_string(statement.line) + ":" + std::string(statement.sql));
  }
  return out;
}

using Pieces = std::vector<std::string>;

TEST(SplitScript, AtSemicolonsOnly) {
  EXPECT_EQ(pieces(""), Pieces{});
  EXPECT_EQ(pieces(" ;; -- nothing\n /* ; */ ;"), Pieces{});
  EXPECT_EQ(pieces("A;\n\nB x\n ;C"), (Pieces{"1:A", "3:B x", "4:C"}));
  EXPECT_EQ(pieces("A 'x;''y;' ;B \"q;\" `r;` [s;]"),
            (Pieces{"1:A 'x;''y;'", "1:B \"q;\" `r;` [s;]"}));
  EXPECT_EQ(pieces("-- first; line\nA -- ; '\n b /* ;\n' */ c;\nD"),
            (Pieces{"2:A -- ; '\n b /* ;\n' */ c", "5:D"}));
}

TEST(SplitScript, TriggersAreOneStatement) {
  std::string trigger =
      "CREATE TEMP TRIGGER t AFTER UPDATE ON x WHEN CASE WHEN 1 THEN 0 END BEGIN\n"
      "  UPDATE y SET a = CASE b WHEN 1 THEN 2 END;\n  DELETE FROM z;\nEND";
  EXPECT_EQ(pieces(trigger + ";\nNEXT"), (Pieces{"1:" + trigger, "5:NEXT"}));
  EXPECT_EQ(pieces("CREATE TABLE trigger_log(a); SELECT CASE WHEN 1 THEN 2 END;B").size(), 3u);
}

TEST(SplitScript, SaysWhereAQuoteBegan) {
  EXPECT_EQ(pieces("A;\nB 'x\n\n"), Pieces{"error: line 2: a quoted text that does not end"});
  EXPECT_EQ(pieces("A;\n\n/* x"), Pieces{"error: line 3: a comment that does not end"});
  EXPECT_EQ(pieces("CREATE TRIGGER t BEGIN A;"), Pieces{"error: line 1: BEGIN without its END"});
}

std::string read_error(std::vector<MigrationFile> files) {
  auto read = read_migrations(files);
  return read.ok() ? "" : read.error().message();
}

TEST(ReadMigrations, PairsUpAndDown) {
  const std::array<MigrationFile, 3> files = {{{"migrations/0002_more.up.sql", "B"},
                                               {"0001_start.down.sql", "X"},
                                               {"0001_start.up.sql", "A"}}};
  auto read = read_migrations(files);
  ASSERT_TRUE(read.ok()) << read.error().describe();
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].name, "start");
  EXPECT_EQ((*read)[0].down, "X");
  EXPECT_EQ((*read)[1].up_file, "0002_more.up.sql");
  EXPECT_EQ((*read)[1].down, "");
}

TEST(ReadMigrations, RefusesWhatDoesNotFit) {
  EXPECT_EQ(read_error({{"0001_a.up.sql", "A"}, {"0003_b.up.sql", "B"}}),
            "0003_b.up.sql: number 2 is missing before it");
  EXPECT_EQ(read_error({{"0001_a.up.sql", "A"}, {"0001_b.up.sql", "B"}}),
            "number 1 is used twice: 0001_a.up.sql and 0001_b.up.sql");
  EXPECT_EQ(read_error({{"0001_a.down.sql", "A"}}),
            "0001_a.down.sql has no .up.sql that it undoes");
  EXPECT_EQ(read_error({{"0001_a.up.sql", " -- \n"}}), "0001_a.up.sql: no statement in it");
  EXPECT_EQ(read_error({{"0001_a.up.sql", "A '"}}),
            "0001_a.up.sql: line 1: a quoted text that does not end");
  for (const char* name : {"1_a.up.sql", "0001.up.sql", "0001_.up.sql", "0000_a.up.sql",
                           "0001_a b.up.sql", "x001_a.up.sql", "0001_a.sql"}) {
    EXPECT_NE(read_error({{name, "A"}}), "") << name;
  }
  EXPECT_EQ(read_migrations(std::string("/nonexistent")).error().code(), Code::not_found);
}

}  // namespace
}  // namespace kit::db
