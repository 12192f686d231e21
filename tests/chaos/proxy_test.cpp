// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/proxy.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <string>
#include <utility>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/net/async_stream.hpp"
#include "kit/net/connect.hpp"

namespace kit::tests {
namespace {

using std::chrono::milliseconds;

/// Sends back what comes, until the end.
class EchoServer final : public net::AcceptHandler {
 public:
  EchoServer() {
    auto listener = net::listen_tcp({}, *this);
    listener_ = std::move(*listener);
  }
  int port() const { return listener_->port(); }

 private:
  void on_accept(std::unique_ptr<net::Stream> stream) override {
    tasks_.spawn(echo(std::move(stream)));
  }
  static Task<> echo(std::unique_ptr<net::Stream> stream) {
    net::AsyncStream connection(std::move(stream));
    std::array<char, 4096> buffer;
    for (;;) {
      net::AsyncStream::Read reading = connection.read(buffer);
      const Result<std::size_t> count = co_await as_result(reading);
      if (!count || *count == 0) co_return;
      net::AsyncStream::Write writing = connection.write(std::string_view(buffer.data(), *count));
      const Result<> written = co_await as_result(writing);
      if (!written) co_return;
    }
  }

  std::unique_ptr<net::Listener> listener_;
  TaskGroup tasks_{"echo"};
};

/// A server, a proxy before it and a client behind that.
struct Line {
  EchoServer server;
  ChaosProxy proxy{"127.0.0.1", server.port()};
  net::Resolver resolver;
  std::unique_ptr<net::AsyncStream> client;

  Task<> connect() {
    std::unique_ptr<net::Stream> stream =
        co_await net::connect_tcp("127.0.0.1", proxy.port(), resolver);
    client = std::make_unique<net::AsyncStream>(std::move(stream));
  }
  Task<> send(std::string text) { co_await client->write(text); }
  /// So many bytes, or what came before the end.
  Task<std::string> receive(std::size_t count) {
    std::string text;
    std::array<char, 4096> buffer;
    while (text.size() < count) {
      const std::size_t part = co_await client->read(
          std::span(buffer).first(std::min(buffer.size(), count - text.size())));
      if (part == 0) break;
      text.append(buffer.data(), part);
    }
    co_return text;
  }
  Task<std::string> connect_and_receive() {
    co_await connect();
    co_return co_await receive(1);
  }
  Task<std::string> ask(std::string text) {
    const std::size_t size = text.size();
    co_await send(std::move(text));
    co_return co_await receive(size);
  }
};

template <class Body>
void on_loop(Body body) {
  auto loop = make_epoll_loop();
  ASSERT_TRUE(loop.ok());
  const auto ended = run(**loop, body());
  EXPECT_TRUE(ended.ok()) << ended.error().message();
}

TEST(ChaosProxy, PassesBytesAndEnds) {
  auto body = []() -> Task<> {
    Line line;
    co_await line.connect();
    EXPECT_EQ(co_await line.ask("hello"), "hello");
    EXPECT_EQ(line.proxy.connections(), 1U);
    line.client->shutdown_write();
    EXPECT_EQ(co_await line.receive(1), "");
  };
  on_loop(body);
}

TEST(ChaosProxy, DelaysEachPart) {
  auto body = []() -> Task<> {
    Line line;
    co_await line.connect();
    line.proxy.set(Fault::delay, 30);
    const Clock::time_point begin = Clock::now();
    EXPECT_EQ(co_await line.ask("hello"), "hello");
    EXPECT_GE(Clock::now() - begin, milliseconds(60));
  };
  on_loop(body);
}

TEST(ChaosProxy, ABlackHoleGivesBackWhenItHeals) {
  auto body = []() -> Task<> {
    Line line;
    co_await line.connect();
    line.proxy.set(Fault::blackhole);
    co_await line.send("hello");
    Task<std::string> receiving = with_deadline(milliseconds(50), line.receive(5));
    const Result<std::string> nothing = co_await as_result(std::move(receiving));
    EXPECT_FALSE(nothing.ok());
    if (!nothing) EXPECT_EQ(nothing.error().code(), Code::deadline_exceeded);
    line.proxy.set(Fault::pass);
    EXPECT_EQ(co_await line.receive(5), "hello");
  };
  on_loop(body);
}

TEST(ChaosProxy, CorruptsOneBitOfAPart) {
  auto body = []() -> Task<> {
    Line line;
    co_await line.connect();
    line.proxy.set(Fault::corrupt, 2);  // the second part: on its way back
    const std::string sent(100, 'a');
    const std::string got = co_await line.ask(sent);
    EXPECT_EQ(got.size(), sent.size());
    int changed = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      changed += std::popcount(static_cast<unsigned char>(got[i] ^ sent[i]));
    }
    EXPECT_EQ(changed, 1);
  };
  on_loop(body);
}

TEST(ChaosProxy, ResetsOldAndNewConnections) {
  auto body = []() -> Task<> {
    Line line;
    co_await line.connect();
    EXPECT_EQ(co_await line.ask("hello"), "hello");
    line.proxy.set(Fault::reset);
    Task<std::string> receiving = line.receive(1);
    const Result<std::string> broken = co_await as_result(std::move(receiving));
    EXPECT_FALSE(broken.ok());
    if (!broken) EXPECT_EQ(broken.error().code(), Code::unavailable);
    Task<std::string> again = line.connect_and_receive();
    const Result<std::string> refused = co_await as_result(std::move(again));
    EXPECT_FALSE(refused.ok());
    line.proxy.set(Fault::pass);
    co_await line.connect();
    EXPECT_EQ(co_await line.ask("again"), "again");
  };
  on_loop(body);
}

TEST(ChaosProxy, TricklesTheFirstBytesOfAPart) {
  auto body = []() -> Task<> {
    Line line;
    co_await line.connect();
    line.proxy.set(Fault::trickle);
    const std::string sent(ChaosProxy::trickled_bytes + 100, 'a');
    co_await line.send(sent);
    std::array<char, 4096> buffer;
    const std::size_t first = co_await line.client->read(buffer);
    EXPECT_LT(first, ChaosProxy::trickled_bytes);
    const std::string rest = co_await line.receive(sent.size() - first);
    EXPECT_EQ(rest.size(), sent.size() - first);
  };
  on_loop(body);
}

TEST(ChaosProxy, CutsAfterSoManyBytes) {
  auto body = []() -> Task<> {
    Line line;
    co_await line.connect();
    line.proxy.set(Fault::cut, 7);
    EXPECT_EQ(co_await line.ask("hello"), "hello");
    co_await line.send("hello");
    Task<std::string> receiving = line.receive(5);
    const Result<std::string> broken = co_await as_result(std::move(receiving));
    EXPECT_FALSE(broken.ok());
  };
  on_loop(body);
}

TEST(ChaosProxy, ThrottlesToSoManyBytesASecond) {
  auto body = []() -> Task<> {
    Line line;
    co_await line.connect();
    line.proxy.set(Fault::throttle, 10'000);
    const Clock::time_point begin = Clock::now();
    EXPECT_EQ((co_await line.ask(std::string(500, 'a'))).size(), 500U);
    EXPECT_GE(Clock::now() - begin, milliseconds(100));  // there and back
  };
  on_loop(body);
}

TEST(ChaosProxy, RefusesAndListensAgainOnItsPort) {
  auto body = []() -> Task<> {
    Line line;
    co_await line.connect();
    line.proxy.set(Fault::refuse);
    Task<> connecting = line.connect();
    const Result<> refused = co_await as_result(std::move(connecting));
    EXPECT_FALSE(refused.ok());
    if (!refused) EXPECT_EQ(refused.error().reason(), "CONNECTION_REFUSED");
    line.proxy.set(Fault::pass);
    co_await line.connect();
    EXPECT_EQ(co_await line.ask("again"), "again");
    EXPECT_EQ(line.proxy.connections(), 1U);
  };
  on_loop(body);
}

}  // namespace
}  // namespace kit::tests
