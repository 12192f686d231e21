// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/adapters/redis/detail/resp.hpp"
#include "kit/adapters/redis/redis.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/testing/memory_network.hpp"

namespace kit::redis {

/// Servers whose part the test plays, on a virtual clock. Every connection says HELLO by itself.
class FakeRedis {
 public:
  /// One connection, as a server sees it.
  class Peer final : private ReadinessHandler {
   public:
    Peer(FakeRedis& owner, std::string place, std::unique_ptr<net::Stream> stream)
        : owner_(owner), place_(std::move(place)), stream_(std::move(stream)) {
      stream_->watch(*this);
    }
    void send(std::string_view bytes) {
      unsent_ += bytes;
      write();
    }
    void close() { stream_.reset(); }
    bool is_closed() const { return is_closed_; }
    const std::string& place() const { return place_; }
    std::vector<std::string> commands;    ///< "GET a", without logging in.
    std::vector<std::size_t> read_sizes;  ///< Commands that each read had.

   private:
    void on_readiness(Readiness readiness) override {
      if (readiness.writable) write();
      if (readiness.readable || readiness.hung_up) read();
    }
    void read();
    void write();
    void take(const Reply& command);

    FakeRedis& owner_;
    const std::string place_;
    std::unique_ptr<net::Stream> stream_;
    detail::RespParser parser_{ReplyLimits()};
    std::string unsent_;
    bool is_closed_ = false;
  };

  explicit FakeRedis(testing::VirtualLoop& loop) : loop_(loop) {}

  /// What a server answers with; nothing: it does not, until the test sends something.
  Function<std::string(Peer& peer, const std::string& command)> answer =
      [](Peer&, const std::string&) { return std::string("+OK\r\n"); };
  std::string hello = "%1\r\n+proto\r\n:3\r\n";  ///< To HELLO.
  testing::MemoryNetworkOptions network{};
  int refusals = 0;  ///< So many connects fail.
  Clock::duration delay{0};
  std::size_t connects = 0;
  std::vector<Clock::time_point> connected_at{};
  std::vector<std::unique_ptr<Peer>> peers{};

  Peer& peer(std::size_t index = 0) { return *peers.at(index); }
  std::unique_ptr<net::Connector> make_connector();

 private:
  class Connector;
  testing::VirtualLoop& loop_;
};

class FakeTest : public ::testing::Test {
 protected:
  FakeTest() {
    options.dsn = Secret<std::string>("redis://fake");
    options.connector = [this] { return fake.make_connector(); };
  }
  Client& client() {
    if (!client_) {
      auto opened = open(std::move(options));
      EXPECT_TRUE(opened.ok()) << opened.error().describe();
      client_ = std::move(*opened);
    }
    return *client_;
  }
  void end_client() { client_.reset(); }
  void run(Task<> task) {
    auto done = kit::run(loop, std::move(task));
    EXPECT_TRUE(done.ok()) << done.error().describe();
  }
  /// "UNAVAILABLE CONNECTION_LOST", or what was got.
  Task<std::string> get(std::string key) {
    auto value = co_await as_result(client().get(key));
    if (!value.ok()) co_return shown(value.error());
    co_return value->value_or("nothing");
  }
  Task<std::string> set(std::string key) {
    auto value = co_await as_result(client().set(key, "x"));
    if (!value.ok()) co_return shown(value.error());
    co_return *value ? "set" : "not set";
  }
  /// Runs side by side; what it ends with goes to `result`.
  static Task<> into(Task<std::string> task, std::string* result) {
    std::string text = co_await std::move(task);
    *result = std::move(text);
  }
  static std::string shown(const Error& error) {
    return std::string(name(error.code())) + " " + error.reason();
  }

  testing::VirtualLoop loop;
  FakeRedis fake{loop};
  RedisOptions options;

 private:
  std::unique_ptr<Client> client_;
};

inline std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

}  // namespace kit::redis
