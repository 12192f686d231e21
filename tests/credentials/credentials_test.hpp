// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "empty_database.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/db/script.hpp"
#include "kit/db/sql.hpp"
#include "kitgen/evolve/catalogue.hpp"

namespace kit::tests {

/// The tables of kit/credentials as kitgen makes them.
inline Task<> create_credentials(db::Database& database) {
  std::string script;
  for (const auto& table : kitgen::evolve::system_tables()) {
    const bool is_ours = table.name == "kit_revocations" || table.name == "kit_refresh_tokens" ||
                         table.name == "kit_api_keys";
    if (!is_ours) continue;
    const db::Sql sql{table.sqlite, table.postgres, table.mysql};
    script.append(sql.in(database.dialect()));
  }
  const std::vector<db::ScriptStatement> statements = co_await db::split_script(script);
  for (const db::ScriptStatement& statement : statements) {
    co_await database.execute(statement.sql, {});
  }
}

/// On SQLite, or on the server that run.py has started.
class CredentialsTest : public ::testing::Test {
 protected:
  CredentialsTest() {
    std::string name = ::testing::TempDir() + "kit_credentials_XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    auto opened = open_empty(folder_);
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    database_ = *std::move(opened);
    EXPECT_TRUE(run(create_credentials(*database_)).ok());
  }
  ~CredentialsTest() override {
    database_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  template <class T>
  Result<T> run(Task<T> task) {
    return kit::run(*loop_, std::move(task));
  }
  template <class F>
  void steps(F body) {
    const Result<> ended = run(body());
    EXPECT_TRUE(ended.ok()) << ended.error().describe();
  }
  Task<std::int64_t> count(std::string_view sql) {
    std::int64_t number = 0;
    auto sink = [&](const db::Row& row) -> Result<> {
      number = row.int64(0);
      return {};
    };
    co_await database_->query(sql, {}, sink);
    co_return number;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Loop> loop_ = std::move(*make_epoll_loop());
  std::unique_ptr<db::Database> database_;
};

}  // namespace kit::tests
