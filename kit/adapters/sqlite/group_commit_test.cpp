// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

#include <array>
#include <atomic>
#include <functional>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"

namespace kit::sqlite {
namespace {

using namespace std::chrono_literals;
using db::Parameter;

/// Another process, as far as locks go.
class OtherConnection {
 public:
  explicit OtherConnection(const std::string& path) {
    EXPECT_EQ(sqlite3_open(path.c_str(), &database_), SQLITE_OK);
  }
  ~OtherConnection() { sqlite3_close(database_); }
  void run(const char* sql) {
    EXPECT_EQ(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database_);
  }

 private:
  sqlite3* database_ = nullptr;
};

struct GroupCommit : ::testing::Test {
  explicit GroupCommit(SqliteOptions options = {}) : database(std::move(options)) {
    EXPECT_TRUE(database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b INT)").ok());
  }
  TestDatabase database;
};

/// Two rows for each write, so that half a unit would show.
Task<> write_pair(db::Database& database, std::int64_t id) {
  auto transaction = co_await database.begin();
  const std::array<Parameter, 2> first = {Parameter(2 * id), Parameter(id)};
  const std::array<Parameter, 2> second = {Parameter(2 * id + 1), Parameter(id)};
  co_await transaction->execute("INSERT INTO t(id, a) VALUES(?1, ?2)", first);
  co_await transaction->execute("INSERT INTO t(id, a) VALUES(?1, ?2)", second);
  co_await transaction->commit();
}

Task<> write_many(db::Database& database, std::int64_t first, int count) {
  for (int i = 0; i < count; ++i) co_await write_pair(database, first + i);
}

Task<> writers(db::Database& database, std::int64_t first, int tasks, int writes) {
  TaskGroup group("writers");
  for (int i = 0; i < tasks; ++i) {
    group.spawn(write_many(database, first + std::int64_t{i} * writes, writes));
  }
  co_await group.join();
}

TEST_F(GroupCommit, ConcurrentUnitsShareCommits) {
  ASSERT_TRUE(database.run(writers(*database, 0, 8, 25)).ok());
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "400");
  auto stats = database->stats();
  EXPECT_EQ(stats.units, 201u);  // with the CREATE TABLE
  EXPECT_LT(stats.commits, stats.units / 2);
  EXPECT_LE(stats.largest_group, 8u);
}

TEST_F(GroupCommit, UnitsOfTwoLoopsShareThemToo) {
  std::thread other([this] { EXPECT_TRUE(database.run(writers(*database, 0, 4, 50)).ok()); });
  EXPECT_TRUE(database.run(writers(*database, 1000, 4, 50)).ok());
  other.join();
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "800");
  EXPECT_EQ(database.text("SELECT count(*) FROM (SELECT a FROM t GROUP BY a HAVING count(*)<>2)"),
            "0");
  auto stats = database->stats();
  EXPECT_EQ(stats.units, 401u);
  EXPECT_LT(stats.commits, stats.units);
}

TEST_F(GroupCommit, ALoneWriterGetsACommitOfItsOwn) {
  ASSERT_TRUE(database.run(write_many(*database, 0, 20)).ok());
  auto stats = database->stats();
  EXPECT_EQ(stats.commits, stats.units);
}

Task<> write_and_fail(db::Database& database, std::int64_t id, bool drop) {
  auto transaction = co_await database.begin();
  const std::array<Parameter, 1> key = {Parameter(id)};
  co_await transaction->execute("INSERT INTO t(id, a) VALUES(?1, -1)", key);
  if (drop) co_return;
  auto failed =
      co_await as_result(transaction->execute("INSERT INTO t(id, a) VALUES(?1, -1)", key));
  EXPECT_EQ(failed.error().code(), Code::already_exists);
}

Task<> mixed(db::Database& database) {
  TaskGroup group("mixed");
  for (int i = 0; i < 50; ++i) {
    group.spawn(write_pair(database, i));
    group.spawn(write_and_fail(database, 1000 + i, i % 2 == 0));
  }
  co_await group.join();
}

TEST_F(GroupCommit, AFailedOrDroppedUnitLeavesTheOthers) {
  auto done = database.run(mixed(*database));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "100");
  EXPECT_EQ(database.text("SELECT count(*) FROM t WHERE a = -1"), "0");
}

Task<> bulk_dropped(db::Database& database) {
  auto transaction = co_await database.begin_bulk();
  co_await transaction->execute("INSERT INTO t(id) VALUES(99999)", {});
}

TEST_F(GroupCommit, ABulkUnitIsAloneInItsGroup) {
  auto bulk = [](db::Database& target) -> Task<> {
    auto transaction = co_await target.begin_bulk();
    for (std::int64_t i = 0; i < 200; ++i) {
      const std::array<Parameter, 1> key = {Parameter(10'000 + i)};
      co_await transaction->execute("INSERT INTO t(id) VALUES(?1)", key);
      if (i % 50 == 0) co_await sleep_for(1ms);
    }
    co_await transaction->commit();
  };
  auto both = [&]() -> Task<> {
    TaskGroup group("both");
    group.spawn(writers(*database, 0, 4, 5));
    group.spawn(bulk(*database));
    group.spawn(bulk_dropped(*database));
    co_await group.join();
  };
  auto done = database.run(both());
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "240");
}

TEST_F(GroupCommit, ATransactionSeesItsOwnWrites) {
  auto use = [](db::Database& target) -> Task<> {
    auto transaction = co_await target.begin();
    co_await transaction->execute("INSERT INTO t(id) VALUES(1)", {});
    EXPECT_EQ(co_await read_int(*transaction, "SELECT count(*) FROM t"), 1);
    EXPECT_EQ(co_await read_int(target, "SELECT count(*) FROM t"), 0);
    co_await transaction->commit();
    EXPECT_EQ(co_await read_int(target, "SELECT count(*) FROM t"), 1);
    auto late = co_await as_result(transaction->execute("DELETE FROM t", {}));
    EXPECT_EQ(late.error().reason(), "TRANSACTION_ENDED");
    auto twice = co_await as_result(transaction->commit());
    EXPECT_EQ(twice.error().reason(), "TRANSACTION_ENDED");
  };
  auto done = database.run(use(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(GroupCommit, ANestedTransactionIsRefused) {
  auto inner = [](db::Database& target) -> Task<> {
    co_await target.execute("INSERT INTO t(id) VALUES(2)", {});
  };
  auto use = [&](db::Database& target) -> Task<> {
    auto transaction = co_await target.begin();
    auto nested = co_await as_result(target.begin());
    EXPECT_EQ(nested.error().reason(), "NESTED_TRANSACTION");
    auto deeper = co_await as_result(with_deadline(1s, inner(target)));
    EXPECT_EQ(deeper.error().reason(), "NESTED_TRANSACTION");
    co_await transaction->commit();
    co_await inner(target);
  };
  auto done = database.run(use(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "1");
}

TEST_F(GroupCommit, CancellationLeavesTheQueue) {
  auto use = [](db::Database& target) -> Task<> {
    auto transaction = co_await target.begin();
    TaskGroup others("others");
    for (int i = 0; i < 3; ++i) others.spawn(write_pair(target, i));
    co_await sleep_for(1ms);
    others.cancel();
    auto ended = co_await as_result(others.join());
    EXPECT_EQ(ended.error().code(), Code::cancelled);
    co_await transaction->execute("INSERT INTO t(id) VALUES(99)", {});
    co_await transaction->commit();
    co_await write_pair(target, 50);
  };
  auto done = database.run(use(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database.text("SELECT group_concat(id) FROM t"), "99,100,101");
}

TEST_F(GroupCommit, ACommitUnderWayIsAnsweredThoughCancelled) {
  auto commit_cancelled = [](db::Database& target, bool* answered) -> Task<> {
    auto transaction = co_await target.begin();
    co_await transaction->execute("INSERT INTO t(id) VALUES(7)", {});
    auto result = co_await as_result(transaction->commit());
    *answered = result.ok();
  };
  bool answered = false;
  auto use = [&](db::Database& target) -> Task<> {
    TaskGroup group("one");
    group.spawn(commit_cancelled(target, &answered));
    // Its statement has run once the turn was given back: it stands in its commit.
    auto after = co_await target.begin();
    group.cancel();
    after.reset();
    auto ended = co_await as_result(group.join());
    EXPECT_TRUE(ended.ok());
  };
  auto done = database.run(use(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_TRUE(answered);
  EXPECT_EQ(database.text("SELECT id FROM t"), "7");
}

TEST_F(GroupCommit, ACommitByACancelledTaskIsRolledBack) {
  auto work = [](db::Database& target) -> Task<> {
    auto transaction = co_await target.begin();
    co_await transaction->execute("INSERT INTO t(id) VALUES(7)", {});
    auto slept = co_await as_result(sleep_for(1h));
    EXPECT_FALSE(slept.ok());
    auto result = co_await as_result(transaction->commit());
    EXPECT_EQ(result.error().code(), Code::deadline_exceeded);
  };
  EXPECT_TRUE(database.run(with_deadline(20ms, work(*database))).ok());
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0");
}

TEST_F(GroupCommit, AWholeTaskMayBeDroppedAtAnyWait) {
  // Dropping a group that was not joined ends its tasks where they stand.
  auto drop = [](db::Database& target, int turns) -> Task<> {
    TaskGroup group("dropped");
    for (int i = 0; i < 6; ++i) group.spawn(write_many(target, 1000 * i, 100));
    for (int i = 0; i < turns; ++i) co_await sleep_for(0ms);
  };
  for (int turns = 0; turns < 40; ++turns) {
    ASSERT_TRUE(database.run(drop(*database, turns)).ok());
    ASSERT_TRUE(database.execute("DELETE FROM t").ok());
  }
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0");
}

struct ShortLimits : GroupCommit {
  static SqliteOptions options() {
    SqliteOptions options;
    options.write_limit = 150ms;
    options.busy_timeout = 50ms;
    return options;
  }
  ShortLimits() : GroupCommit(options()) {}
};

TEST_F(ShortLimits, WhoHoldsTheWriterTooLongIsRolledBack) {
  auto hold = [](db::Database& target) -> Task<> {
    auto transaction = co_await target.begin();
    co_await transaction->execute("INSERT INTO t(id) VALUES(1)", {});
    co_await sleep_for(400ms);
    auto late = co_await as_result(transaction->execute("INSERT INTO t(id) VALUES(2)", {}));
    EXPECT_EQ(late.error().code(), Code::aborted);
    EXPECT_EQ(late.error().reason(), "TRANSACTION_EXPIRED");
    auto commit = co_await as_result(transaction->commit());
    EXPECT_EQ(commit.error().reason(), "TRANSACTION_EXPIRED");
  };
  auto use = [&]() -> Task<> {
    TaskGroup group("holders");
    group.spawn(hold(*database));
    group.spawn(write_pair(*database, 10));
    co_await group.join();
  };
  auto done = database.run(use());
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database.text("SELECT group_concat(id) FROM t"), "20,21");
  EXPECT_EQ(database->stats().expired, 1u);
}

TEST_F(ShortLimits, AnotherProcessWithTheLockIsWaitedFor) {
  OtherConnection other(database.path());
  other.run("BEGIN IMMEDIATE");
  auto busy = database.execute("INSERT INTO t(id) VALUES(1)");
  ASSERT_FALSE(busy.ok());
  EXPECT_EQ(busy.error().code(), Code::unavailable);
  EXPECT_EQ(busy.error().reason(), "DATABASE_BUSY");
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0") << "reads go on";
  auto sooner = database.run(with_deadline(5ms, write_pair(*database, 1)));
  EXPECT_EQ(sooner.error().code(), Code::deadline_exceeded);
  other.run("COMMIT");
  EXPECT_TRUE(database.execute("INSERT INTO t(id) VALUES(1)").ok());
}

TEST_F(ShortLimits, AWriterWaitsUntilTheOtherProcessIsDone) {
  database.options().busy_timeout = 10s;
  database.reopen();
  OtherConnection other(database.path());
  other.run("BEGIN IMMEDIATE");
  auto use = [&]() -> Task<> {
    TaskGroup group("waiting");
    group.spawn(write_pair(*database, 1));
    co_await sleep_for(5ms);
    other.run("COMMIT");
    co_await group.join();
  };
  auto done = database.run(use());
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(GroupCommit, AFullDiskFailsTheGroupAndHealsByItself) {
  auto limit = [](db::Database& target, const char* pragma) -> Task<> {
    auto transaction = co_await target.begin_bulk();
    co_await read_int(*transaction, pragma);
  };
  auto pages = database.text("SELECT page_count + 2 FROM pragma_page_count()");
  ASSERT_TRUE(database.run(limit(*database, ("PRAGMA max_page_count=" + pages).c_str())).ok());
  auto fill = [](db::Database& target, std::int64_t id) -> Task<> {
    const std::array<Parameter, 1> key = {Parameter(id)};
    auto done =
        co_await as_result(target.execute("INSERT INTO t(id, a) VALUES(?1, zeroblob(20000))", key));
    EXPECT_FALSE(done.ok());
    if (done.ok()) co_return;
    EXPECT_EQ(done.error().code(), Code::resource_exhausted);
    EXPECT_EQ(done.error().reason(), "DISK_FULL");
    EXPECT_EQ(done.error().http_status(), 507);
  };
  auto use = [&]() -> Task<> {
    TaskGroup group("full");
    for (int i = 0; i < 4; ++i) group.spawn(fill(*database, i));
    co_await group.join();
  };
  EXPECT_TRUE(database.run(use()).ok());
  EXPECT_EQ(database->health().error().reason(), "DISK_FULL");
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0") << "reads go on";
  ASSERT_TRUE(database.run(limit(*database, "PRAGMA max_page_count=1000000")).ok());
  for (int i = 0; i < 500 && !database->health().ok(); ++i) {
    std::this_thread::sleep_for(10ms);  // polls: the database looks again by itself
  }
  EXPECT_TRUE(database->health().ok());
  EXPECT_TRUE(database.execute("INSERT INTO t(id, a) VALUES(1, zeroblob(20000))").ok());
}

TEST_F(GroupCommit, ClosingAnswersWhatIsUnderWay) {
  for (int i = 0; i < 20; ++i) {
    std::thread other([this, i] {
      auto done = database.run(writers(*database, 1000 * i, 4, 3));
      EXPECT_TRUE(done.ok());
    });
    other.join();
    database.reopen();
  }
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "480");
}

}  // namespace
}  // namespace kit::sqlite
