// SPDX-License-Identifier: Apache-2.0
// A disk that fails: what is answered, and what is done afterwards.
#include <sqlite3.h>

#include <array>
#include <atomic>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"

namespace kit::sqlite {
namespace {

using namespace std::chrono_literals;

/// The system's VFS, whose writes and syncs fail when told to.
class FailingVfs {
 public:
  FailingVfs() {
    system() = sqlite3_vfs_find(nullptr);
    vfs_ = *system();
    vfs_.pNext = nullptr;
    vfs_.zName = "kit-failing";
    vfs_.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      int code = system()->xOpen(system(), name, file, flags, out);
      if (code != SQLITE_OK) return code;
      // Each kind of file has a table of its own; journals, which only setting up uses, keep it.
      if ((flags & SQLITE_OPEN_MAIN_DB) != 0) patch<SQLITE_OPEN_MAIN_DB>(file);
      if ((flags & SQLITE_OPEN_WAL) != 0) patch<SQLITE_OPEN_WAL>(file);
      return code;
    };
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~FailingVfs() { sqlite3_vfs_unregister(&vfs_); }

  /// Of the file's own lock, which each connection takes once and keeps.
  static inline std::atomic<int> lock_code = SQLITE_OK;
  static inline std::atomic<int> sync_code = SQLITE_OK;
  static inline std::atomic<int> write_code = SQLITE_OK;

 private:
  static sqlite3_vfs*& system() {
    static sqlite3_vfs* vfs = nullptr;
    return vfs;
  }
  template <int Kind>
  static void patch(sqlite3_file* file) {
    static const sqlite3_io_methods original = *file->pMethods;
    static const sqlite3_io_methods patched = [] {
      sqlite3_io_methods methods = original;
      methods.xSync = [](sqlite3_file* synced, int flags) {
        int code = sync_code;
        return code != SQLITE_OK ? code : original.xSync(synced, flags);
      };
      methods.xLock = [](sqlite3_file* locked, int level) {
        int code = lock_code;
        return code != SQLITE_OK ? code : original.xLock(locked, level);
      };
      methods.xWrite = [](sqlite3_file* to, const void* from, int size, sqlite3_int64 at) {
        int code = write_code;
        return code != SQLITE_OK ? code : original.xWrite(to, from, size, at);
      };
      return methods;
    }();
    file->pMethods = &patched;
  }

  sqlite3_vfs vfs_{};
};

struct Failures : ::testing::Test {
  static SqliteOptions options(std::atomic<int>* fatal) {
    SqliteOptions options;
    options.vfs = "kit-failing";
    options.on_fatal = [fatal](const Error&) { ++*fatal; };
    return options;
  }
  void SetUp() override {
    ASSERT_TRUE(database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY)").ok());
  }
  void TearDown() override {
    FailingVfs::lock_code = SQLITE_OK;
    FailingVfs::sync_code = SQLITE_OK;
    FailingVfs::write_code = SQLITE_OK;
  }

  FailingVfs vfs;
  std::atomic<int> fatal = 0;
  TestDatabase database{options(&fatal)};
};

Task<> write_four(db::Database& database, Code wanted, std::string_view reason) {
  auto one = [](db::Database& target, Code code, std::string_view why) -> Task<> {
    auto done = co_await as_result(target.execute("INSERT INTO t DEFAULT VALUES", {}));
    EXPECT_FALSE(done.ok());
    if (done.ok()) co_return;
    EXPECT_EQ(done.error().code(), code);
    EXPECT_EQ(done.error().reason(), why);
  };
  TaskGroup group("four");
  for (int i = 0; i < 4; ++i) group.spawn(one(database, wanted, reason));
  co_await group.join();
}

TEST_F(Failures, AFailedSyncEndsWritingForGood) {
  FailingVfs::sync_code = SQLITE_IOERR_FSYNC;
  EXPECT_TRUE(database.run(write_four(*database, Code::data_loss, "STORAGE_FAILED")).ok());
  // That the next sync would succeed means nothing: what was lost is lost.
  FailingVfs::sync_code = SQLITE_OK;
  EXPECT_TRUE(database.run(write_four(*database, Code::data_loss, "STORAGE_FAILED")).ok());
  EXPECT_EQ(database->health().error().reason(), "STORAGE_FAILED");
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0") << "reads go on";
  database.close();
  EXPECT_EQ(fatal, 1);
}

TEST_F(Failures, AFullDiskAtCommitFailsTheGroupOnly) {
  FailingVfs::write_code = SQLITE_FULL;
  EXPECT_TRUE(database.run(write_four(*database, Code::resource_exhausted, "DISK_FULL")).ok());
  EXPECT_EQ(database->health().error().reason(), "DISK_FULL");
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "0");
  FailingVfs::write_code = SQLITE_OK;
  EXPECT_TRUE(database.execute("INSERT INTO t DEFAULT VALUES").ok());
  EXPECT_TRUE(database->health().ok()) << "a write that went through says that there is space";
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "1");
  EXPECT_EQ(fatal, 0);
}

/// SQLite says the same of both.
TEST(Sequences, OneThatIsUsedUpIsNoFullDisk) {
  TestDatabase database;
  ASSERT_TRUE(
      database.execute("CREATE TABLE things(id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT)"));
  ASSERT_TRUE(
      database.execute("CREATE TABLE others(id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT)"));
  ASSERT_TRUE(database.execute("INSERT INTO things(id, t) VALUES(9223372036854775806, 'a')"));
  ASSERT_TRUE(database.execute("INSERT INTO things(t) VALUES('the last one')"));
  const Result<> refused = database.execute("INSERT INTO things(t) VALUES('one more')");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::resource_exhausted);
  EXPECT_EQ(refused.error().reason(), "SEQUENCE_EXHAUSTED");
  EXPECT_EQ(refused.error().http_status(), 507);
  EXPECT_EQ(refused.error().message(),
            "the ids of things are used up: its last row has the largest there is");
  EXPECT_TRUE(database->health().ok()) << "the disk has space";
  EXPECT_TRUE(database.execute("INSERT INTO others(t) VALUES('has ids')"));
  EXPECT_TRUE(database.execute("UPDATE things SET t = 'still written'"));
}

TEST_F(Failures, AFullDiskIsNoSequenceThatIsUsedUp) {
  ASSERT_TRUE(database.execute("CREATE TABLE ids(id INTEGER PRIMARY KEY AUTOINCREMENT)"));
  ASSERT_TRUE(database.execute("CREATE TABLE used(id INTEGER PRIMARY KEY AUTOINCREMENT)"));
  ASSERT_TRUE(database.execute("INSERT INTO used VALUES(9223372036854775807)"));
  FailingVfs::write_code = SQLITE_FULL;
  const Result<> refused = database.execute("INSERT INTO ids VALUES(NULL)");
  FailingVfs::write_code = SQLITE_OK;
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason(), "DISK_FULL");
}

TEST_F(Failures, AnErrorOfAWriteIsPassing) {
  FailingVfs::write_code = SQLITE_IOERR_WRITE;
  EXPECT_TRUE(database.run(write_four(*database, Code::unavailable, "STORAGE_UNAVAILABLE")).ok());
  FailingVfs::write_code = SQLITE_OK;
  EXPECT_TRUE(database.execute("INSERT INTO t DEFAULT VALUES").ok());
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "1");
}

/// Runs `read` while another process has the file locked, until this loop's next turn.
Task<> beside_a_lock(Task<> read) {
  FailingVfs::lock_code = SQLITE_BUSY;
  auto unlock = []() -> Task<> {
    co_await sleep_for(1ms);
    FailingVfs::lock_code = SQLITE_OK;
  };
  TaskGroup group("lock");
  group.spawn(unlock());
  co_await std::move(read);
  co_await group.join();
}

TEST_F(Failures, OpeningAReaderWaitsForALockWithoutHoldingUpTheLoop) {
  auto single = [this]() -> Task<> {
    EXPECT_EQ(co_await read_int(*database, "SELECT count(*) FROM t"), 0);
  };
  auto snapshot = [this]() -> Task<> {
    auto transaction = co_await database->begin_read();
    EXPECT_EQ(co_await read_int(*transaction, "SELECT count(*) FROM t"), 0);
  };
  auto first = database.run(beside_a_lock(single()));
  EXPECT_TRUE(first.ok()) << first.error().describe();
  auto second = database.run(beside_a_lock(snapshot()));
  EXPECT_TRUE(second.ok()) << second.error().describe();
}

TEST_F(Failures, AReaderThatCannotOpenInTimeIsUnavailable) {
  database.options().busy_timeout = 20ms;
  database.reopen();
  FailingVfs::lock_code = SQLITE_BUSY;
  auto read = database.run(read_int(*database, "SELECT count(*) FROM t"));
  FailingVfs::lock_code = SQLITE_OK;
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), Code::unavailable);
  EXPECT_EQ(read.error().reason(), "DATABASE_BUSY");
}

}  // namespace
}  // namespace kit::sqlite
