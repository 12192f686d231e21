// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/http/client/client.hpp"
#include "kit/http/client/statistics.hpp"
#include "kit/http/server.hpp"
#include "kit/testing/memory_network.hpp"

namespace kit::http {

/// Connects to `server`, or, without one, to a new peer whose part the test plays.
class TestConnector final : public net::Connector, private net::AcceptHandler {
 public:
  explicit TestConnector(testing::VirtualLoop& loop) : loop_(loop) {}

  Task<std::unique_ptr<net::Stream>> connect(net::Endpoint endpoint) override;

  net::AcceptHandler* server = nullptr;
  testing::MemoryNetworkOptions network;
  std::vector<net::Endpoint> endpoints;  // asked for so far
  std::vector<std::unique_ptr<testing::MemoryClient>> peers;
  int refusals = 0;  // so many connects fail
  Error refusal{Code::unavailable, "refused"};
  Clock::duration delay{0};
  bool peers_read = true;    // from the start on
  std::string protocol;      // what ALPN agreed on
  bool writes_fail = false;  // of all streams, before a byte is sent

 private:
  class Wire;
  void on_accept(std::unique_ptr<net::Stream> stream) override { accepted_ = std::move(stream); }

  testing::VirtualLoop& loop_;
  std::unique_ptr<net::Stream> accepted_;
};

/// A task that runs while the test goes on.
template <class T>
class Running {
 public:
  Running(testing::VirtualLoop& loop, Task<T> task,
          Clock::duration deadline = Clock::duration::zero())
      : loop_(loop), task_(std::move(task)) {
    loop_.post([this, deadline] { begin(deadline); });
    loop_.advance(Clock::duration::zero());
  }

  bool done() const { return result_.has_value(); }
  /// Asserts that the task has ended.
  Result<T>& result() {
    KIT_ASSERT(done(), "the task is still running");
    return *result_;
  }
  T& value() { return result().value(); }
  /// "UNAVAILABLE CONNECTION_LOST"
  std::string error() {
    if (!done()) return "still running";
    if (result().ok()) return "no error";
    return std::string(name(result().error().code())) + " " + result().error().reason();
  }
  void cancel() {
    loop_.post([this] { context_->cancel(Error(Code::cancelled, "enough")); });
    loop_.advance(Clock::duration::zero());
  }

 private:
  void begin(Clock::duration deadline) {
    if (deadline > Clock::duration::zero()) {
      context_.emplace(loop_.now() + deadline);
    } else {
      context_.emplace();
    }
    Context::Entry entry(&*context_);
    auto ended = [](void* self) {
      auto* running = static_cast<Running*>(self);
      running->result_.emplace(running->task_.take());
    };
    if (task_.start(ended, this)) ended(this);
  }

  testing::VirtualLoop& loop_;
  std::optional<Context> context_;
  Task<T> task_;
  std::optional<Result<T>> result_;
};

/// A client on a virtual clock, and what it talks to.
class ClientTest : public ::testing::Test {
 protected:
  void add(Method method, std::string_view path_template, Handler handler,
           RouteOptions route = {}) {
    ASSERT_TRUE(router.add(method, path_template, std::move(handler), std::move(route)).ok());
  }
  /// Puts a real server on the other end.
  void serve() {
    server = std::make_unique<Server>(router, server_options);
    connector.server = server.get();
  }
  Client& client() {
    if (!client_) client_ = std::make_unique<Client>(connector, std::move(options));
    return *client_;
  }
  void run() { loop.advance(Clock::duration::zero()); }
  Running<Response> begin(Task<Response> task, Clock::duration deadline = Clock::duration::zero()) {
    return Running<Response>(loop, std::move(task), deadline);
  }
  Running<Response> get(std::string url, SendOptions send = {}) {
    return begin(client().get(std::move(url), send));
  }
  Running<Response> post(std::string body, SendOptions send = {}) {
    ClientRequest request;
    request.method = Method::post;
    request.url = "http://a/";
    request.body = std::move(body);
    return begin(client().send(std::move(request), send));
  }
  /// A GET whose answer is what `peer` sends.
  testing::MemoryClient& peer(std::size_t index = 0) { return *connector.peers.at(index); }
  void answer(std::string_view text, std::size_t index = 0) {
    peer(index).send(text);
    run();
  }
  ClientNumbers numbers() { return client().statistics()->total(); }

  testing::VirtualLoop loop;
  TestConnector connector{loop};
  Router router;
  ServerOptions server_options;
  std::unique_ptr<Server> server;
  ClientOptions options;

 private:
  std::unique_ptr<Client> client_;
};

inline constexpr std::string_view ok_hello =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Test: 1\r\n\r\nhello";

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace kit::http
