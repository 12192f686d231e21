// SPDX-License-Identifier: Apache-2.0
// kitgen db: what people and scripts see of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include "kitgen/cli/test_command.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;

struct DbTest : CommandTest {
  void SetUp() override {
    run("x.db",
        "PRAGMA journal_mode=WAL; CREATE TABLE a(id INTEGER PRIMARY KEY); INSERT INTO a VALUES(7);"
        "CREATE TABLE b(a INTEGER REFERENCES a(id))");
  }
  void run(const std::string& file, const std::string& sql) {
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(folder.path(file).c_str(), &handle), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(handle);
  }
};

TEST_F(DbTest, a_backup_comes_back) {
  const Outcome copied = kitgen({"db", "backup", "y.db", "--database=x.db"});
  EXPECT_EQ(copied.code, 0) << copied.err;
  EXPECT_THAT(copied.out, HasSubstr("copied into y.db ("));
  check_failure({"db", "backup", "y.db", "--database=x.db"}, "y.db exists");
  check_failure({"db", "restore", "y.db", "--database=x.db"}, "x.db exists");
  run("x.db", "DELETE FROM a");
  std::filesystem::rename(folder.path("x.db"), folder.path("old.db"));
  const Outcome restored = kitgen({"db", "restore", "y.db", "--database=x.db"});
  EXPECT_EQ(restored.code, 0) << restored.err;
  EXPECT_THAT(kitgen({"db", "check", "--database=x.db"}).out, HasSubstr("x.db is sound: "));
  run("x.db", "INSERT INTO b SELECT id FROM a WHERE id = 7");
}

TEST_F(DbTest, what_is_wrong_is_said) {
  run("x.db", "INSERT INTO b VALUES(99)");
  const Outcome outcome = kitgen({"db", "check", "--database=x.db"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("row 1 of b refers to a row of a that is not there"));
  EXPECT_THAT(outcome.err, HasSubstr("is damaged"));
  check_failure({"db", "backup", "y.db", "--database=x.db"}, "its copy is worth nothing");
  EXPECT_FALSE(folder.has("y.db"));
  check_failure({"db", "check", "--database=none.db"}, "there is no database none.db");
  check_failure({"db", "backup", "y.db", "--database=postgresql://me@host/x"}, "pg_dump");
  check_failure({"db", "check", "--database=mysql://me@host/x"}, "mariadb-dump");
}

TEST_F(DbTest, usage) {
  check_usage({"db"}, "db takes backup, check or restore");
  check_usage({"db", "bakup", "--database=x.db"}, "did you mean 'backup'");
  check_usage({"db", "backup", "--database=x.db"}, "needs the file");
  check_usage({"db", "backup", "y.db"}, "which database?");
  check_usage({"db", "check", "y.db", "--database=x.db"}, "one word too many");
}

}  // namespace
}  // namespace kitgen::cli
