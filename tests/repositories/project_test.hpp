// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "empty_database.hpp"
#include "kit/async/context.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/base/caller.hpp"
#include "kit/db/migrations.hpp"

namespace kit::tests {

/// The first column of all rows as text, joined by commas.
inline Task<std::string> read_text(db::Session& session, std::string sql) {
  std::string out;
  auto read = [&out](const db::Row& row) -> Result<> {
    if (!out.empty()) out.push_back(',');
    out.append(row.is_null(0) ? "null" : row.text(0));
    return {};
  };
  co_await session.query(sql, {}, read);
  co_return out;
}

/// A project's tables, with nothing in them, for each test.
class ProjectTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = ::testing::TempDir() + "kit_generated_XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    auto opened = open_empty(folder_);
    ASSERT_TRUE(opened.ok()) << opened.error().describe();
    database_ = std::move(opened).value();
    std::string migrations = std::string(KIT_PROJECT_DIR) + "/migrations";
    if (has_server()) migrations.append("/").append(name(database_->dialect()));
    auto steps = db::read_migrations(migrations);
    ASSERT_TRUE(steps.ok()) << steps.error().describe();
    db::Migrator migrator(*database_, *steps);
    const auto done = run(migrator.up());
    ASSERT_TRUE(done.ok()) << done.error().describe();
  }
  void TearDown() override {
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  db::Database& database() { return *database_; }
  template <class T>
  Result<T> run(Task<T> task) {
    return kit::run(*loop_, std::move(task));
  }
  /// Of a task that has to go well.
  template <class T>
  T get(Task<T> task) {
    Result<T> done = run(std::move(task));
    if (!done.ok()) ADD_FAILURE() << done.error().describe();
    return done.ok() ? std::move(done).value() : T{};
  }
  void must(Task<> task) {
    const Result<> done = run(std::move(task));
    ASSERT_TRUE(done.ok()) << done.error().describe();
  }
  std::string read(const std::string& sql) { return get(read_text(*database_, sql)); }

 private:
  std::unique_ptr<Loop> loop_ = make_epoll_loop().value();
  std::filesystem::path folder_;
  std::unique_ptr<db::Database> database_;
};

/// The reason of an error, or its code; "" for none.
template <class T>
std::string reason_of(const Result<T>& result) {
  if (result.ok()) return "";
  const std::string reason(result.error().reason());
  return reason.empty() ? std::string(name(result.error().code())) : reason;
}

}  // namespace kit::tests
