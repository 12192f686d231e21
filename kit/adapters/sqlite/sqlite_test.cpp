// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/sqlite/sqlite.hpp"

#include <sqlite3.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

#include "kit/adapters/sqlite/detail/errors.hpp"
#include "kit/adapters/sqlite/detail/statement_cache.hpp"
#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"

namespace kit::sqlite {
namespace {

using namespace std::chrono_literals;
using db::Parameter;

TEST(Sqlite, SettingsAreThoseOfTheHardeningList) {
  TestDatabase database;
  EXPECT_EQ(database.text("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(database.text("PRAGMA trusted_schema"), "0");
  EXPECT_EQ(database.text("PRAGMA foreign_keys"), "1");
  auto in_writer = [&](std::string_view pragma) -> Task<std::int64_t> {
    auto transaction = co_await database->begin_bulk();
    co_return co_await read_int(*transaction, pragma);
  };
  EXPECT_EQ(*database.run(in_writer("PRAGMA synchronous")), 2);
  EXPECT_EQ(*database.run(in_writer("PRAGMA foreign_keys")), 1);
  EXPECT_EQ(*database.run(in_writer("PRAGMA wal_autocheckpoint")), 0);
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  // Defensive: the schema table can't be written even when asked to.
  EXPECT_FALSE(database.execute("UPDATE sqlite_schema SET sql = 'x'").ok());
  EXPECT_FALSE(database.execute("SELECT load_extension('x')").ok());
  EXPECT_FALSE(database.execute("ATTACH 'other.db' AS other").ok());
  // A quoted name that is no column is an error, not a text.
  EXPECT_FALSE(database.execute("INSERT INTO t VALUES (\"x\")").ok());
}

TEST(Sqlite, FilesAreTheOwnersOnly) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  for (std::string suffix : {"", "-wal", "-shm"}) {
    struct stat status{};
    ASSERT_EQ(::stat((database.path() + suffix).c_str(), &status), 0) << suffix;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
  }
}

TEST(Sqlite, ParametersAndColumnsOfEachType) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(a, b, c, d, e)").ok());
  std::string zeros("a\0b", 3);
  std::array<Parameter, 5> values = {nullptr, std::int64_t{-7}, 0.25, std::string_view(zeros),
                                     db::Blob{std::string_view("\xff\x00", 2)}};
  auto inserted = database.run(database->execute("INSERT INTO t VALUES(?1,?2,?3,?4,?5)", values));
  ASSERT_TRUE(inserted.ok());
  EXPECT_EQ(inserted->rows, 1);
  EXPECT_EQ(inserted->last_id, 1);
  int rows = 0;
  auto read = [&](const db::Row& row) -> Result<> {
    ++rows;
    EXPECT_TRUE(row.is_null(0));
    EXPECT_EQ(row.text(0), "");
    EXPECT_EQ(row.int64(1), -7);
    EXPECT_EQ(row.text(1), "-7");
    EXPECT_EQ(row.real(2), 0.25);
    EXPECT_EQ(row.text(3), zeros);
    EXPECT_EQ(row.text(4), std::string_view("\xff\x00", 2));
    return {};
  };
  db::RowSink sink(read);
  ASSERT_TRUE(database.run(database->query("SELECT * FROM t", {}, sink)).ok());
  EXPECT_EQ(rows, 1);
  std::array<Parameter, 2> empty = {std::string_view(), db::Blob{}};
  ASSERT_TRUE(database.run(database->execute("INSERT INTO t(d,e) VALUES(?1,?2)", empty)).ok());
  EXPECT_EQ(database.text("SELECT typeof(d) || typeof(e) FROM t WHERE rowid=2"), "textblob");
}

TEST(Sqlite, WrongUseIsAnInternalError) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  auto code = [&](std::string_view sql) { return database.execute(sql).error().code(); };
  EXPECT_EQ(code("SELEC 1"), Code::internal);
  EXPECT_EQ(code(""), Code::internal);
  EXPECT_EQ(code("INSERT INTO t VALUES(1); DELETE FROM t"), Code::internal);
  EXPECT_EQ(code("INSERT INTO t VALUES(?1)"), Code::internal);
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0");
  EXPECT_TRUE(database.execute("INSERT INTO t VALUES(1) ;\n").ok());
}

TEST(Sqlite, ReadsCannotWrite) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  auto none = [](const db::Row&) -> Result<> { return {}; };
  db::RowSink sink(none);
  auto done = database.run(database->query("INSERT INTO t VALUES(1)", {}, sink));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().reason(), "READ_ONLY");
}

TEST(Sqlite, ASinkEndsItsStatement) {
  TestDatabase database;
  int rows = 0;
  auto stop = [&](const db::Row&) -> Result<> {
    if (++rows == 2) return Error(Code::out_of_range, "enough");
    return {};
  };
  db::RowSink sink(stop);
  auto done = database.run(database->query("VALUES (1),(2),(3)", {}, sink));
  EXPECT_EQ(done.error().code(), Code::out_of_range);
  EXPECT_EQ(rows, 2);
  EXPECT_EQ(database.text("VALUES (1),(2),(3)"), "1,2,3");
}

/// One more process with the same file, as far as SQLite can tell.
void execute_outside(const std::string& path, const char* sql) {
  sqlite3* outside = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &outside), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(outside, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(outside);
}

TEST(Sqlite, TheReadsOfATurnShareAStateButMissNoAnsweredWrite) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  const char* insert = "INSERT INTO t VALUES(1)";
  constexpr std::string_view count = "SELECT count(*) FROM t";
  auto turns = [&]() -> Task<> {
    EXPECT_EQ(co_await read_int(*database, count), 0);  // alone
    EXPECT_EQ(co_await read_int(*database, count), 0);  // begins the shared one
    execute_outside(database.path(), insert);
    EXPECT_EQ(co_await read_int(*database, count), 0);
    std::thread([&] { EXPECT_TRUE(database.execute(insert).ok()); }).join();
    EXPECT_EQ(co_await read_int(*database, count), 2);
    co_await sleep_for(1ms);  // the turn ends
    execute_outside(database.path(), insert);
    EXPECT_EQ(co_await read_int(*database, count), 3);
  };
  EXPECT_TRUE(database.run(turns()).ok());
}

TEST(Sqlite, AFailedReadEndsTheSharedState) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  constexpr std::string_view count = "SELECT count(*) FROM t";
  auto turn = [&]() -> Task<> {
    EXPECT_EQ(co_await read_int(*database, count), 0);
    EXPECT_EQ(co_await read_int(*database, count), 0);
    execute_outside(database.path(), "INSERT INTO t VALUES(1)");
    EXPECT_EQ(co_await read_int(*database, count), 0);
    auto wrong = co_await as_result(read_int(*database, "SELECT * FROM nothing"));
    EXPECT_FALSE(wrong.ok());
    EXPECT_EQ(co_await read_int(*database, count), 1);
  };
  EXPECT_TRUE(database.run(turn()).ok());
}

TEST(Sqlite, ASharedReadDoesNotOutliveItsTurn) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  auto turn = [&]() -> Task<> {
    for (int i = 0; i < 3; ++i) co_await read_int(*database, "SELECT count(*) FROM t");
    co_await sleep_for(1ms);
    // Cuts the log unless anybody reads.
    execute_outside(database.path(), "INSERT INTO t VALUES(1); PRAGMA wal_checkpoint(TRUNCATE)");
  };
  EXPECT_TRUE(database.run(turn()).ok());
  EXPECT_EQ(std::filesystem::file_size(database.path() + "-wal"), 0u);
}

/// Waits until `fire` is called.
class Signal final : public Operation<void> {
 public:
  ~Signal() = default;
  void fire() { succeed(); }

 private:
  void start() override {}
  void detach() override {}
};

TEST(Sqlite, ASharedReadThatBeganLateInATurnDoesNotServeTheNextOne) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  constexpr std::string_view count = "SELECT count(*) FROM t";
  Signal signal;
  std::int64_t seen = -1;
  auto next_turn = [&]() -> Task<> {
    co_await signal;
    seen = co_await read_int(*database, count);
  };
  auto turns = [&]() -> Task<> {
    TaskGroup group("next turn");
    group.spawn(next_turn());
    co_await sleep_for(0ms);
    // Ready before the end of the shared read is, so it runs before that in the next turn.
    signal.fire();
    for (int i = 0; i < 2; ++i) EXPECT_EQ(co_await read_int(*database, count), 0);
    execute_outside(database.path(), "INSERT INTO t VALUES(1)");
    co_await group.join();
  };
  EXPECT_TRUE(database.run(turns()).ok());
  EXPECT_EQ(seen, 1);
}

class Constraints : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(database_.execute("CREATE TABLE parent(id INTEGER PRIMARY KEY)").ok());
    ASSERT_TRUE(database_
                    .execute("CREATE TABLE t(id INTEGER PRIMARY KEY, email TEXT UNIQUE,"
                             " city TEXT, country TEXT NOT NULL DEFAULT 'x',"
                             " age INTEGER CHECK(age > 0), parent INTEGER REFERENCES parent(id),"
                             " later INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED,"
                             " UNIQUE(city, country)) STRICT")
                    .ok());
    ASSERT_TRUE(database_.execute("INSERT INTO t(id, email, city) VALUES(1,'a','c')").ok());
  }
  Error refused(std::string_view sql) {
    auto done = database_.execute(sql);
    EXPECT_FALSE(done.ok()) << sql;
    return std::move(done).error();
  }
  TestDatabase database_;
};

TEST_F(Constraints, UniqueNamesTheColumns) {
  Error error = refused("INSERT INTO t(email) VALUES('a')");
  EXPECT_EQ(error.code(), Code::already_exists);
  EXPECT_EQ(error.reason(), "UNIQUE_VIOLATION");
  EXPECT_EQ(error.http_status(), 409);
  ASSERT_EQ(error.violations().size(), 1u);
  EXPECT_EQ(error.violations()[0].field, "email");
  Error two = refused("INSERT INTO t(city) VALUES('c')");
  ASSERT_EQ(two.violations().size(), 2u);
  EXPECT_EQ(two.violations()[0].field, "city");
  EXPECT_EQ(two.violations()[1].field, "country");
  Error key = refused("INSERT INTO t(id) VALUES(1)");
  EXPECT_EQ(key.code(), Code::already_exists);
  EXPECT_EQ(key.violations()[0].field, "id");
}

TEST_F(Constraints, OthersHaveTheirReasons) {
  for (auto [sql, reason] :
       {std::pair("INSERT INTO t(parent) VALUES(9)", "FOREIGN_KEY_VIOLATION"),
        std::pair("INSERT INTO t(later) VALUES(9)", "FOREIGN_KEY_VIOLATION"),
        std::pair("INSERT INTO t(age) VALUES(0)", "CHECK_VIOLATION"),
        std::pair("INSERT INTO t(age) VALUES('x')", "TYPE_VIOLATION"),
        std::pair("INSERT INTO t(country) VALUES(NULL)", "NOT_NULL_VIOLATION")}) {
    Error error = refused(sql);
    EXPECT_EQ(error.code(), Code::failed_precondition) << sql;
    EXPECT_EQ(error.reason(), reason) << sql;
    EXPECT_EQ(error.http_status(), 409) << sql;
  }
  EXPECT_EQ(refused("INSERT INTO t(country) VALUES(NULL)").violations()[0].field, "country");
  EXPECT_EQ(database_.text("SELECT count(*) FROM t"), "1");
}

TEST(SqliteErrors, EachKindHasItsCode) {
  struct Case {
    int sqlite;
    Code code;
    std::string_view reason;
    int http;
  };
  for (auto [sqlite, code, reason, http] :
       {Case{SQLITE_BUSY, Code::unavailable, "DATABASE_BUSY", 0},
        Case{SQLITE_FULL, Code::resource_exhausted, "DISK_FULL", 507},
        Case{SQLITE_IOERR_WRITE, Code::unavailable, "STORAGE_UNAVAILABLE", 0},
        Case{SQLITE_IOERR_FSYNC, Code::data_loss, "STORAGE_FAILED", 0},
        Case{SQLITE_CORRUPT, Code::data_loss, "DATABASE_CORRUPT", 0},
        Case{SQLITE_NOTADB, Code::data_loss, "DATABASE_CORRUPT", 0},
        Case{SQLITE_CANTOPEN, Code::unavailable, "DATABASE_UNAVAILABLE", 0},
        Case{SQLITE_INTERRUPT, Code::deadline_exceeded, "", 0},
        Case{SQLITE_TOOBIG, Code::invalid_argument, "VALUE_TOO_LARGE", 0},
        Case{SQLITE_ERROR, Code::internal, "", 0}}) {
    Error error = detail::to_error(nullptr, sqlite, "SELECT 1");
    EXPECT_EQ(error.code(), code) << sqlite;
    EXPECT_EQ(error.reason(), reason) << sqlite;
    EXPECT_EQ(error.http_status(), http) << sqlite;
  }
}

TEST(Sqlite, OptionsAreChecked) {
  EXPECT_EQ(open({}).error().code(), Code::invalid_argument);
  SqliteOptions memory{.path = ":memory:"};
  EXPECT_EQ(open(memory).error().code(), Code::invalid_argument);
  SqliteOptions nowhere{.path = "/nonexistent/folder/x.db"};
  EXPECT_EQ(open(nowhere).error().code(), Code::unavailable);
}

TEST(Sqlite, AFileThatIsNoDatabaseIsDataLoss) {
  TestDatabase database;
  database.close();
  std::ofstream(database.path(), std::ios::trunc) << std::string(8192, 'x');
  auto opened = open(database.options());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), Code::data_loss);
}

Task<> forever(db::Session& session) {
  auto none = [](const db::Row&) -> Result<> { return {}; };
  db::RowSink sink(none);
  co_await session.query(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n) SELECT max(i) FROM n", {},
      sink);
}

TEST(Sqlite, AStatementEndsAtItsTasksDeadline) {
  TestDatabase database;
  auto done = database.run(with_deadline(20ms, forever(*database)));
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code(), Code::deadline_exceeded);
  auto in_transaction = [&]() -> Task<> {
    auto transaction = co_await database->begin();
    co_await transaction->execute("CREATE TABLE kept(x)", {});
    auto late = co_await as_result(with_deadline(20ms, forever(*transaction)));
    EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
    // A read that was interrupted takes nothing of the unit away.
    co_await transaction->commit();
  };
  auto kept = database.run(in_transaction());
  EXPECT_TRUE(kept.ok());
  EXPECT_EQ(database.text("SELECT count(*) FROM kept"), "0");
}

TEST(Sqlite, AStatementEndsAtTheDatabasesLimit) {
  SqliteOptions options;
  options.statement_limit = 20ms;
  TestDatabase database(options);
  EXPECT_EQ(database.run(forever(*database)).error().code(), Code::deadline_exceeded);
}

TEST(Sqlite, BulkAndSchemaWritesEndAtTheirTasksDeadlineOnly) {
  SqliteOptions options;
  options.statement_limit = 1ms;
  options.write_limit = 1ms;
  TestDatabase database(options);
  const std::string numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n ";
  const std::string slow = numbers + "WHERE i < 300000) INSERT INTO t SELECT i FROM n";
  const std::string endless = numbers + ") INSERT INTO t SELECT i FROM n";
  for (auto begin : {&db::Database::begin_bulk, &db::Database::begin_schema}) {
    auto fill = [&]() -> Task<> {
      auto transaction = co_await ((*database).*begin)();
      co_await transaction->execute("CREATE TABLE t(x)", {});
      co_await transaction->execute(slow, {});
      co_await transaction->execute("CREATE INDEX t_x ON t(x)", {});
      auto late = co_await as_result(with_deadline(20ms, transaction->execute(endless, {})));
      EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
    };
    auto done = database.run(fill());
    EXPECT_TRUE(done.ok()) << done.error().describe();
  }
}

TEST(Sqlite, ASnapshotSeesOneState) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  auto use = [&]() -> Task<> {
    auto snapshot = co_await database->begin_read();
    co_await database->execute("INSERT INTO t VALUES(1)", {});
    EXPECT_EQ(co_await read_int(*snapshot, "SELECT count(*) FROM t"), 0);
    EXPECT_EQ(co_await read_int(*database, "SELECT count(*) FROM t"), 1);
    auto refused = co_await as_result(snapshot->execute("DELETE FROM t", {}));
    EXPECT_EQ(refused.error().reason(), "READ_ONLY");
    co_await snapshot->commit();
    auto after = co_await as_result(read_int(*snapshot, "SELECT 1"));
    EXPECT_EQ(after.error().reason(), "TRANSACTION_ENDED");
  };
  auto done = database.run(use());
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST(Sqlite, SnapshotsWaitForEachOther) {
  SqliteOptions options;
  options.snapshots_per_thread = 2;
  TestDatabase database(options);
  auto use = [&]() -> Task<> {
    auto first = co_await database->begin_read();
    auto second = co_await database->begin_read();
    auto third = co_await as_result(with_deadline(10ms, database->begin_read()));
    EXPECT_EQ(third.error().code(), Code::deadline_exceeded);
    first.reset();
    auto fourth = co_await database->begin_read();
    EXPECT_EQ(co_await read_int(*fourth, "SELECT 1"), 1);
  };
  auto done = database.run(use());
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST(Sqlite, AnOldSnapshotIsEnded) {
  SqliteOptions options;
  options.snapshot_limit = 10ms;
  TestDatabase database(options);
  auto use = [&]() -> Task<> {
    auto snapshot = co_await database->begin_read();
    co_await sleep_for(30ms);
    auto late = co_await as_result(read_int(*snapshot, "SELECT 1"));
    EXPECT_EQ(late.error().reason(), "TRANSACTION_EXPIRED");
  };
  auto done = database.run(use());
  EXPECT_TRUE(done.ok());
}

TEST(Sqlite, EachThreadHasItsReaders) {
  TestDatabase database;
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&database] {
      for (int n = 0; n < 50; ++n) EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0");
    });
  }
  for (auto& thread : threads) thread.join();
  // A second database on the same thread does not get the connection of the first.
  TestDatabase other;
  EXPECT_NE(other.text("SELECT count(*) FROM t"), "0");
}

TEST(StatementCache, PreparesEachTextOnceAndIsBounded) {
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(":memory:", &raw), SQLITE_OK);
  {
    detail::StatementCache cache(raw, 4);
    auto* first = *cache.prepare("SELECT 1");
    EXPECT_EQ(*cache.prepare("SELECT 1"), first);
    EXPECT_EQ(*cache.prepare(std::string("SELECT 1")), first);
    EXPECT_EQ(cache.prepared(), 1u);
    for (int i = 2; i < 50; ++i) {
      ASSERT_TRUE(cache.prepare("SELECT " + std::to_string(i)).ok());
      EXPECT_EQ(*cache.prepare("SELECT 1"), first) << "used all the time, so never evicted";
      EXPECT_LE(cache.size(), 4u);
    }
    // Another text at the same address is another statement.
    std::string text = "SELECT 77";
    auto* seven = *cache.prepare(text);
    text = "SELECT 78";
    auto* eight = *cache.prepare(text);
    EXPECT_NE(seven, eight);
    EXPECT_EQ(sqlite3_sql(eight), text);
  }
  EXPECT_EQ(sqlite3_close(raw), SQLITE_OK);
}

TEST(Sqlite, TheLogIsWrittenBackAndCutAtTheEnd) {
  SqliteOptions options;
  options.checkpoint_log_bytes = 64 * 1024;
  TestDatabase database(options);
  ASSERT_TRUE(database.execute("CREATE TABLE t(x)").ok());
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(database.execute("INSERT INTO t VALUES(zeroblob(2000))").ok());
  }
  EXPECT_GE(database->stats().checkpoints, 2u);
  EXPECT_LT(std::filesystem::file_size(database.path() + "-wal"), 256u * 1024);
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "200");
  // With this thread's reader still known to it.
  database.close();
  EXPECT_FALSE(std::filesystem::exists(database.path() + "-wal"));
  database.reopen();
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "200");
}

}  // namespace
}  // namespace kit::sqlite
