// SPDX-License-Identifier: Apache-2.0
// What transactions see of each other, by level; where only one writes at a time, that none of it
// can happen.
#include "suite.hpp"

namespace kit::tests {
namespace {

class IsolationTest : public DatabaseTest {
 protected:
  void SetUp() override {
    make_counter();
    set_up("INSERT INTO t (id, n) VALUES (1, 10)");
    set_up("INSERT INTO t (id, n) VALUES (2, 20)");
  }
};

Task<std::string> twice(db::Database& database, db::Isolation level) {
  auto reader = co_await database.begin_isolated(level);
  std::string seen = co_await text(*reader, "SELECT n FROM t WHERE id = 1");
  co_await change(database, "UPDATE t SET n = 11 WHERE id = 1");
  const std::string again = co_await text(*reader, "SELECT n FROM t WHERE id = 1");
  co_await reader->commit();
  seen.append(" ").append(again);
  co_return seen;
}

TEST_F(IsolationTest, ANonRepeatableReadIsSeenAtReadCommittedOnly) {
  if (!backend().writes_concurrently()) return;
  EXPECT_EQ(*run(twice(database(), db::Isolation::read_committed)), "10 11");
  set_up("UPDATE t SET n = 10 WHERE id = 1");
  EXPECT_EQ(*run(twice(database(), db::Isolation::repeatable_read)), "10 10");
  set_up("UPDATE t SET n = 10 WHERE id = 1");
  const auto last = run(twice(database(), db::Isolation::serializable));
  if (backend().locks_serializable_reads()) {
    EXPECT_EQ(last.error().reason(), "LOCK_TIMEOUT") << last.error().describe();
    EXPECT_EQ(read("SELECT n FROM t WHERE id = 1"), "10");
  } else {
    EXPECT_EQ(*last, "10 10");
  }
}

Task<std::string> snapshot_twice(db::Database& database) {
  auto reader = co_await database.begin_read();
  std::string seen = co_await text(*reader, "SELECT n FROM t ORDER BY id");
  co_await change(database, "UPDATE t SET n = n + 1");
  const std::string again = co_await text(*reader, "SELECT n FROM t ORDER BY id");
  seen.append(" ").append(again);
  co_return seen;
}

TEST_F(IsolationTest, ASnapshotStaysAsItIs) {
  EXPECT_EQ(*run(snapshot_twice(database())), "10,20 10,20");
  EXPECT_EQ(read("SELECT n FROM t ORDER BY id"), "11,21");
}

Task<std::string> dirty(db::Database& database) {
  auto writer = co_await database.begin_isolated(db::Isolation::read_committed);
  co_await change(*writer, "UPDATE t SET n = 99 WHERE id = 1");
  co_return co_await text(database, "SELECT n FROM t WHERE id = 1");
}

TEST_F(IsolationTest, NobodySeesWhatIsNotCommitted) {
  EXPECT_EQ(*run(dirty(database())), "10");
}

/// Both read the sum and write one row: one after the other it would be another sum.
Task<int> write_skew(db::Database& database, db::Isolation level) {
  auto a = co_await database.begin_isolated(level);
  auto b = co_await database.begin_isolated(level);
  co_await text(*a, "SELECT sum(n) FROM t");
  co_await text(*b, "SELECT sum(n) FROM t");
  int kept = 0;
  Result<db::Session::Changed> wrote =
      co_await as_result(change(*a, "UPDATE t SET n = 0 WHERE id = 1"));
  Result<> done;
  if (wrote) done = co_await as_result(a->commit());
  if (wrote && done) ++kept;
  const auto other = co_await as_result(change(*b, "UPDATE t SET n = 0 WHERE id = 2"));
  Result<> ended;
  if (other) ended = co_await as_result(b->commit());
  if (other && ended) {
    ++kept;
  } else {
    const Error& why = other ? ended.error() : other.error();
    EXPECT_EQ(why.code(), Code::aborted) << why.describe();
    EXPECT_EQ(why.reason(), "SERIALIZATION_FAILURE");
  }
  co_return kept;
}

TEST_F(IsolationTest, SerializableRefusesWriteSkew) {
  if (database().dialect() != db::Dialect::postgresql) return;  // where others wait or lock instead
  EXPECT_EQ(*run(write_skew(database(), db::Isolation::repeatable_read)), 2);
  EXPECT_EQ(*run(write_skew(database(), db::Isolation::serializable)), 1);
}

Task<> lock_both(db::Database& database, std::int64_t first, std::int64_t second, int& deadlocks) {
  auto transaction = co_await database.begin();
  Parameters one{first}, two{second};
  co_await change(*transaction, "UPDATE t SET n = n + 1 WHERE id = ?1", one);
  co_await sleep_for(std::chrono::milliseconds(200));
  const auto done =
      co_await as_result(change(*transaction, "UPDATE t SET n = n + 1 WHERE id = ?1", two));
  if (done) {
    co_await transaction->commit();
  } else {
    EXPECT_EQ(done.error().code(), Code::aborted) << done.error().describe();
    EXPECT_EQ(done.error().reason(), "DEADLOCK");
    ++deadlocks;
  }
}

Task<> deadlock(db::Database& database, int& deadlocks) {
  TaskGroup group("locks");
  group.spawn(lock_both(database, 1, 2, deadlocks));
  group.spawn(lock_both(database, 2, 1, deadlocks));
  co_await group.join();
}

TEST_F(IsolationTest, OfTwoThatWaitForEachOtherOneIsEnded) {
  int deadlocks = 0;
  const auto done = run(deadlock(database(), deadlocks));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(deadlocks, backend().writes_concurrently() ? 1 : 0);
}

}  // namespace
}  // namespace kit::tests
