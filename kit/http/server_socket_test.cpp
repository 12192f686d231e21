// SPDX-License-Identifier: Apache-2.0
// The server on real sockets: loopback, epoll, a thread of its own.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/http/server.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool counts_memory = false;  // the sanitizers have their own heap
#else
constexpr bool counts_memory = true;
#endif
#else
constexpr bool counts_memory = true;
#endif

Task<Response> hello(Request& request) {
  Response response;
  response.body = "hello " + std::string(request.peer);
  co_return response;
}

Task<Response> slow(Request&) {
  co_await sleep_for(5ms);
  Response response;
  response.body = std::string(3'000'000, 's');
  co_return response;
}

/// A server on a free port, on its own thread, until destroyed.
class Running {
 public:
  explicit Running(const std::string& address = "127.0.0.1") {
    EXPECT_TRUE(router_.add(Method::get, "/", hello).ok());
    EXPECT_TRUE(router_.add(Method::get, "/slow", slow).ok());
    options_.limits.connections_per_peer = 5000;
    options_.limits.connections = 5000;
    std::promise<int> port;
    thread_ = std::thread([this, address, &port] {
      loop_ = std::move(*make_epoll_loop());
      server_ = std::make_unique<Server>(router_, options_);
      loop_->post([this, address, &port] {
        net::ListenOptions listen;
        listen.address = address;
        auto listener = net::listen_tcp(listen, *server_);
        EXPECT_TRUE(listener.ok());
        listener_ = std::move(*listener);
        port.set_value(listener_->port());
      });
      loop_->run();
      listener_.reset();
      server_.reset();
    });
    port_ = port.get_future().get();
  }
  ~Running() {
    loop_->stop();
    thread_.join();
  }
  int port() const { return port_; }
  /// Runs `action` on the server's thread and waits for its result.
  std::size_t ask(Function<std::size_t(Server&)> action) {
    std::promise<std::size_t> answer;
    loop_->post([&] { answer.set_value(action(*server_)); });
    return answer.get_future().get();
  }

 private:
  Router router_;
  ServerOptions options_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<net::Listener> listener_;
  std::thread thread_;
  int port_ = 0;
};

class Socket {
 public:
  explicit Socket(int port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  void send(std::string_view text) {
    EXPECT_EQ(::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// Reads until `count` bytes have come, or the end.
  std::string receive(std::size_t count) {
    std::string text;
    char buffer[65536];
    while (text.size() < count) {
      const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
      if (got <= 0) break;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  int descriptor_;
};

constexpr std::string_view get_root = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(ServerOnSockets, Answers) {
  Running running;
  Socket client(running.port());
  client.send(get_root);
  EXPECT_TRUE(client.receive(100).ends_with("\r\n\r\nhello 127.0.0.1"));
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(client.receive(100'000).ends_with("\r\n\r\nhello 127.0.0.1"));  // and closes
}

TEST(ServerOnSockets, SendsMoreThanASocketTakes) {
  Running running;
  Socket client(running.port());
  client.send(
      "GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /slow HTTP/1.1\r\nHost: a\r\nConnection: "
      "close\r\n\r\n");
  std::this_thread::sleep_for(20ms);  // polls nothing: lets the socket fill
  EXPECT_GT(client.receive(100'000'000).size(), 6'000'000U);
}

TEST(ServerOnSockets, ManyThreadsManyConnections) {
  Running running;
  std::vector<std::thread> threads;
  std::atomic<int> answered = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        Socket client(running.port());
        for (int k = 0; k < 10; ++k) {
          client.send(get_root);
          if (client.receive(100).ends_with("hello 127.0.0.1")) ++answered;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answered, 1000);
}

TEST(ServerOnSockets, IdleConnectionsAreSmall) {
  if (!counts_memory) GTEST_SKIP() << "the sanitizers have their own heap";
  Running running;
  constexpr std::size_t count = 400;
  auto serve_one = [&] {
    Socket client(running.port());
    client.send(get_root);
    EXPECT_TRUE(client.receive(100).ends_with("hello 127.0.0.1"));
    return client;
  };
  std::vector<Socket> clients;
  clients.reserve(count + 1);
  clients.push_back(serve_one());
  auto used = [](Server&) { return ::mallinfo2().uordblks; };
  const std::size_t before = running.ask(used);
  for (std::size_t i = 0; i < count; ++i) clients.push_back(serve_one());
  const std::size_t each = (running.ask(used) - before) / count;
  RecordProperty("bytes_per_idle_connection", static_cast<int>(each));
  std::printf("bytes per idle connection: %zu\n", each);
  EXPECT_EQ(running.ask([](Server& server) { return server.connections(); }), count + 1);
  EXPECT_LE(each, 1024U);
}

}  // namespace
}  // namespace kit::http
