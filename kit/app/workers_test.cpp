// SPDX-License-Identifier: Apache-2.0
#include "kit/app/workers.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <mutex>
#include <set>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"

namespace kit::app {
namespace {

/// What a client of its own thread reads for one request on a fresh connection.
std::string request_on(int client, const sockaddr* address, socklen_t size) {
  std::string received;
  if (connect(client, address, size) != 0) return received;
  const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  if (send(client, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char buffer[4096];
    for (ssize_t got; (got = recv(client, buffer, sizeof buffer, 0)) > 0;)
      received.append(buffer, static_cast<std::size_t>(got));
  }
  return received;
}

std::string fetch(int port) {
  const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string received = request_on(client, reinterpret_cast<sockaddr*>(&address), sizeof address);
  close(client);
  return received;
}
std::string fetch(const std::string& path);

struct Fixture {
  http::Router router;
  std::mutex mutex;
  std::set<std::thread::id> served_by;

  Fixture() {
    EXPECT_TRUE(router.add(http::Method::get, "/", [this](http::Request&) -> Task<http::Response> {
      const std::lock_guard lock(mutex);
      served_by.insert(std::this_thread::get_id());
      http::Response response;
      response.content_type = "text/plain";
      response.body = "here";
      co_return response;
    }));
  }
};

Workers::Options on_threads(int threads, int port = 0) {
  Workers::Options options;
  options.address = "127.0.0.1";
  options.threads = threads;
  options.port = port;
  return options;
}

/// Ends when `count` requests were answered, made by a thread so that the loop goes on.
class Fetches final : public Operation<int> {
 public:
  template <class Place>
  Fetches(const Place& place, int count) : loop_(Loop::current()) {
    thread_ = std::thread([this, place, count] {
      int good = 0;
      for (int i = 0; i < count; ++i) good += fetch(place).ends_with("here") ? 1 : 0;
      loop_.post([this, good] { succeed(good); });
    });
  }
  ~Fetches() { thread_.join(); }

 private:
  void start() override {}
  void detach() override {}
  Loop& loop_;
  std::thread thread_;
};

Task<int> serve_some(Fixture& fixture, int threads, int count) {
  auto workers = co_await Workers::start(fixture.router, on_threads(threads));
  int good = 0;
  {
    Fetches fetches(workers->port(), count);
    good = co_await fetches;
  }
  co_await workers->drain(std::chrono::seconds(5));
  if (!fetch(workers->port()).empty()) co_return -1;  // nobody listens any more
  co_return good;
}

TEST(Workers, OneThreadServesAndEnds) {
  Fixture fixture;
  auto loop = make_epoll_loop();
  EXPECT_EQ(*kit::run(**loop, serve_some(fixture, 1, 5)), 5);
  EXPECT_EQ(fixture.served_by.size(), 1U);
}

TEST(Workers, SeveralThreadsShareThePort) {
  Fixture fixture;
  auto loop = make_epoll_loop();
  EXPECT_EQ(*kit::run(**loop, serve_some(fixture, 3, 200)), 200);
  EXPECT_EQ(fixture.served_by.size(), 3U);
}

Task<std::string> second_on_same_port(Fixture& fixture) {
  auto first = co_await Workers::start(fixture.router, on_threads(2));
  auto second = Workers::start(fixture.router, on_threads(2, first->port()));
  std::string message = second ? "started" : second.error().message();
  co_return message + " / " + std::to_string(first->port());
}

TEST(Workers, ATakenPortIsRefusedThoughItIsShared) {
  Fixture fixture;
  auto loop = make_epoll_loop();
  const std::string message = *kit::run(**loop, second_on_same_port(fixture));
  EXPECT_THAT(message, testing::Not(testing::StartsWith("started")));
  EXPECT_THAT(message, testing::HasSubstr(message.substr(message.find(" / ") + 3)));
}

Task<> never_drained(Fixture& fixture) {
  auto workers = co_await Workers::start(fixture.router, on_threads(3));
  co_return;
}

TEST(Workers, EndWithoutDrain) {
  Fixture fixture;
  auto loop = make_epoll_loop();
  EXPECT_TRUE(kit::run(**loop, never_drained(fixture)));
}

/// What a client reads for one request over a Unix socket; empty when nobody listens.
std::string fetch(const std::string& path) {
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  std::string received = request_on(client, reinterpret_cast<sockaddr*>(&address), sizeof address);
  close(client);
  return received;
}

Task<int> serve_a_socket(Fixture& fixture, std::string path, int count) {
  Workers::Options options = on_threads(3);
  auto socket = co_await net::ListeningSocket::open_unix(path);
  options.socket = std::move(socket);
  auto workers = co_await Workers::start(fixture.router, options);
  options.socket.reset();
  int good = 0;
  {
    Fetches fetches(path, count);
    good = co_await fetches;
  }
  co_await workers->drain(std::chrono::seconds(5));
  if (!fetch(path).empty()) co_return -1;
  co_return good;
}

TEST(Workers, SeveralThreadsShareASocket) {
  Fixture fixture;
  auto loop = make_epoll_loop();
  std::string folder = testing::TempDir() + "kit-workers-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  EXPECT_EQ(*kit::run(**loop, serve_a_socket(fixture, folder + "/socket", 200)), 200);
  EXPECT_FALSE(std::filesystem::exists(folder + "/socket"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace kit::app
