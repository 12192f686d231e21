// SPDX-License-Identifier: Apache-2.0
// The log: written back while others work, cut when nobody writes, and told of when a reader keeps
// it.
#include <atomic>
#include <filesystem>
#include <thread>

#include "kit/adapters/sqlite/test_database.hpp"

namespace kit::sqlite {
namespace {

using namespace std::chrono_literals;

std::uintmax_t log_size(const TestDatabase& database) {
  std::error_code failure;
  const auto size = std::filesystem::file_size(database.path() + "-wal", failure);
  return failure ? 0 : size;
}

SqliteOptions small() {
  SqliteOptions options;
  options.checkpoint_log_bytes = 64 * 1024;
  options.truncate_log_bytes = 256 * 1024;
  options.idle_checkpoint = 50ms;
  return options;
}

/// Until it is true, at most ten seconds.
bool becomes(const std::function<bool()>& is_true) {
  const auto end = Clock::now() + 10s;
  while (!is_true()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);  // polls
  }
  return true;
}

constexpr std::string_view fill = "INSERT INTO t(x) VALUES(randomblob(20000))";

TEST(Checkpoint, ALogThatNobodyWritesToIsCut) {
  TestDatabase database(small());
  ASSERT_TRUE(database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)").ok());
  ASSERT_TRUE(database.execute(fill).ok());
  EXPECT_TRUE(becomes([&] { return log_size(database) == 0; }));
  EXPECT_TRUE(becomes([&] { return database->stats().log_bytes == 0; }));
  const auto before = database->stats().checkpoints;
  ASSERT_TRUE(database.execute(fill).ok());
  EXPECT_TRUE(becomes([&] { return database->stats().log_bytes == 0; }));
  EXPECT_EQ(database->stats().checkpoints, before + 1) << "once is enough";
  EXPECT_EQ(database.text("SELECT count(*) FROM t"), "2");
}

Task<> write_many(db::Database* database, int count) {
  for (int i = 0; i < count; ++i) co_await database->execute(fill, {});
}

TEST(Checkpoint, UnderWritesTheLogIsBounded) {
  TestDatabase database(small());
  ASSERT_TRUE(database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)").ok());
  std::uintmax_t largest = 0;
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(database.run(write_many(&*database, 10)).ok());
    largest = std::max(largest, log_size(database));
  }
  // 4 MB were written.
  EXPECT_LT(largest, 2 * small().truncate_log_bytes);
}

Task<> write_beside_a_reader(TestDatabase* database, std::atomic<std::uint64_t>* told) {
  auto reader = co_await (*database)->begin_read();
  EXPECT_EQ(co_await read_int(*reader, "SELECT count(*) FROM t"), 0);
  co_await write_many(&**database, 40);
  EXPECT_EQ(co_await read_int(*reader, "SELECT count(*) FROM t"), 0) << "its own state";
  EXPECT_GE(told->load(), small().truncate_log_bytes);
  EXPECT_GT((*database)->stats().held_logs, 0u);
  co_await reader->commit();
}

TEST(Checkpoint, AReaderThatKeepsTheLogIsToldOfOnceInAWhile) {
  std::atomic<std::uint64_t> told = 0;
  std::atomic<int> calls = 0;
  SqliteOptions options = small();
  options.on_log_held = [&](std::uint64_t bytes) {
    told = bytes;
    ++calls;
  };
  TestDatabase database(options);
  ASSERT_TRUE(database.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)").ok());
  const auto done = database.run(write_beside_a_reader(&database, &told));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(calls, 1);
  // Once the reader is gone the log is cut.
  EXPECT_TRUE(becomes([&] { return log_size(database) == 0; }));
}

}  // namespace
}  // namespace kit::sqlite
