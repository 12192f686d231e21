// SPDX-License-Identifier: Apache-2.0
// kitgen migrate: what people and scripts see of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kitgen/cli/test_command.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

struct MigrateTest : CommandTest {
  void SetUp() override {
    step(1, "items", "CREATE TABLE items (id INTEGER PRIMARY KEY, a TEXT) STRICT;");
  }
  /// Writes a step; its down when there is one.
  void step(int number, const std::string& name, const std::string& up,
            const std::string& down = "SELECT 1;") {
    const std::string stem = "migrations/000" + std::to_string(number) + "_" + name;
    folder.write(stem + ".up.sql", up + "\n");
    if (!down.empty()) folder.write(stem + ".down.sql", down + "\n");
  }
  Outcome migrate(std::vector<std::string> words) {
    words.insert(words.begin(), "migrate");
    words.push_back("--database=x.db");
    return kitgen(std::move(words));
  }
  std::string lint() {
    const Outcome outcome = kitgen({"migrate", "lint"});
    EXPECT_EQ(outcome.code, outcome.err.empty() ? 0 : 1);
    return outcome.out;
  }
};

TEST_F(MigrateTest, a_plan_says_what_it_takes) {
  ASSERT_EQ(migrate({"up"}).code, 0);
  step(2, "fill", "INSERT INTO items (a) VALUES ('x'), ('y');");
  ASSERT_EQ(migrate({"up"}).code, 0);
  step(3, "less", "-- destructive: the column a of items\nALTER TABLE items DROP COLUMN a;",
       "-- irreversible data: the values of a\nALTER TABLE items ADD COLUMN a TEXT;");
  const std::string plan = migrate({"plan"}).out;
  for (const char* part :
       {"-- 0003_less.up.sql\n", "--   rows: items: rewrite, 2 rows\n",
        "--   lock: the write lock of the whole database", "--   cost: 1 statement, 2 rows, less",
        "--   reversible: the schema; of the data not: the values of a\n",
        "--   destructive: yes, needs --allow-destructive: the column a of items\n",
        "\nALTER TABLE items DROP COLUMN a;\n"}) {
    EXPECT_THAT(plan, HasSubstr(part));
  }
  const std::string json = migrate({"plan", "--json"}).out;
  for (const char* part :
       {R"("tables":[{"table":"items","work":"rewrite","rows":2}])", R"("destructive":true)",
        R"("losses":["the column a of items"])", R"("irreversible_data":["the values of a"])",
        R"("reversible":true)", R"("file":"0003_less.up.sql")"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
  EXPECT_THAT(kitgen({"migrate", "plan", "--json", "--database=none.db"}).out,
              HasSubstr(R"("rows":null)"));
  EXPECT_FALSE(folder.has("none.db"));
}

TEST_F(MigrateTest, a_loss_needs_a_word) {
  ASSERT_EQ(migrate({"up"}).code, 0);
  step(2, "less", "DROP TABLE items;");
  const Outcome refused = migrate({"up"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("0002_less.up.sql would lose data: the table items with its "
                                     "rows. Nothing was applied."));
  EXPECT_EQ(migrate({"up", "--allow-destructive"}).code, 0);
}

TEST_F(MigrateTest, status_names_what_failed_until_it_went_through) {
  step(2, "bad", "CREATE TABLE half (id INTEGER);\nINSERT INTO missing VALUES (1);");
  const Outcome failed_up = migrate({"up"});
  EXPECT_EQ(failed_up.code, 1);
  EXPECT_THAT(failed_up.err, HasSubstr("0002_bad.up.sql:2: "));
  const Outcome status = migrate({"status"});
  EXPECT_EQ(status.code, 1);
  EXPECT_THAT(status.out,
              MatchesRegex("  0001 items  applied .*\n  0002 bad  waits\n"
                           "       it failed at .*, and nothing of that is left\n"
                           "       0002_bad.up.sql:2: .*missing.*\n"
                           "       in: INSERT INTO missing VALUES .1.\n1 to apply.*\n"));
  step(2, "bad", "CREATE TABLE half (id INTEGER);");
  EXPECT_EQ(migrate({"up"}).code, 0);
  EXPECT_EQ(migrate({"status"}).code, 0);
  EXPECT_EQ(migrate({"down", "2"}).code, 0);
}

TEST_F(MigrateTest, two_branches_one_number) {
  step(2, "mine", "CREATE TABLE mine (id INTEGER);");
  step(2, "theirs", "CREATE TABLE theirs (id INTEGER);");
  const Outcome refused = migrate({"up"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("number 2 is used twice"));
  EXPECT_THAT(refused.err, HasSubstr("kitgen migrate renumber 0002_"));
  const Outcome moved = kitgen({"migrate", "renumber", "migrations/0002_mine.up.sql"});
  EXPECT_EQ(moved.code, 0) << moved.err;
  EXPECT_TRUE(folder.has("migrations/0003_mine.up.sql"));
  EXPECT_TRUE(folder.has("migrations/0003_mine.down.sql"));
  EXPECT_FALSE(folder.has("migrations/0002_mine.up.sql"));
  EXPECT_EQ(migrate({"up"}).code, 0);
  check_failure({"migrate", "renumber", "0009_none"}, "there is no migrations/0009_none.up.sql");
  check_usage({"migrate", "renumber"}, "which step?");
}

TEST_F(MigrateTest, a_deleted_or_moved_file_is_named) {
  step(2, "more", "CREATE TABLE more (id INTEGER);");
  step(3, "most", "CREATE TABLE most (id INTEGER);");
  ASSERT_EQ(migrate({"up"}).code, 0);
  const std::string more = folder.read("migrations/0002_more.up.sql");
  std::filesystem::remove(folder.path("migrations/0002_more.up.sql"));
  std::filesystem::remove(folder.path("migrations/0002_more.down.sql"));
  EXPECT_THAT(migrate({"up"}).err, HasSubstr("number 2 is missing before it: bring its file back"));
  folder.write("migrations/0002_more.up.sql", folder.read("migrations/0003_most.up.sql"));
  folder.write("migrations/0003_most.up.sql", more);
  EXPECT_THAT(migrate({"up"}).err, HasSubstr("was applied to this database as number 2"));
}

TEST_F(MigrateTest, new_starts_a_step_that_waits_to_be_written) {
  EXPECT_EQ(kitgen({"migrate", "new", "add_phone"}).code, 0);
  EXPECT_THAT(folder.read("migrations/0002_add_phone.up.sql"), HasSubstr("-- kit:check "));
  EXPECT_TRUE(folder.has("migrations/0002_add_phone.down.sql"));
  EXPECT_THAT(migrate({"up"}).err, HasSubstr("0002_add_phone.up.sql: no statement in it"));
  EXPECT_EQ(kitgen({"migrate", "new", "another"}).code, 0);
  EXPECT_TRUE(folder.has("migrations/0003_another.up.sql"));
  for (const std::string bad : {"Add", "a-b", "../x", "a.b"}) {
    check_failure({"migrate", "new", bad}, "is no name for a migration");
  }
  check_usage({"migrate", "new"}, "the step needs a name");
  check_failure({"migrate", "new", "x", "--migrations=none"}, "can't read the folder none");
  // What it says about writing is no annotation itself.
  folder.write("migrations/0002_add_phone.up.sql",
               folder.read("migrations/0002_add_phone.up.sql") + "SELECT 1;\n");
  folder.write("migrations/0003_another.up.sql", "SELECT 1;\n");
  EXPECT_THAT(migrate({"plan"}).out, Not(HasSubstr("destructive: yes")));
}

TEST_F(MigrateTest, lint_finds_each_known_mistake_where_it_stands) {
  EXPECT_THAT(lint(), HasSubstr("nothing found"));
  const auto found = [this](const std::string& up, const std::string& finding) {
    step(2, "x", up);
    EXPECT_THAT(lint(), HasSubstr("migrations/0002_x.up.sql:" + finding)) << up;
  };
  found("\n  DROP TABLE items;", "2:3: drop-table: the table items with its rows would be lost.");
  found("ALTER TABLE items DROP COLUMN a;", "1:1: drop-column: ");
  found("DELETE FROM items;", "1:1: delete-all: ");
  found("UPDATE items SET a = 'x';", "1:1: update-all: ");
  found("ALTER TABLE items ADD COLUMN b TEXT NOT NULL;", "1:1: required-without-default: ");
  found("SELECT 1; PRAGMA foreign_keys = OFF;", "1:11: pragma: ");
  found("BEGIN; SELECT 1;", "1:1: transaction: ");
  found("ATTACH 'x' AS y;", "1:1: attach: ");
  found("CREATE TABLE b (id INTEGER);", "1:1: not-strict: ");
  found("CREATE TEMP TABLE b (id INTEGER) STRICT;", "1:1: temporary: ");
  found("DELETE FROM kit_migrations WHERE number = 1;", "1:1: kit-table: ");
  found("CREATE TABLE b (id INTEGER,\n i INTEGER REFERENCES items (id)) STRICT;",
        "2:12: reference-index: b.i refers");
  found(
      "CREATE TABLE b (id INTEGER, i INTEGER,\n"
      " CONSTRAINT k FOREIGN KEY (i) REFERENCES items (id)) STRICT;",
      "2:2: reference-index: b.i refers");
  found("ALTER TABLE items ADD COLUMN i INTEGER REFERENCES items (id);", "1:40: reference-index: ");
  step(2, "x", "SELECT 1;", "");
  std::filesystem::remove(folder.path("migrations/0002_x.down.sql"));
  EXPECT_THAT(lint(), HasSubstr("migrations/0002_x.up.sql:1:1: no-down: "));
}

TEST_F(MigrateTest, lint_follows_a_rebuild) {
  step(1, "items",
       "CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT) STRICT;\n"
       "CREATE INDEX ix_a ON items (a);\n"
       "CREATE TRIGGER tr AFTER INSERT ON items BEGIN SELECT 1; END;");
  const std::string rebuild =
      "CREATE TABLE n (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT) STRICT;\n"
      "INSERT INTO n SELECT id, a FROM items;\n"
      "DROP TABLE items;\nALTER TABLE n RENAME TO items;\n";
  step(2, "x", rebuild);
  const std::string found = lint();
  // The runner brings indexes and triggers back.
  EXPECT_THAT(found, Not(HasSubstr("ix_a")));
  EXPECT_THAT(found, Not(HasSubstr("trigger")));
  EXPECT_THAT(found, HasSubstr("0002_x.up.sql:3:1: rebuild-sequence: "));
  EXPECT_THAT(found, Not(HasSubstr("drop-table")));
  step(2, "x",
       "UPDATE sqlite_sequence SET seq = 9 WHERE name = 'n';\n" + rebuild +
           "CREATE INDEX ix_a ON items (a);\n"
           "CREATE TRIGGER tr AFTER INSERT ON items BEGIN SELECT 1; END;");
  EXPECT_THAT(lint(), HasSubstr("nothing found"));
}

TEST_F(MigrateTest, lint_takes_what_is_accepted_or_marked) {
  step(2, "x",
       "-- kit:allow drop-column\nALTER TABLE items DROP COLUMN a;\n"
       "CREATE TABLE b (id INTEGER); -- kit:allow not-strict no-down\n"
       "-- kit:allow delete-all\nDELETE FROM items;");
  std::filesystem::remove(folder.path("migrations/0002_x.down.sql"));
  EXPECT_THAT(lint(), HasSubstr("nothing found"));
  step(2, "x", "-- destructive: everything\nDELETE FROM items; DROP TABLE items;");
  EXPECT_THAT(lint(), HasSubstr("nothing found"));
  // The outbox is kitgen's own.
  step(2, "x",
       "CREATE TABLE kit_outbox (id INTEGER PRIMARY KEY) STRICT;\n"
       "CREATE INDEX ix ON kit_outbox (id);",
       "DROP TABLE kit_outbox;");
  EXPECT_THAT(lint(), HasSubstr("nothing found"));
}

TEST_F(MigrateTest, usage_of_the_options) {
  for (const std::string bad : {"soon", "-1s", "25h"}) {
    check_usage({"migrate", "up", "--database=x", "--lock-timeout=" + bad}, "is no time up to 24h");
  }
  check_usage({"migrate", "down", "--database=x", "--allow-destructive"}, "there is no option");
  check_usage({"migrate", "up", "--database=x", "--json"}, "there is no option '--json'");
  EXPECT_EQ(kitgen({"migrate", "up", "--database=x.db", "--lock-timeout=24h"}).code, 0);
  EXPECT_THAT(kitgen({"help", "migrate"}).out, HasSubstr("Exit codes: 0 done"));
}

/// Another process that runs `kitgen migrate up`; what it says goes to files.
pid_t start_up(const TestFolder& folder, const std::string& name,
               const std::string& timeout = "60s") {
  const pid_t child = ::fork();
  if (child != 0) return child;
  std::filesystem::current_path(folder.path());
  const bool redirected = std::freopen((name + ".out").c_str(), "w", stdout) != nullptr &&
                          std::freopen((name + ".err").c_str(), "w", stderr) != nullptr;
  if (redirected) {
    ::execl(KITGEN_PROGRAM, "kitgen", "migrate", "up", "--database=x.db", "--lock-timeout",
            timeout.c_str(), nullptr);
  }
  ::_exit(127);
}

int exit_code(pid_t child) {
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// A step that takes some seconds.
constexpr const char* slow_step =
    "CREATE TABLE slow (n INTEGER);\n"
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000000)\n"
    "INSERT INTO slow SELECT sum(n) FROM c;";

TEST_F(MigrateTest, a_second_process_waits_and_finds_nothing_to_do) {
  ASSERT_EQ(migrate({"up"}).code, 0);
  step(2, "slow", slow_step);
  const pid_t first = start_up(folder, "first");
  const pid_t second = start_up(folder, "second");
  const pid_t third = start_up(folder, "third");
  EXPECT_EQ(exit_code(first), 0) << folder.read("first.err");
  EXPECT_EQ(exit_code(second), 0) << folder.read("second.err");
  EXPECT_EQ(exit_code(third), 0) << folder.read("third.err");
  const std::string out =
      folder.read("first.out") + folder.read("second.out") + folder.read("third.out");
  const auto applied = out.find("0002 slow");
  ASSERT_NE(applied, std::string::npos) << out;
  EXPECT_EQ(out.find("0002 slow", applied + 1), std::string::npos) << "applied once: " << out;
}

TEST_F(MigrateTest, a_process_waits_as_long_as_it_was_told) {
  ASSERT_EQ(migrate({"up"}).code, 0);
  step(2, "more", "CREATE TABLE more (id INTEGER);");
  kit::sqlite::SqliteOptions options;
  options.path = folder.path("x.db");
  auto database = kit::sqlite::open(options);
  ASSERT_TRUE(database.ok());
  auto loop = kit::make_epoll_loop();
  ASSERT_TRUE(loop.ok());
  auto hold = [&]() -> kit::Task<> {
    auto transaction = co_await (*database)->begin_schema();
    EXPECT_EQ(exit_code(start_up(folder, "short", "100ms")), 1);
    const pid_t patient = start_up(folder, "patient");
    for (int i = 0; i < 3000 && folder.read("patient.err").empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // polls what it says
    }
    transaction.reset();
    EXPECT_EQ(exit_code(patient), 0);
  };
  ASSERT_TRUE(kit::run(**loop, hold()).ok());
  EXPECT_EQ(folder.read("short.err"),
            "kitgen: another runner or program still writes to the database after 0.1s; it may "
            "need longer: --lock-timeout\n");
  EXPECT_EQ(folder.read("patient.err"),
            "kitgen: waiting for another runner that writes to the database\n");
  EXPECT_THAT(folder.read("patient.out"), HasSubstr("0002 more  applied"));
}

}  // namespace
}  // namespace kitgen::cli
