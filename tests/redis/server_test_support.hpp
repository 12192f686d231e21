// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/adapters/redis/redis.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/base/text.hpp"
#include "tests/databases/server_control.hpp"

namespace kit::redis {

inline RedisOptions test_options(std::string dsn = tests::setting("KIT_TEST_DSN")) {
  RedisOptions options;
  options.dsn = Secret<std::string>(std::move(dsn));
  return options;
}

/// "UNAVAILABLE CONNECTION_LOST", or "fine".
template <class T>
std::string shown(const Result<T>& result) {
  if (result.ok()) return "fine";
  return std::string(name(result.error().code())) + " " + result.error().reason();
}

/// A client of the real server, emptied before each test.
class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    client = open_client(test_options());
    if (!tests::setting("KIT_TEST_DSN").starts_with("redis+cluster")) {
      run(client->command(words("FLUSHALL"))).value();
    }
  }
  static std::unique_ptr<Client> open_client(RedisOptions options) {
    auto opened = redis::open(std::move(options));
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    return std::move(*opened);
  }
  template <class T>
  Result<T> run(Task<T> task) {
    return kit::run(*loop, std::move(task));
  }
  /// Words that live as long as the test: of "SET a 1", or one by one.
  Command words(std::string_view line) {
    kept_lines.push_back(std::make_unique<std::string>(line));
    return words(split(*kept_lines.back(), ' '));
  }
  Command words(std::vector<std::string_view> list) {
    kept.push_back(std::make_unique<std::vector<std::string_view>>(std::move(list)));
    return *kept.back();
  }

  std::unique_ptr<Loop> loop = std::move(make_epoll_loop().value());
  std::vector<std::unique_ptr<std::string>> kept_lines;
  std::vector<std::unique_ptr<std::vector<std::string_view>>> kept;
  std::unique_ptr<Client> client;
};

}  // namespace kit::redis
