// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"

namespace kit::sqlite {

/// A database in a folder of its own that goes with it.
class TestDatabase {
 public:
  explicit TestDatabase(SqliteOptions options = {}) : options_(std::move(options)) {
    std::string name = ::testing::TempDir() + "kit_sqlite_XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    options_.path = folder_ + "/test.db";
    reopen();
  }
  ~TestDatabase() {
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void reopen() {
    database_.reset();
    auto opened = open(options_);
    ASSERT_TRUE(opened.ok()) << opened.error().describe();
    database_ = std::move(opened).value();
  }
  void close() { database_.reset(); }

  SqliteDatabase& operator*() { return *database_; }
  SqliteDatabase* operator->() { return database_.get(); }
  const std::string& path() const { return options_.path; }
  SqliteOptions& options() { return options_; }

  /// Runs a task on a loop of this thread.
  template <class T>
  Result<T> run(Task<T> task) {
    auto loop = make_epoll_loop();
    return kit::run(**loop, std::move(task));
  }
  Result<> execute(std::string_view sql) {
    auto done = run(database_->execute(sql, {}));
    if (!done) return std::move(done).error();
    return {};
  }
  /// The first column of all rows, joined by commas.
  std::string text(std::string_view sql) {
    std::string out;
    auto read = [&out](const db::Row& row) -> Result<> {
      if (!out.empty()) out.push_back(',');
      out.append(row.is_null(0) ? "null" : row.text(0));
      return {};
    };
    db::RowSink sink(read);
    auto done = run(database_->query(sql, {}, sink));
    return done.ok() ? out : done.error().describe();
  }

 private:
  SqliteOptions options_;
  std::string folder_;
  std::unique_ptr<SqliteDatabase> database_;
};

/// The first column of the first row, read in `session`.
inline Task<std::int64_t> read_int(db::Session& session, std::string_view sql) {
  std::int64_t value = -1;
  auto read = [&value](const db::Row& row) -> Result<> {
    value = row.int64(0);
    return {};
  };
  db::RowSink sink(read);
  co_await session.query(sql, {}, sink);
  co_return value;
}

}  // namespace kit::sqlite
