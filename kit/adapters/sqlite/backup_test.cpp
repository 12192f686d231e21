// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/backup.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "kit/adapters/sqlite/test_database.hpp"

namespace kit::sqlite {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

struct BackupTest : ::testing::Test {
  void SetUp() override {
    ASSERT_TRUE(database.execute("CREATE TABLE accounts(id INTEGER PRIMARY KEY, money INTEGER)"));
    ASSERT_TRUE(database.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
        "INSERT INTO accounts SELECT i, 100 FROM n"));
    options.from = database.path();
    options.to = database.path() + ".copy";
  }
  /// One value of another file.
  static std::string value(const std::string& path, const std::string& sql) {
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
    std::string text;
    sqlite3_exec(
        handle, sql.c_str(),
        [](void* to, int, char** values, char**) {
          *static_cast<std::string*>(to) = values[0] != nullptr ? values[0] : "null";
          return 0;
        },
        &text, nullptr);
    sqlite3_close(handle);
    return text;
  }
  /// Names beside the database that are not its own.
  std::vector<std::string> left_behind() const {
    std::vector<std::string> names;
    const auto folder = std::filesystem::path(options.from).parent_path();
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename().string();
      if (name.find(".part-") != name.npos) names.push_back(name);
    }
    return names;
  }

  TestDatabase database;
  BackupOptions options;
};

TEST_F(BackupTest, ACopyIsWholeAndOnlyItsOwners) {
  std::int64_t last = 0;
  std::int64_t whole = 0;
  int calls = 0;
  options.pages_at_once = 8;
  options.pause = 0ms;
  options.on_progress = [&](std::int64_t done, std::int64_t all) {
    EXPECT_GE(done, last);
    last = done;
    whole = all;
    ++calls;
  };
  const auto report = backup(options);
  ASSERT_TRUE(report.ok()) << report.error().describe();
  EXPECT_EQ(last, whole);
  EXPECT_EQ(report->pages, whole);
  EXPECT_GT(calls, 3);
  EXPECT_EQ(value(options.to, "SELECT sum(money) FROM accounts"), "2000000");
  struct stat found{};
  ASSERT_EQ(::stat(options.to.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
  EXPECT_EQ(report->bytes, found.st_size);
  EXPECT_TRUE(left_behind().empty());
  EXPECT_TRUE(check(options.to)->problems.empty());
}

/// Moves money about: the sum stays, in every state that was committed.
Task<> move_money(db::Database* accounts, const std::atomic<bool>* is_over,
                  std::atomic<int>* moves) {
  while (!*is_over) {
    auto transaction = co_await accounts->begin();
    const std::array<db::Parameter, 1> from = {db::Parameter(std::int64_t{*moves % 20000 + 1})};
    co_await transaction->execute("UPDATE accounts SET money = money - 7 WHERE id = ?1", from);
    const std::array<db::Parameter, 1> to = {
        db::Parameter(std::int64_t{20000 - *moves * 31 % 20000})};
    co_await transaction->execute("UPDATE accounts SET money = money + 7 WHERE id = ?1", to);
    co_await transaction->execute("INSERT INTO accounts(money) VALUES(0)", {});
    co_await transaction->commit();
    ++*moves;
  }
}

TEST_F(BackupTest, UnderWritesItIsOneState) {
  std::atomic<bool> is_over = false;
  std::atomic<int> moves = 0;
  Result<> wrote;
  std::thread writer([&] { wrote = database.run(move_money(&*database, &is_over, &moves)); });
  options.pages_at_once = 4;
  for (int i = 0; i < 5; ++i) {
    options.to = database.path() + ".copy" + std::to_string(i);
    const int before = moves;
    const auto report = backup(options);
    ASSERT_TRUE(report.ok()) << report.error().describe();
    EXPECT_GT(moves, before) << "writers go on";
    EXPECT_EQ(value(options.to, "SELECT sum(money) FROM accounts"), "2000000");
    EXPECT_EQ(value(options.to, "PRAGMA integrity_check"), "ok");
  }
  is_over = true;
  writer.join();
  EXPECT_TRUE(wrote.ok()) << wrote.error().describe();
}

TEST_F(BackupTest, NothingIsWrittenOver) {
  for (const char* end : {"", "-wal", "-shm", "-journal"}) {
    const std::string path = options.to + end;
    std::ofstream(path) << "precious";
    const auto refused = backup(options);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), Code::already_exists);
    EXPECT_THAT(refused.error().message(), HasSubstr(path + " exists"));
    std::string kept;
    std::ifstream(path) >> kept;
    EXPECT_EQ(kept, "precious");
    std::filesystem::remove(path);
  }
  std::filesystem::create_symlink("/nowhere", options.to);
  EXPECT_EQ(backup(options).error().code(), Code::already_exists);
}

TEST_F(BackupTest, OneThatAppearsMeanwhileIsKept) {
  options.on_progress = [&](std::int64_t, std::int64_t) {
    std::ofstream(options.to) << "precious";
  };
  EXPECT_EQ(backup(options).error().code(), Code::already_exists);
  std::string kept;
  std::ifstream(options.to) >> kept;
  EXPECT_EQ(kept, "precious");
  EXPECT_TRUE(left_behind().empty());
}

TEST_F(BackupTest, WhatIsNoDatabaseIsRefused) {
  options.from = database.path() + ".none";
  EXPECT_EQ(backup(options).error().code(), Code::not_found);
  EXPECT_EQ(check(options.from).error().code(), Code::not_found);
  EXPECT_FALSE(std::filesystem::exists(options.from));
  std::ofstream(options.from) << std::string(9000, 'x');
  EXPECT_EQ(backup(options).error().code(), Code::data_loss);
  EXPECT_EQ(check(options.from).error().code(), Code::data_loss);
  options.from = database.path();
  options.to = "/nonexistent/copy";
  EXPECT_EQ(backup(options).error().code(), Code::unavailable);
  options.to = database.path() + ".copy";
  options.pages_at_once = 0;
  EXPECT_EQ(backup(options).error().code(), Code::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(options.to));
  EXPECT_TRUE(left_behind().empty());
}

TEST_F(BackupTest, ADamagedDatabaseIsNotedNotCopied) {
  ASSERT_TRUE(database.execute("CREATE INDEX ix ON accounts(money, id)"));
  database.close();
  {
    // In the middle of the last page, which is the index's.
    std::fstream file(options.from, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-3000, std::ios::end);
    file << std::string(2000, '\x55');
  }
  const auto report = check(options.from);
  ASSERT_TRUE(report.ok()) << report.error().describe();
  EXPECT_FALSE(report->problems.empty());
  const auto refused = backup(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::data_loss);
  EXPECT_FALSE(std::filesystem::exists(options.to));
  EXPECT_TRUE(left_behind().empty());
}

TEST_F(BackupTest, BrokenReferencesAreFound) {
  ASSERT_TRUE(database.execute(
      "CREATE TABLE cards(id INTEGER PRIMARY KEY, account INTEGER REFERENCES accounts(id))"));
  value(database.path(), "PRAGMA foreign_keys=OFF; INSERT INTO cards VALUES(5, 99999999), (6, 1)");
  const auto report = check(database.path());
  ASSERT_TRUE(report.ok()) << report.error().describe();
  ASSERT_EQ(report->problems.size(), 1u);
  EXPECT_EQ(report->problems.front(),
            "row 5 of cards refers to a row of accounts that is not there");
}

}  // namespace
}  // namespace kit::sqlite
