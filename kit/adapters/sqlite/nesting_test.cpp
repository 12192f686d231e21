// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <memory>
#include <utility>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/operation.hpp"
#include "kit/db/joint_work.hpp"

namespace kit::sqlite {
namespace {

using namespace std::chrono_literals;

Task<> add(db::Session& session, std::int64_t value) {
  const std::array<db::Parameter, 1> parameters{value};
  co_await session.execute("INSERT INTO t VALUES (?1)", parameters);
}

/// 1 stays, 2 is undone with a unit inside that had committed, 4 stays.
Task<> several_levels(db::Database& database) {
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
  co_await kept->commit();
  co_await outer->commit();
}

TEST(Nesting, ADroppedUnitTakesWithItWhatCommittedInside) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t (a INTEGER) STRICT").ok());
  ASSERT_TRUE(database.run(several_levels(*database)).ok());
  EXPECT_EQ(database.text("SELECT a FROM t ORDER BY a"), "1,4");
}

Task<> outlive(db::Database& database) {
  std::unique_ptr<db::Transaction> nested;
  auto outer = co_await database.begin();
  nested = co_await outer->begin_nested();
  co_await add(*nested, 1);
  outer.reset();
  Result<> refused = co_await as_result(add(*nested, 2));
  EXPECT_EQ(refused.error().reason(), "TRANSACTION_ENDED");
}

TEST(Nesting, AUnitThatOutlivesItsTransactionHasEnded) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t (a INTEGER) STRICT").ok());
  ASSERT_TRUE(database.run(outlive(*database)).ok());
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0");
}

Task<> outlive_the_limit(db::Database& database) {
  auto outer = co_await database.begin();
  auto nested = co_await outer->begin_nested();
  co_await add(*nested, 1);
  co_await sleep_for(80ms);
  Result<> refused = co_await as_result(nested->commit());
  EXPECT_EQ(refused.error().reason(), "TRANSACTION_EXPIRED");
  nested.reset();
  refused = co_await as_result(outer->commit());
  EXPECT_FALSE(refused.ok());
}

TEST(Nesting, TheLimitOfTheTransactionHoldsInside) {
  SqliteOptions options;
  options.write_limit = 20ms;
  TestDatabase database(options);
  ASSERT_TRUE(database.execute("CREATE TABLE t (a INTEGER) STRICT").ok());
  ASSERT_TRUE(database.run(outlive_the_limit(*database)).ok());
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0");
}

Task<> ask_for_more(db::Database& database) {
  db::JointWork::Begun begun = [](db::Transaction&) -> Task<> { co_return; };
  db::JointWork work(std::move(begun));
  db::JointWork::Entry entry(work);
  db::JoiningDatabase joining(database);
  auto first = co_await joining.begin_isolated(db::Isolation::repeatable_read);
  auto nested = co_await first->begin_nested();
  co_await add(*nested, 1);
  Result<> early = co_await as_result(first->commit());
  EXPECT_EQ(early.error().reason(), "NESTED_TRANSACTION");
  co_await nested->commit();
  co_await first->commit();
  auto second = co_await joining.begin_isolated(db::Isolation::read_committed);
  co_await second->commit();
  Result<std::unique_ptr<db::Transaction>> third =
      co_await as_result(joining.begin_isolated(db::Isolation::serializable));
  EXPECT_EQ(third.error().reason(), "ISOLATION_TOO_LOW");
  entry.leave();
  co_await work.commit();
}

TEST(Nesting, PartsOfAJointWorkNestAndKeepItsIsolation) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t (a INTEGER) STRICT").ok());
  auto done = database.run(ask_for_more(*database));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(database.text("SELECT a FROM t"), "1");
}

}  // namespace
}  // namespace kit::sqlite
