// SPDX-License-Identifier: Apache-2.0
// Rows are handed on as they come: memory does not grow with their number.
#include <unistd.h>

#include <fstream>

#include "suite.hpp"

namespace kit::tests {
namespace {

constexpr std::int64_t rows = 1'000'000;
/// All rows together have some 200 MB.
constexpr std::int64_t most_growth = 24 * 1024 * 1024;

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

constexpr bool is_sanitized() {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  return true;
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#endif
  return false;
}

class StreamTest : public DatabaseTest {};

struct Seen {
  std::int64_t rows = 0;
  std::int64_t sum = 0;
  std::int64_t bytes = 0;
  std::int64_t most = 0;  // resident
};

Task<> read_all(db::Database& database, std::string sql, Seen& seen) {
  auto transaction = co_await database.begin_read();
  auto take = [&seen](const db::Row& row) -> Result<> {
    seen.sum += row.int64(0);
    seen.bytes += static_cast<std::int64_t>(row.text(1).size());
    if (seen.rows++ % 10'000 == 0) seen.most = std::max(seen.most, resident_bytes());
    return {};
  };
  db::RowSink sink(take);
  co_await transaction->query(sql, {}, sink);
  co_await transaction->commit();
}

TEST_F(StreamTest, AMillionRowsNeedNoMemory) {
  ASSERT_EQ(read("SELECT 1"), "1");
  const std::int64_t before = resident_bytes();
  Seen seen;
  const auto done = run(read_all(database(), backend().series(rows), seen));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(seen.rows, rows);
  EXPECT_EQ(seen.sum, rows * (rows + 1) / 2);
  EXPECT_EQ(seen.bytes, 200 * rows);
  // A sanitizer keeps what was freed.
  if (!is_sanitized()) EXPECT_LT(seen.most - before, most_growth);
}

Task<> stop_early(db::Database& database, std::string sql) {
  auto transaction = co_await database.begin_read();
  auto take = [](const db::Row& row) -> Result<> {
    if (row.int64(0) < 10) return {};
    return Error(Code::out_of_range, "enough");
  };
  db::RowSink sink(take);
  const auto ended = co_await as_result(transaction->query(sql, {}, sink));
  KIT_ASSERT(!ended.ok(), "the reader did not end it");
  EXPECT_EQ(ended.error().message(), "enough") << ended.error().describe();
}

TEST_F(StreamTest, AReaderThatHasEnoughEndsIt) {
  const auto done = run(stop_early(database(), backend().series(50'000)));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT 1"), "1");
}

Task<> leave_early(db::Database& database, std::string sql) {
  Seen seen;
  co_await with_deadline(std::chrono::milliseconds(30), read_all(database, std::move(sql), seen));
}

TEST_F(StreamTest, AReaderThatIsCancelledEndsIt) {
  const auto ended = run(leave_early(database(), backend().series(rows)));
  ASSERT_FALSE(ended.ok()) << "all rows were read at once";
  EXPECT_EQ(ended.error().code(), Code::deadline_exceeded);
  const auto next = run(with_deadline(std::chrono::seconds(5), text(database(), "SELECT 1")));
  EXPECT_TRUE(next.ok() && *next == "1") << (next.ok() ? *next : next.error().describe());
}

}  // namespace
}  // namespace kit::tests
