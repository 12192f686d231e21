// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

#include "kit/adapters/mysql/mysql.hpp"
#include "server_control.hpp"
#include "suite.hpp"

namespace kit::tests {

/// Tests of the adapter itself, each in an empty database, with options of their own.
class MysqlTest : public DatabaseTest {
 protected:
  std::unique_ptr<mysql::MysqlDatabase> open(
      const std::function<void(mysql::MysqlOptions&)>& adjust = {}) {
    mysql::MysqlOptions options;
    options.dsn = Secret<std::string>(setting("KIT_TEST_DSN"));
    if (adjust) adjust(options);
    auto opened = mysql::open(options);
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    return std::move(opened).value();
  }
  /// A statement that has to go well.
  void must(db::Session& session, const std::string& sql, Parameters parameters = {}) {
    const auto done = run(change(session, sql, std::move(parameters)));
    ASSERT_TRUE(done.ok()) << sql << ": " << done.error().describe();
  }
  std::string read_in(db::Session& session, const std::string& sql, Parameters parameters = {}) {
    auto done = run(text(session, sql, std::move(parameters)));
    return done.ok() ? std::move(done).value() : done.error().describe();
  }
  /// Until the query says so, at most five seconds.
  bool becomes(const std::string& sql, const std::string& wanted) {
    const auto end = Clock::now() + std::chrono::seconds(5);
    while (read(sql) != wanted) {
      if (Clock::now() > end) return false;
      auto pause = []() -> Task<> { co_await sleep_for(std::chrono::milliseconds(10)); };
      EXPECT_TRUE(run(pause()).ok());
    }
    return true;
  }
};

}  // namespace kit::tests
