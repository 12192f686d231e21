// SPDX-License-Identifier: Apache-2.0
// What is special about MariaDB: sessions, the kinds of parameters, results.
#include <array>

#include "mysql_support.hpp"

namespace kit::tests {
namespace {

TEST_F(MysqlTest, TheSessionIsStrictWhateverTheServerIs) {
  set_up("SET GLOBAL sql_mode = ''");
  set_up("SET GLOBAL time_zone = '+05:00'");
  auto database = open();
  EXPECT_EQ(read_in(*database, "SELECT @@time_zone"), "+00:00");
  must(*database, "CREATE TABLE t (id INTEGER PRIMARY KEY, label VARCHAR(3), n TINYINT)");
  Parameters longer{std::string_view("abcd")};
  EXPECT_EQ(
      run(change(*database, "INSERT INTO t (id, label) VALUES (1, ?1)", longer)).error().reason(),
      "VALUE_TOO_LONG");
  Parameters larger{std::int64_t{128}};
  EXPECT_EQ(run(change(*database, "INSERT INTO t (id, n) VALUES (1, ?1)", larger)).error().reason(),
            "VALUE_OUT_OF_RANGE");
  EXPECT_EQ(read_in(*database, "SELECT \"id\" || 'x' FROM t UNION SELECT 'a\\b'"), "a\\b");
  set_up("SET GLOBAL sql_mode = DEFAULT");
  set_up("SET GLOBAL time_zone = 'SYSTEM'");
}

TEST_F(MysqlTest, OneStatementAText) {
  EXPECT_EQ(error_of("SELECT 1; DROP TABLE t").code(), Code::internal);
  EXPECT_EQ(error_of("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t").code(), Code::internal);
}

TEST_F(MysqlTest, TimesAreRecognisedWhereverAParameterMeetsTheirColumn) {
  set_up(
      "CREATE TABLE e (id INTEGER PRIMARY KEY, at DATETIME(6), day DATE, clock TIME(6), n BIGINT)");
  constexpr std::int64_t at = 1'700'000'000'123'456;
  Parameters row{std::int64_t{1}, at, std::int64_t{19'000}, std::int64_t{3'600'000'001}};
  set_up("CREATE TABLE log (id INTEGER PRIMARY KEY, seen DATETIME(6))");
  const auto stored = run(
      change(database(), "INSERT INTO e (id, at, day, clock, n) VALUES (?1, ?2, ?3, ?4, ?2)", row));
  ASSERT_TRUE(stored.ok()) << stored.error().describe();
  EXPECT_EQ(read("SELECT CONCAT(at, ' ', day, ' ', clock, ' ', n) FROM e"),
            "2023-11-14 22:13:20.123456 2022-01-08 01:00:00.000001 1700000000123456");
  Parameters one{at};
  for (const char* condition : {"at = ?1", "?1 <= at", "e.at IN (?1)", "at BETWEEN ?1 AND ?1",
                                "(at, id) = (?1, 1)", "at = CAST(?1 AS DATETIME(6))", "n = ?1"}) {
    EXPECT_EQ(read(std::string("SELECT id FROM e WHERE ") + condition, one), "1") << condition;
  }
  EXPECT_EQ(read("SELECT x.id FROM e AS x JOIN log ON x.id = log.id WHERE x.at = ?1", one), "");
  ASSERT_TRUE(
      run(change(database(), "INSERT INTO log (id, seen) SELECT id, ?1 FROM e WHERE at = ?1", one))
          .ok());
  EXPECT_EQ(read("SELECT count(*) FROM e JOIN log ON seen = at"), "1");
  ASSERT_TRUE(run(change(database(), "UPDATE e SET at = ?1, n = 0 WHERE at >= ?1", one)).ok());
  EXPECT_EQ(read("SELECT n FROM e WHERE at = ?1", one), "0");
}

TEST_F(MysqlTest, ATableThatChangesKindIsSeen) {
  set_up("CREATE TABLE e (id INTEGER PRIMARY KEY, at BIGINT)");
  Parameters one{std::int64_t{1'000'000}};
  ASSERT_TRUE(run(change(database(), "INSERT INTO e (id, at) VALUES (1, ?1)", one)).ok());
  // Another program's change: this one learns of it by the error, or by the table being new.
  auto other = open();
  must(*other, "DROP TABLE e");
  must(*other, "CREATE TABLE e (id INTEGER PRIMARY KEY, at DATETIME(6))");
  const auto stale = run(change(database(), "INSERT INTO e (id, at) VALUES (1, ?1)", one));
  if (!stale.ok()) {
    EXPECT_EQ(stale.error().code(), Code::invalid_argument) << stale.error().describe();
    ASSERT_TRUE(run(change(database(), "INSERT INTO e (id, at) VALUES (1, ?1)", one)).ok());
  }
  EXPECT_EQ(read("SELECT CONCAT(at, '') FROM e"), "1970-01-01 00:00:01.000000");
}

TEST_F(MysqlTest, WhatATimeCantHold) {
  set_up("CREATE TABLE e (at DATETIME(6), day DATE, clock TIME(6))");
  for (const char* column : {"at", "day", "clock"}) {
    Parameters far{std::numeric_limits<std::int64_t>::max()};
    const std::string sql = std::string("INSERT INTO e (") + column + ") VALUES (?1)";
    EXPECT_EQ(error_of(sql, far).reason(), "VALUE_OUT_OF_RANGE") << column;
    Parameters before{std::numeric_limits<std::int64_t>::min()};
    EXPECT_EQ(error_of(sql, before).reason(), "VALUE_OUT_OF_RANGE") << column;
  }
}

TEST_F(MysqlTest, AnErrorInPlaceOfARowIsTold) {
  set_up("CREATE TABLE t (id INTEGER PRIMARY KEY, n DOUBLE)");
  set_up("INSERT INTO t (id, n) VALUES (1, 0), (2, 1000), (3, 0)");
  auto database = open();
  must(*database, "SELECT 1");
  const auto opened = database->stats().opened;
  const std::string sql = "SELECT EXP(n) FROM t WHERE id >= ?1 ORDER BY id";
  for (const std::int64_t first : {1, 2}) {
    const auto failed = run(text(*database, sql, {first}));
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().reason(), "VALUE_OUT_OF_RANGE") << failed.error().describe();
    EXPECT_EQ(run(change(*database, sql, {first})).error().reason(), "VALUE_OUT_OF_RANGE");
    EXPECT_EQ(read_in(*database, sql, {std::int64_t{3}}), "1");
  }
  // The reader has had enough before the row that can't be read.
  auto take = [](const db::Row&) -> Result<> { return Error(Code::aborted, "enough"); };
  db::RowSink sink(take);
  const Parameters all{std::int64_t{1}};
  EXPECT_EQ(run(database->query(sql, all, sink)).error().code(), Code::aborted);
  EXPECT_EQ(read_in(*database, sql, {std::int64_t{3}}), "1");
  EXPECT_EQ(database->stats().opened, opened);  // none of it was the connection's fault
}

Task<> wait_for_the_second_row(db::Database& database) {
  auto a = co_await database.begin();
  auto b = co_await database.begin();
  co_await change(*a, "UPDATE t SET n = 5 WHERE id = 2");
  const Parameters first{std::int64_t{1}};
  const std::string sql = "SELECT id FROM t WHERE id >= ?1 ORDER BY id FOR UPDATE";
  const auto waited = co_await as_result(text(*b, sql, first));
  EXPECT_EQ(waited.error().reason(), "LOCK_TIMEOUT") << waited.error().describe();
  const auto next = co_await as_result(change(*b, "INSERT INTO t (id, n) VALUES (7, 7)"));
  EXPECT_EQ(next.error().reason(), "TRANSACTION_LOST");
  co_await a->commit();
}

TEST_F(MysqlTest, ALockThatIsNotHadAfterTheFirstRowIsATimeout) {
  make_counter();
  set_up("INSERT INTO t (id, n) VALUES (1, 1), (2, 2)");
  auto database = open([](auto& options) { options.lock_wait = std::chrono::seconds(1); });
  const auto done = run(wait_for_the_second_row(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT group_concat(n) FROM t"), "1,5");
}

Task<> read_the_catalogue(db::Session& session, std::vector<std::string>& problems) {
  constexpr std::array<const char*, 3> statements{
      "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() "
      "ORDER BY 1",
      "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() "
      "ORDER BY table_name, ordinal_position",
      "SELECT constraint_name FROM information_schema.referential_constraints WHERE "
      "constraint_schema = DATABASE() ORDER BY 1"};
  for (int round = 0; round < 60; ++round) {
    for (const char* sql : statements) {
      // Some are given up on the way.
      const auto limit = std::chrono::microseconds(round % 3 == 0 ? 200 * round : 5'000'000);
      Task<std::string> reading = with_deadline(limit, text(session, sql));
      const auto done = co_await as_result(std::move(reading));
      if (!done.ok() && done.error().code() != Code::deadline_exceeded) {
        problems.push_back(done.error().describe());
      }
    }
  }
}

Task<> change_tables(db::Database& database, std::string table) {
  for (int round = 0; round < 40; ++round) {
    co_await change(database, "CREATE TABLE " + table + " (id INTEGER PRIMARY KEY, n INTEGER)");
    co_await change(database, "CREATE TRIGGER tr_" + table + " BEFORE INSERT ON " + table +
                                  " FOR EACH ROW SET NEW.n = 1");
    co_await change(database, "ALTER TABLE " + table + " ADD COLUMN m INTEGER");
    co_await change(database, "DROP TABLE " + table);
  }
}

Task<> read_while_tables_change(db::Database& database, std::vector<std::string>& problems) {
  TaskGroup group("catalogue");
  for (int reader = 0; reader < 4; ++reader) {
    group.spawn("read", read_the_catalogue(database, problems));
  }
  for (const char* table : {"a", "b"}) group.spawn("change", change_tables(database, table));
  co_await group.join();
}

TEST_F(MysqlTest, TheCatalogueIsReadWhileTablesChange) {
  std::vector<std::string> problems;
  const auto done = run(read_while_tables_change(database(), problems));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_THAT(problems, testing::IsEmpty());
}

TEST_F(MysqlTest, FoundRowsAreCountedNotChangedOnes) {
  make_counter();
  set_up("INSERT INTO t (id, n) VALUES (1, 1), (2, 1)");
  EXPECT_EQ(run(change(database(), "UPDATE t SET n = 1"))->rows, 2);
}

TEST_F(MysqlTest, LargeTextsComeInRowsOneByOne) {
  set_up("CREATE TABLE big (id INTEGER PRIMARY KEY, label LONGTEXT)");
  const std::string large(3 * 1024 * 1024, 'y');
  for (std::int64_t i = 0; i < 8; ++i) {
    Parameters row{i, std::string_view(large)};
    ASSERT_TRUE(run(change(database(), "INSERT INTO big (id, label) VALUES (?1, ?2)", row)).ok());
  }
  int rows = 0;
  auto take = [&](const db::Row& row) -> Result<> {
    ++rows;
    EXPECT_EQ(row.text(0).size(), large.size());
    EXPECT_EQ(row.text(0), large);
    return {};
  };
  db::RowSink sink(take);
  ASSERT_TRUE(run(database().query("SELECT label FROM big", {}, sink)).ok());
  EXPECT_EQ(rows, 8);
}

Task<> make_a_table_in(db::Database& database) {
  auto transaction = co_await database.begin();
  co_await change(*transaction, "INSERT INTO t (id, n) VALUES (1, 1)");
  const auto refused = co_await as_result(change(*transaction, "CREATE TABLE u (a INTEGER)"));
  EXPECT_EQ(refused.error().reason(), "SCHEMA_CHANGE_IN_TRANSACTION");
  const auto set_back = co_await as_result(change(*transaction, "TRUNCATE TABLE t"));
  EXPECT_EQ(set_back.error().reason(), "SCHEMA_CHANGE_IN_TRANSACTION");
}

Task<> commit_by_hand(db::Database& database) {
  auto transaction = co_await database.begin();
  const auto ended = co_await as_result(change(*transaction, "COMMIT"));
  EXPECT_EQ(ended.error().reason(), "TRANSACTION_LOST");
  const auto next = co_await as_result(change(*transaction, "INSERT INTO t (id, n) VALUES (1, 1)"));
  EXPECT_EQ(next.error().reason(), "TRANSACTION_LOST");
}

TEST_F(MysqlTest, NothingRunsByItselfAfterAStatementThatEndedItsTransaction) {
  make_counter();
  const auto done = run(commit_by_hand(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM t"), "0");
}

TEST_F(MysqlTest, ATransactionIsNotEndedByAChangeOfTables) {
  make_counter();
  EXPECT_FALSE(database().has_transactional_schema());
  const auto done = run(make_a_table_in(database()));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM t"), "0");
}

Task<> after_a_deadlock(db::Database& database) {
  auto a = co_await database.begin();
  auto b = co_await database.begin();
  co_await change(*a, "UPDATE t SET n = 5 WHERE id = 1");
  const auto waited = co_await as_result(change(*b, "UPDATE t SET n = 6 WHERE id = 1"));
  EXPECT_EQ(waited.error().reason(), "LOCK_TIMEOUT") << waited.error().describe();
  // Nothing of it runs by itself now.
  const auto next = co_await as_result(change(*b, "INSERT INTO t (id, n) VALUES (7, 7)"));
  EXPECT_EQ(next.error().reason(), "TRANSACTION_LOST");
  const auto committed = co_await as_result(b->commit());
  EXPECT_EQ(committed.error().reason(), "TRANSACTION_LOST");
  co_await a->commit();
}

TEST_F(MysqlTest, ATransactionThatTheServerGaveUpTakesNothingMore) {
  make_counter();
  set_up("INSERT INTO t (id, n) VALUES (1, 1)");
  auto database = open([](auto& options) { options.lock_wait = std::chrono::seconds(1); });
  const auto done = run(after_a_deadlock(*database));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT CONCAT(id, ' ', n) FROM t"), "1 5");
}

}  // namespace
}  // namespace kit::tests
