// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "kit/adapters/postgres/postgres.hpp"
#include "server_control.hpp"
#include "suite.hpp"

namespace kit::tests {

using postgres::PostgresDatabase;
using postgres::PostgresOptions;

/// Tests of the adapter itself, with options of their own.
class PostgresTest : public ::testing::Test {
 protected:
  static PostgresOptions options() {
    PostgresOptions options;
    options.dsn = setting("KIT_TEST_DSN");
    options.prepared = setting("KIT_TEST_PREPARED") == "on";
    return options;
  }
  static std::unique_ptr<PostgresDatabase> open(const PostgresOptions& options) {
    auto opened = postgres::open(options);
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    return std::move(opened).value();
  }
  template <class T>
  static Result<T> run(Task<T> task) {
    const auto loop = make_epoll_loop().value();
    return kit::run(*loop, std::move(task));
  }
  /// To the server itself, whatever stands before it.
  static PostgresOptions direct() {
    PostgresOptions options;
    options.dsn = setting("KIT_TEST_DIRECT_DSN");
    return options;
  }
  static std::string read(db::Session& session, std::string sql) {
    auto done = run(text(session, std::move(sql)));
    return done.ok() ? std::move(done).value() : done.error().describe();
  }
};

inline Task<> hold(db::Database& database, Clock::duration length) {
  auto transaction = co_await database.begin();
  co_await sleep_for(length);
  co_await transaction->commit();
}

/// Until the query yields `wanted`, at most five seconds.
inline Task<> becomes(db::Session& session, std::string sql, std::string wanted) {
  const auto end = Clock::now() + std::chrono::seconds(5);
  while (true) {
    const std::string seen = co_await text(session, sql);
    if (seen == wanted) co_return;
    if (Clock::now() > end) co_await Error(Code::internal, seen + " instead of " + wanted);
    co_await sleep_for(std::chrono::milliseconds(10));
  }
}

}  // namespace kit::tests
