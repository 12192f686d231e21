// SPDX-License-Identifier: Apache-2.0
#include "kit/db/migrations.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "kit/db/migration_effects.hpp"
#include "kit/db/script.hpp"

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
            "0003_b.up.sql: number 2 is missing before it: bring its file back, or renumber this "
            "one when no database has it yet");
  EXPECT_EQ(read_error({{"0001_a.up.sql", "A"}, {"0001_b.up.sql", "B"}}),
            "number 1 is used twice: 0001_a.up.sql and 0001_b.up.sql; when two branches wrote one "
            "each, the step that no database has yet gets the next free number: kitgen migrate "
            "renumber 0001_b.up.sql");
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

TEST(SplitScript, KnowsWhereTokensAndCommentsStand) {
  const std::string script =
      "-- top\n  /* kit:allow a */ DROP TABLE\n\tx; -- kit:allow b c\n"
      "-- kit:check why not\nSELECT 1;\n"
      "-- kit:check\nSELECT 'x'";
  auto statements = split_script(script);
  ASSERT_TRUE(statements.ok());
  ASSERT_EQ(statements->size(), 3u);
  const ScriptStatement& drop = statements->at(0);
  EXPECT_EQ(drop.tokens.at(0).line, 2u);
  EXPECT_EQ(drop.tokens.at(0).column, 21u);
  EXPECT_EQ(drop.tokens.at(2).line, 3u);
  EXPECT_EQ(drop.tokens.at(2).column, 2u);
  EXPECT_EQ(drop.first_line(), "DROP TABLE");
  for (const char* rule : {"a", "b", "c"}) EXPECT_TRUE(drop.allows(rule)) << rule;
  EXPECT_FALSE(drop.allows("d"));
  EXPECT_FALSE(drop.check().has_value());
  EXPECT_EQ(statements->at(1).check(), "why not");
  EXPECT_EQ(statements->at(2).check(), "");
}

TEST(SqlTokens, NamesAreReadAsSqliteComparesThem) {
  auto tokens = sql_tokens("Ab \"C\"\"d\" `E` [F g] 'text' 12x ;");
  ASSERT_TRUE(tokens.ok());
  std::vector<std::string> names;
  for (const SqlToken& token : *tokens) {
    if (token.is_name()) names.push_back(sql_name(token));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"ab", "c\"d", "e", "f g"}));
  EXPECT_EQ(tokens->at(5).kind, SqlTokenKind::number);
  EXPECT_TRUE(tokens->at(6).is(';'));
}

TEST(Annotations, AreLinesOfTheirOwnThatMayGoOn) {
  const std::string script =
      "-- destructive: the column a\n--    of t\n-- destructive: b\n-- irreversible data: c\n"
      "SELECT '-- destructive: no';";
  EXPECT_EQ(annotations(script, "destructive"), (Pieces{"the column a of t", "b"}));
  EXPECT_EQ(annotations(script, "irreversible data"), Pieces{"c"});
  EXPECT_EQ(annotations("SELECT 1;", "destructive"), Pieces{});
}

TEST(Losses, OfWhatEndsForGood) {
  EXPECT_EQ(losses("DROP TABLE IF EXISTS main.\"T\""), Pieces{"the table t with its rows"});
  EXPECT_EQ(losses("ALTER TABLE t DROP COLUMN a; ALTER TABLE t DROP b"),
            (Pieces{"the column a of t", "the column b of t"}));
  EXPECT_EQ(losses("DELETE FROM t; WITH x AS (SELECT 1 WHERE 1) DELETE FROM u RETURNING *"),
            (Pieces{"every row of t", "every row of u"}));
  EXPECT_EQ(losses("UPDATE OR IGNORE t SET a = (SELECT 1 WHERE 2), (b, c) = (1, 2) FROM u"),
            Pieces{"what stood in a, b, c of every row of t"});
  EXPECT_EQ(losses("-- destructive: the old prices\nDROP TABLE t"), Pieces{"the old prices"});
}

TEST(Losses, NotOfWhatIsKeptOrWasMadeHere) {
  for (const char* script :
       {"DELETE FROM t WHERE a = 1; UPDATE t SET a = 1 WHERE b; DROP INDEX i; DROP VIEW v",
        "CREATE TABLE t (a); DELETE FROM t; UPDATE t SET a = 1; DROP TABLE t",
        "ALTER TABLE t ADD COLUMN a; UPDATE t SET a = b; ALTER TABLE t DROP COLUMN a",
        "ALTER TABLE t ADD a; ALTER TABLE t RENAME a TO b; UPDATE t SET b = 1",
        "CREATE TABLE n (a); INSERT INTO n SELECT a FROM t; DROP TABLE t;"
        "ALTER TABLE n RENAME TO t; DELETE FROM t",
        "ALTER TABLE t RENAME TO o; CREATE TABLE t (a); INSERT INTO t SELECT * FROM o;"
        "DROP TABLE o",
        "CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM u; END",
        "-- kit:allow drop-table\nDROP TABLE t;\nDELETE FROM t; -- kit:allow delete-all"}) {
    EXPECT_EQ(losses(script), Pieces{}) << script;
  }
  // A copy that leaves rows out is none.
  EXPECT_EQ(losses("CREATE TABLE n (a); INSERT INTO n SELECT a FROM t WHERE a > 1; DROP TABLE t"),
            Pieces{"the table t with its rows"});
  EXPECT_EQ(losses("CREATE TEMP TABLE n AS SELECT * FROM t; DROP TABLE t"),
            Pieces{"the table t with its rows"});
}

TEST(Losses, OfAColumnThatARebuildForgets) {
  const TableColumns columns = {{"t", {"a", "b", "c"}}};
  const std::string rest = " FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t";
  const std::string start = "CREATE TABLE n (a, b); INSERT INTO n SELECT ";
  EXPECT_EQ(losses(start + "a, lower(b)" + rest, columns), Pieces{"the column c of t"});
  EXPECT_EQ(losses(start + "a" + rest, columns), Pieces{"the column b of t, the column c of t"});
  EXPECT_EQ(losses(start + "a, b || c" + rest, columns), Pieces{});
  EXPECT_EQ(losses(start + "*" + rest, columns), Pieces{});
  EXPECT_EQ(losses("ALTER TABLE t RENAME COLUMN c TO d;" + start + "a, b, d" + rest, columns),
            Pieces{});
}

}  // namespace
}  // namespace kit::db
