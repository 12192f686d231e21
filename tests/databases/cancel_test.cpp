// SPDX-License-Identifier: Apache-2.0
// A deadline or a cancellation ends the statement in the database, and nothing else.
#include "suite.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;

class CancelTest : public DatabaseTest {
 protected:
  void SetUp() override { make_counter(); }
};

Task<> slow(db::Session& session, std::string sql) {
  const std::string seen = co_await text(session, std::move(sql));
  co_await Error(Code::internal, "it was not ended: " + seen);
}

TEST_F(CancelTest, ADeadlineEndsASingleStatement) {
  const auto begun = Clock::now();
  const auto done = run(with_deadline(200ms, slow(database(), backend().slow_query(20))));
  EXPECT_EQ(done.error().code(), Code::deadline_exceeded) << done.error().describe();
  EXPECT_LT(Clock::now() - begun, 5s);
  // Soon, not after the twenty seconds.
  EXPECT_EQ(*run(with_deadline(5s, text(database(), "SELECT 1"))), "1");
}

Task<> deadline_in_a_transaction(db::Database& database, std::string sql) {
  auto transaction = co_await database.begin();
  co_await change(*transaction, "INSERT INTO t (id, n) VALUES (1, 1)");
  co_await with_deadline(200ms, slow(*transaction, std::move(sql)));
}

TEST_F(CancelTest, InATransactionItUndoesThat) {
  const auto done = run(deadline_in_a_transaction(database(), backend().slow_query(20)));
  EXPECT_EQ(done.error().code(), Code::deadline_exceeded) << done.error().describe();
  EXPECT_EQ(*run(with_deadline(5s, text(database(), "SELECT count(*) FROM t"))), "0");
  EXPECT_TRUE(run(change(database(), "INSERT INTO t (id, n) VALUES (1, 1)")).ok());
}

Task<> expect_ended(db::Database& database, std::string sql) {
  const Result<> done = co_await as_result(with_deadline(150ms, slow(database, std::move(sql))));
  EXPECT_EQ(done.error().code(), Code::deadline_exceeded) << done.error().describe();
}

Task<> expect_value(db::Database& database, std::int64_t value) {
  Parameters one{value};
  const std::string seen = co_await text(database, "SELECT n FROM t WHERE id = ?1", one);
  EXPECT_EQ(seen, std::to_string(value * 2));
}

Task<> among_others(db::Database& database, std::string sql) {
  TaskGroup group("mixed");
  for (std::int64_t i = 1; i <= 60; ++i) {
    if (i % 20 == 10) {
      group.spawn(expect_ended(database, sql));
    } else {
      group.spawn(expect_value(database, i));
    }
  }
  co_await group.join();
}

TEST_F(CancelTest, OthersOnTheSameConnectionGetTheirAnswers) {
  for (std::int64_t i = 1; i <= 60; ++i) {
    Parameters row{i, i * 2};
    ASSERT_TRUE(run(change(database(), "INSERT INTO t (id, n) VALUES (?1, ?2)", row)).ok());
  }
  const auto done = run(among_others(database(), backend().slow_query(20)));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(CancelTest, WhatIsCancelledBeforeItBeganDoesNotBegin) {
  const auto done = run(with_deadline(0ms, slow(database(), "SELECT 1")));
  EXPECT_EQ(done.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(read("SELECT 1"), "1");
}

}  // namespace
}  // namespace kit::tests
