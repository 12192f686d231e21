// SPDX-License-Identifier: Apache-2.0
#include "kit/db/migration_locks.hpp"

#include <gtest/gtest.h>

#include "kit/db/migration_effects.hpp"
#include "kit/db/migration_plan.hpp"

namespace kit::db {
namespace {

/// "table: lock, stops, work, rule" of each lock, joined by "; ".
std::string locks(const std::string& sql, Dialect dialect) {
  constexpr const char* stops[] = {"nobody", "schema", "writers", "all"};
  const auto script = split_script(sql);
  std::string text;
  for (const TableLock& lock : table_locks(script->front(), dialect)) {
    text += (text.empty() ? "" : "; ") + lock.table + ": " + lock.lock + ", " +
            stops[static_cast<int>(lock.stops)] + ", " + std::string(lock.work) + ", " +
            std::string(lock.rule);
  }
  return text;
}

TEST(MigrationLocks, OfPostgres) {
  const auto check = [](const std::string& sql, const std::string& wanted) {
    EXPECT_EQ(locks(sql, Dialect::postgresql), wanted) << sql;
  };
  const std::string brief = "t: ACCESS EXCLUSIVE, all, , ";
  check("ALTER TABLE t ADD COLUMN a INTEGER", brief);
  check("ALTER TABLE IF EXISTS ONLY app.t ADD COLUMN a INTEGER DEFAULT 4 NOT NULL", brief);
  check("ALTER TABLE t ADD COLUMN a uuid DEFAULT gen_random_uuid()",
        "t: ACCESS EXCLUSIVE, all, rewrite, table-rewrite");
  check("ALTER TABLE t ALTER COLUMN a TYPE bigint USING a::bigint",
        "t: ACCESS EXCLUSIVE, all, rewrite, table-rewrite");
  check("ALTER TABLE t ALTER a SET NOT NULL", "t: ACCESS EXCLUSIVE, all, check, not-null-scan");
  check("ALTER TABLE t ALTER a DROP NOT NULL", brief);
  check("ALTER TABLE t ALTER a SET DEFAULT 4", brief);
  check("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)",
        "t: ACCESS EXCLUSIVE, all, check, check-scan");
  check("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID", brief);
  check("ALTER TABLE t VALIDATE CONSTRAINT c", "t: SHARE UPDATE EXCLUSIVE, schema, check, ");
  check("ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id)",
        "t: SHARE ROW EXCLUSIVE, writers, check, foreign-key-scan; "
        "u: SHARE ROW EXCLUSIVE, writers, , ");
  check("ALTER TABLE t ADD CONSTRAINT c UNIQUE (a)",
        "t: ACCESS EXCLUSIVE, all, index, constraint-index");
  check("ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i", brief);
  check("ALTER TABLE t ADD COLUMN a INTEGER, ALTER b SET NOT NULL",
        brief + "; t: ACCESS EXCLUSIVE, all, check, not-null-scan");
  check("ALTER TABLE t ADD CHECK (a IN (1, 2)), DROP COLUMN b",
        "t: ACCESS EXCLUSIVE, all, check, check-scan; " + brief);
  check("CREATE INDEX i ON t (a)", "t: SHARE, writers, index, index-blocks-writes");
  check("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)",
        "t: SHARE UPDATE EXCLUSIVE, schema, index, ");
  check("CREATE TABLE t (a INTEGER REFERENCES u (id))", "u: SHARE ROW EXCLUSIVE, writers, , ");
  check("CREATE TABLE t (a INTEGER)", "");
  check("DROP TABLE t", brief);
  check("UPDATE t SET a = 1", "t: of the rows that change, nobody, , ");
  check("TRUNCATE TABLE t", brief);
  check("SELECT 1", "");
}

TEST(MigrationLocks, OfMariaDb) {
  const auto check = [](const std::string& sql, const std::string& wanted) {
    EXPECT_EQ(locks(sql, Dialect::mysql), wanted) << sql;
  };
  const std::string copy = "t: shared metadata lock, for a copy of the table, writers, rewrite, ";
  const std::string moment = "t: exclusive metadata lock, for a moment, ";
  check("ALTER TABLE t ADD COLUMN a INTEGER", moment + "all, , ");
  check("ALTER TABLE t MODIFY COLUMN a BIGINT", copy + "table-rewrite");
  check("ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)", copy + "check-scan");
  check("ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (id)",
        copy + "foreign-key-scan");
  check("ALTER TABLE t ADD INDEX i (a)", moment + "schema, index, ");
  check("CREATE INDEX i ON t (a)", moment + "schema, index, ");
  check("DROP TABLE t", "t: exclusive metadata lock, all, , ");
}

TEST(MigrationLocks, SqliteHasOne) {
  EXPECT_EQ(locks("ALTER TABLE t ADD COLUMN a INTEGER", Dialect::sqlite), "");
}

TEST(MigrationEffects, OfServersStatements) {
  const auto lost = [](const std::string& sql) {
    const auto all = losses(sql);
    return all.empty() ? std::string() : all.front();
  };
  EXPECT_EQ(lost("ALTER TABLE t DROP CONSTRAINT c"), "");
  EXPECT_EQ(lost("ALTER TABLE t DROP FOREIGN KEY c"), "");
  EXPECT_EQ(lost("ALTER TABLE t DROP INDEX i, ADD COLUMN b INTEGER"), "");
  EXPECT_EQ(lost("ALTER TABLE t ADD COLUMN b DECIMAL(4,2), DROP COLUMN IF EXISTS a"),
            "the column a of t");
  EXPECT_EQ(lost("ALTER TABLE t DROP a"), "the column a of t");
  EXPECT_EQ(lost("TRUNCATE TABLE t"), "every row of t");
  EXPECT_EQ(lost("DROP INDEX CONCURRENTLY IF EXISTS i"), "");
  EXPECT_EQ(effect_of(split_script("DROP INDEX CONCURRENTLY i")->front()).name, "i");
  EXPECT_EQ(effect_of(split_script("RENAME TABLE a TO b")->front()).kind,
            StatementEffect::Kind::rename_table);
}

TEST(MigrationPlan, OfAServerNamesTheStrongestLockOfEachTable) {
  Migration step;
  step.number = 1;
  step.name = "x";
  step.up_file = "0001_x.up.sql";
  step.dialect = "postgresql";
  step.up =
      "CREATE TABLE new (id BIGINT REFERENCES t (id));\n"
      "CREATE INDEX i ON t (a);\n"
      "ALTER TABLE t ALTER a TYPE bigint;\n"
      "ALTER TABLE new ADD CHECK (id > 0);\n";
  auto plan = plan_steps(std::span(&step, 1)).value().front();
  ASSERT_EQ(plan.locks.size(), 1u);
  EXPECT_EQ(plan.locks.front(),
            "t: ACCESS EXCLUSIVE from line 3 (ALTER TABLE t ALTER a TYPE bigint) to the commit: "
            "nobody else reads or writes it");
  ASSERT_EQ(plan.tables.size(), 2u);
  EXPECT_EQ(plan.tables[0].work, "index");
  EXPECT_EQ(plan.tables[1].work, "rewrite");
  step.up = "-- kit:no-transaction\nCREATE INDEX CONCURRENTLY i ON t (a);";
  plan = plan_steps(std::span(&step, 1)).value().front();
  EXPECT_EQ(plan.locks.front(),
            "t: SHARE UPDATE EXCLUSIVE from line 2 (CREATE INDEX CONCURRENTLY i ON t ( a )), for "
            "this statement: others read and write it");
}

}  // namespace
}  // namespace kit::db
