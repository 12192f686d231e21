// SPDX-License-Identifier: Apache-2.0
// Units of work: kept, undone, and inside one another.
#include "suite.hpp"

namespace kit::tests {
namespace {

class TransactionTest : public DatabaseTest {
 protected:
  void SetUp() override { make_counter(); }
  std::string ids() { return read("SELECT id FROM t ORDER BY id"); }
};

Task<> add(db::Session& session, std::int64_t id) {
  Parameters row{id, id};
  co_await change(session, "INSERT INTO t (id, n) VALUES (?1, ?2)", row);
}

Task<> add_two(db::Database& database, bool commits) {
  auto transaction = co_await database.begin();
  co_await add(*transaction, 1);
  co_await add(*transaction, 2);
  if (commits) co_await transaction->commit();
}

TEST_F(TransactionTest, CommitKeepsAndDroppingUndoes) {
  EXPECT_TRUE(run(add_two(database(), false)).ok());
  EXPECT_EQ(ids(), "");
  EXPECT_TRUE(run(add_two(database(), true)).ok());
  EXPECT_EQ(ids(), "1,2");
}

Task<> fail_inside(db::Database& database) {
  auto transaction = co_await database.begin();
  co_await add(*transaction, 1);
  co_await add(*transaction, 1);
}

TEST_F(TransactionTest, AnErrorUndoesAll) {
  EXPECT_EQ(run(fail_inside(database())).error().reason(), "UNIQUE_VIOLATION");
  EXPECT_EQ(ids(), "");
}

Task<Result<>> go_on_after_a_failure(db::Database& database) {
  auto transaction = co_await database.begin();
  co_await add(*transaction, 1);
  const Result<> failed = co_await as_result(add(*transaction, 1));
  EXPECT_EQ(failed.error().reason(), "UNIQUE_VIOLATION");
  Result<> next = co_await as_result(add(*transaction, 2));
  const Result<> committed = co_await as_result(transaction->commit());
  EXPECT_EQ(next.ok(), committed.ok());
  std::optional<Result<>> out(std::move(next));
  co_return std::move(*out);
}

TEST_F(TransactionTest, AfterAFailureAllGoesOnOrNothingIsKept) {
  const Result<Result<>> done = run(go_on_after_a_failure(database()));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  const Result<>& next = *done;
  if (backend().fails_whole()) {
    ASSERT_FALSE(next.ok());
    EXPECT_EQ(next.error().reason(), "TRANSACTION_FAILED");
    EXPECT_EQ(ids(), "");
  } else {
    EXPECT_TRUE(next.ok()) << next.error().describe();
    EXPECT_EQ(ids(), "1,2");
  }
}

Task<> nest(db::Database& database) {
  auto outer = co_await database.begin();
  co_await add(*outer, 1);
  auto undone = co_await outer->begin_nested();
  co_await add(*undone, 2);
  auto inside = co_await undone->begin_nested();
  co_await add(*inside, 3);
  co_await inside->commit();
  undone.reset();
  auto kept = co_await outer->begin_nested();
  co_await add(*kept, 4);
  const Result<> early = co_await as_result(add(*outer, 9));
  EXPECT_EQ(early.error().reason(), "NESTED_TRANSACTION");
  co_await kept->commit();
  const Result<> late = co_await as_result(add(*kept, 9));
  EXPECT_EQ(late.error().reason(), "TRANSACTION_ENDED");
  co_await add(*outer, 5);
  co_await outer->commit();
}

TEST_F(TransactionTest, UnitsInsideOneAnother) {
  const auto done = run(nest(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(ids(), "1,4,5");
}

Task<> fail_in_a_nested_one(db::Database& database) {
  auto outer = co_await database.begin();
  co_await add(*outer, 1);
  auto nested = co_await outer->begin_nested();
  co_await add(*nested, 2);
  const Result<> failed = co_await as_result(add(*nested, 1));
  EXPECT_EQ(failed.error().reason(), "UNIQUE_VIOLATION");
  nested.reset();
  co_await add(*outer, 3);
  co_await outer->commit();
}

TEST_F(TransactionTest, AFailureInsideIsUndoneThere) {
  const auto done = run(fail_in_a_nested_one(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(ids(), "1,3");
}

Task<std::unique_ptr<db::Transaction>> deepen(std::vector<std::unique_ptr<db::Transaction>>& all) {
  return all.back()->begin_nested();
}

Task<> nest_deeply(db::Database& database) {
  std::vector<std::unique_ptr<db::Transaction>> all;
  all.push_back(co_await database.begin());
  for (int i = 0; i < db::deepest_nesting; ++i) all.push_back(co_await deepen(all));
  co_await add(*all.back(), 1);
  const auto refused = co_await as_result(deepen(all));
  EXPECT_EQ(refused.error().reason(), "NESTED_TOO_DEEP");
  while (!all.empty()) {
    co_await all.back()->commit();
    all.pop_back();
  }
}

TEST_F(TransactionTest, NestingHasALimit) {
  const auto done = run(nest_deeply(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(ids(), "1");
}

Task<> write_in_a_snapshot(db::Database& database) {
  auto snapshot = co_await database.begin_read();
  co_await add(*snapshot, 1);
}

TEST_F(TransactionTest, ASnapshotRefusesWrites) {
  const auto done = run(write_in_a_snapshot(database()));
  EXPECT_EQ(done.error().reason(), "READ_ONLY") << done.error().describe();
  EXPECT_EQ(ids(), "");
}

Task<> many(db::Database& database) {
  TaskGroup group("writers");
  for (std::int64_t id = 1; id <= 40; ++id) {
    auto work = [](db::Database& where, std::int64_t number) -> Task<> {
      auto transaction = co_await where.begin();
      co_await add(*transaction, number);
      if (number % 4 != 0) co_await transaction->commit();
    };
    group.spawn(work(database, id));
  }
  co_await group.join();
}

TEST_F(TransactionTest, MoreTransactionsThanConnectionsWaitTheirTurn) {
  const auto done = run(many(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM t"), "30");
}

Task<> check_deferred(db::Database& database) {
  auto transaction = co_await database.begin();
  co_await change(*transaction, "INSERT INTO child (id, parent_id) VALUES (1, 7)");
  const Result<> early = co_await as_result(transaction->check());
  EXPECT_EQ(early.error().reason(), "FOREIGN_KEY_VIOLATION");
  co_await change(*transaction, "INSERT INTO parent (id) VALUES (7)");
  co_await transaction->check();
  co_await transaction->commit();
}

TEST_F(TransactionTest, CheckTellsWhatCommitWould) {
  if (database().dialect() == db::Dialect::mysql) return;  // has no deferred keys
  set_up("CREATE TABLE parent (id INTEGER PRIMARY KEY)" + backend().table_end());
  set_up(
      "CREATE TABLE child (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES parent (id) "
      "DEFERRABLE INITIALLY DEFERRED)" +
      backend().table_end());
  const auto done = run(check_deferred(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM child"), "1");
}

}  // namespace
}  // namespace kit::tests
