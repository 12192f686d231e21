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

void send_request(int client) {
  const std::string_view request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(send(client, request.data(), request.size(), MSG_NOSIGNAL), ssize(request));
}

std::string read_all(int client) {
  std::string received;
  char buffer[4096];
  for (ssize_t got; (got = recv(client, buffer, sizeof buffer, 0)) > 0;)
    received.append(buffer, static_cast<std::size_t>(got));
  return received;
}

/// A client's socket, and where it is to connect to.
struct Dial {
  explicit Dial(int port) : client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  explicit Dial(const std::string& name) : client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    path.sun_family = AF_UNIX;
    name.copy(path.sun_path, sizeof path.sun_path - 1);
    size = sizeof path;
  }
  ~Dial() { close(client); }
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  int client;
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_un path{};
  };
  socklen_t size = sizeof v4;
};

/// Empty when nobody listens.
template <class Place>
std::string fetch(const Place& place) {
  const Dial dial(place);
  if (connect(dial.client, &dial.any, dial.size) != 0) return {};
  send_request(dial.client);
  return read_all(dial.client);
}

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

/// What clients read whose connection and request nobody has looked at when the drain begins.
template <class Place>
Task<int> drained_with_clients_waiting(Fixture& fixture, Workers::Options options, Place place) {
  auto workers = co_await Workers::start(fixture.router, options);
  options.socket.reset();
  if constexpr (std::is_same_v<Place, int>) place = workers->port();
  std::vector<std::unique_ptr<Dial>> dials;
  for (int i = 0; i < 20; ++i) {
    const auto& dial = dials.emplace_back(std::make_unique<Dial>(place));
    EXPECT_EQ(connect(dial->client, &dial->any, dial->size), 0);
    send_request(dial->client);
  }
  co_await workers->drain(std::chrono::seconds(5));
  int good = 0;
  for (const auto& dial : dials) good += read_all(dial->client).ends_with("here") ? 1 : 0;
  co_return good;
}

TEST(Workers, ServeWhoWaitsWhenTheDrainBegins) {
  Fixture fixture;
  auto loop = make_epoll_loop();
  EXPECT_EQ(*kit::run(**loop, drained_with_clients_waiting(fixture, on_threads(1), 0)), 20);
  EXPECT_EQ(*kit::run(**loop, drained_with_clients_waiting(fixture, on_threads(3), 0)), 20);
}

TEST(Workers, ServeWhoWaitsOnASocketWhenTheDrainBegins) {
  Fixture fixture;
  auto loop = make_epoll_loop();
  std::string folder = testing::TempDir() + "kit-workers-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/socket";
  Workers::Options options = on_threads(2);
  options.socket = std::move(*net::ListeningSocket::open_unix(path));
  EXPECT_EQ(*kit::run(**loop, drained_with_clients_waiting(fixture, std::move(options), path)), 20);
  std::filesystem::remove_all(folder);
}

/// Goes round by another loop.
class Detour final : public Operation<void> {
 public:
  explicit Detour(LoopRemote by) : by_(std::move(by)) {}
  ~Detour() { detach(); }

 private:
  void start() override {
    *self_ = this;
    by_.post([home = Loop::current().remote(), self = self_] {
      home.post([self] {
        if (*self != nullptr) (*self)->succeed();
      });
    });
  }
  void detach() override { *self_ = nullptr; }
  LoopRemote by_;
  std::shared_ptr<Detour*> self_ = std::make_shared<Detour*>();  // the thread's that waits
};

Task<int> drained_while_a_thread_needs_the_first_loop() {
  http::Router router;
  const auto handler = [first = Loop::current().remote(),
                        main = std::this_thread::get_id()](http::Request&) -> Task<http::Response> {
    if (std::this_thread::get_id() != main) {
      co_await sleep_for(std::chrono::milliseconds(200));
      co_await Detour(first);
    }
    http::Response response;
    response.body = "here";
    co_return response;
  };
  Result<> added = router.add(http::Method::get, "/", handler);
  co_await std::move(added);
  auto workers = co_await Workers::start(router, on_threads(3));
  std::vector<std::unique_ptr<Dial>> dials;
  for (int i = 0; i < 20; ++i) {
    const auto& dial = dials.emplace_back(std::make_unique<Dial>(workers->port()));
    EXPECT_EQ(connect(dial->client, &dial->any, dial->size), 0);
    send_request(dial->client);
  }
  co_await workers->drain(std::chrono::seconds(5));
  int good = 0;
  for (const auto& dial : dials) good += read_all(dial->client).ends_with("here") ? 1 : 0;
  co_return good;
}

TEST(Workers, TheFirstLoopTurnsWhileTheOthersDrain) {
  auto loop = make_epoll_loop();
  EXPECT_EQ(*kit::run(**loop, drained_while_a_thread_needs_the_first_loop()), 20);
}

}  // namespace
}  // namespace kit::app
