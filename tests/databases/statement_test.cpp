// SPDX-License-Identifier: Apache-2.0
// Parameters in any order, what a statement changed, sinks, and many tasks at once.
#include "suite.hpp"

namespace kit::tests {
namespace {

class StatementTest : public DatabaseTest {};

TEST_F(StatementTest, ParametersInAnyOrderAndMoreThanOnce) {
  make_counter();
  Parameters two{std::int64_t{7}, std::int64_t{3}};
  ASSERT_TRUE(run(change(database(), "INSERT INTO t (n, id) VALUES (?2, ?1)", two)).ok());
  EXPECT_EQ(read("SELECT id FROM t WHERE n = ?2 AND id = ?1 AND n = ?2", two), "7");
}

TEST_F(StatementTest, WhatLooksLikeAParameterInATextIsNone) {
  make_counter();
  set_up("INSERT INTO t (id, n) VALUES (1, 2)");
  Parameters one{std::int64_t{2}};
  EXPECT_EQ(read("SELECT '?2 $1' /* ?3 $2 */ FROM t WHERE n = ?1 -- ?4", one), "?2 $1");
  EXPECT_EQ(read("SELECT 'it''s ?1?' FROM t"), "it's ?1?");
}

TEST_F(StatementTest, TheNumberOfParametersHasToFit) {
  make_counter();
  Parameters two{std::int64_t{1}, std::int64_t{2}};
  EXPECT_EQ(error_of("INSERT INTO t (id, n) VALUES (?1, 1)", two).code(), Code::internal);
  Parameters one{std::int64_t{1}};
  EXPECT_EQ(error_of("INSERT INTO t (id, n) VALUES (?1, ?2)", one).code(), Code::internal);
  EXPECT_EQ(read("SELECT count(*) FROM t"), "0");
}

TEST_F(StatementTest, WhatChanged) {
  set_up("CREATE TABLE t (id " + backend().identity() + ", n INTEGER)" + backend().table_end());
  auto first = run(change(database(), "INSERT INTO t (n) VALUES (5) RETURNING id"));
  ASSERT_TRUE(first.ok()) << first.error().describe();
  auto second = run(change(database(), "INSERT INTO t (n) VALUES (6) RETURNING id"));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(first->rows, 1);
  EXPECT_EQ(second->last_id, first->last_id + 1);
  EXPECT_EQ(run(change(database(), "UPDATE t SET n = n + 1"))->rows, 2);
  EXPECT_EQ(run(change(database(), "UPDATE t SET n = 0 WHERE n = 99"))->rows, 0);
  EXPECT_EQ(run(change(database(), "DELETE FROM t WHERE n = 6"))->rows, 1);
  EXPECT_EQ(run(change(database(), "CREATE TABLE u (a INTEGER)"))->rows, 0);
}

Task<int> rows_until(db::Session& session, std::string sql, int last) {
  int seen = 0;
  auto read = [&](const db::Row&) -> Result<> {
    if (++seen == last) return Error(Code::out_of_range, "enough");
    return {};
  };
  db::RowSink sink(read);
  const Result<> done = co_await as_result(session.query(sql, {}, sink));
  EXPECT_EQ(done.error().code(), Code::out_of_range);
  co_return seen;
}

Task<> stop_in_a_transaction(db::Database& database, std::string many) {
  auto transaction = co_await database.begin();
  co_await change(*transaction, "INSERT INTO t (id, n) VALUES (1, 1)");
  const int seen = co_await rows_until(*transaction, many, 3);
  EXPECT_EQ(seen, 3);
  const std::string count = co_await text(*transaction, "SELECT count(*) FROM t");
  EXPECT_EQ(count, "1");
  co_await transaction->commit();
}

TEST_F(StatementTest, ASinkEndsItsStatementOnly) {
  make_counter();
  const std::string many =
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i "
      "FROM n";
  EXPECT_EQ(*run(rows_until(database(), many, 2)), 2);
  EXPECT_EQ(read("SELECT count(*) FROM t"), "0");
  const auto done = run(stop_in_a_transaction(database(), many));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM t"), "1");
}

Task<> check_row(db::Database& database, std::int64_t id) {
  Parameters parameters{id};
  const std::string found = co_await text(database, "SELECT n FROM t WHERE id = ?1", parameters);
  if (found != std::to_string(id * 10)) co_await Error(Code::data_loss, found);
  if (id % 10 != 0) co_return;
  co_await change(database, "UPDATE t SET n = n WHERE id = ?1", parameters);
}

Task<> read_side_by_side(db::Database& database) {
  for (std::int64_t id = 1; id <= 200; ++id) {
    Parameters row{id, id * 10};
    co_await change(database, "INSERT INTO t (id, n) VALUES (?1, ?2)", row);
  }
  TaskGroup group("readers");
  for (std::int64_t id = 1; id <= 200; ++id) group.spawn(check_row(database, id));
  co_await group.join();
}

TEST_F(StatementTest, ManyTasksAtOnceGetTheirOwnAnswers) {
  make_counter();
  const auto done = run(read_side_by_side(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> one_bad_among_good(db::Database& database) {
  TaskGroup group("mixed");
  for (std::int64_t id = 1; id <= 20; ++id) {
    auto work = [](db::Database& where, std::int64_t number) -> Task<> {
      if (number % 2 == 0) {
        const auto bad =
            co_await as_result(change(where, "INSERT INTO t (id, n) VALUES (1, NULL)"));
        EXPECT_EQ(bad.error().reason(), "NOT_NULL_VIOLATION");
      } else {
        Parameters row{number, number};
        co_await change(where, "INSERT INTO t (id, n) VALUES (?1, ?2)", row);
      }
    };
    group.spawn(work(database, id));
  }
  co_await group.join();
}

TEST_F(StatementTest, AFailureBesideOthersIsNobodyElses) {
  make_counter();
  const auto done = run(one_bad_among_good(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM t"), "10");
}

TEST_F(StatementTest, AStatementOutlivesAChangeOfItsTable) {
  make_counter();
  set_up("INSERT INTO t (id, n) VALUES (1, 2)");
  Parameters one{std::int64_t{1}};
  EXPECT_EQ(read("SELECT * FROM t WHERE id = ?1", one), "1");
  set_up("DROP TABLE t");
  set_up("CREATE TABLE t (label " + backend().text(20) + ", id INTEGER)" + backend().table_end());
  set_up("INSERT INTO t (label, id) VALUES ('new', 1)");
  EXPECT_EQ(read("SELECT * FROM t WHERE id = ?1", one), "new");
}

TEST_F(StatementTest, TheReplicaOnlyReads) {
  make_counter();
  set_up("INSERT INTO t (id, n) VALUES (1, 2)");
  EXPECT_EQ(*run(text(database().replica(), "SELECT n FROM t")), "2");
  const auto refused = run(change(database().replica(), "DELETE FROM t"));
  EXPECT_EQ(refused.error().code(), Code::failed_precondition);
  EXPECT_EQ(refused.error().reason(), "READ_ONLY");
  EXPECT_EQ(read("SELECT count(*) FROM t"), "1");
}

}  // namespace
}  // namespace kit::tests
