// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/net/stream.hpp"
#include "kit/testing/memory_network.hpp"

namespace kit::net {
namespace {

int dial(int descriptor, int port, bool v6) {
  sockaddr_in v4_address{};
  v4_address.sin_family = AF_INET;
  v4_address.sin_port = htons(static_cast<std::uint16_t>(port));
  v4_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in6 v6_address{};
  v6_address.sin6_family = AF_INET6;
  v6_address.sin6_port = htons(static_cast<std::uint16_t>(port));
  v6_address.sin6_addr = in6addr_loopback;
  const auto* address = v6 ? reinterpret_cast<const sockaddr*>(&v6_address)
                           : reinterpret_cast<const sockaddr*>(&v4_address);
  const auto size = static_cast<socklen_t>(v6 ? sizeof v6_address : sizeof v4_address);
  return ::connect(descriptor, address, size);
}

int connect_to(int port, bool v6 = false) {
  const int descriptor = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(dial(descriptor, port, v6), 0);
  return descriptor;
}

/// Sends back what comes, and stops the loop at the end of the stream.
struct Echo final : AcceptHandler, ReadinessHandler {
  Loop* loop = nullptr;
  std::unique_ptr<Stream> stream;
  std::string peer;
  int accepted = 0;
  IoStatus last = IoStatus::ok;

  void on_accept(std::unique_ptr<Stream> fresh) override {
    ++accepted;
    peer = fresh->peer();
    stream = std::move(fresh);
    stream->watch(*this);
  }
  void on_readiness(Readiness) override {
    char buffer[1000];
    while (true) {
      auto result = stream->read(buffer);
      last = result.status;
      if (result.status == IoStatus::ok) {
        const std::string_view text(buffer, result.bytes);
        const std::string_view parts[] = {"<", text, ">"};
        EXPECT_EQ(stream->write(parts).bytes, result.bytes + 2);
        continue;
      }
      if (result.status != IoStatus::would_block) {
        stream->shutdown_write();
        loop->stop();
      }
      return;
    }
  }
};

/// Runs a loop with a listener while `client` does its part on another descriptor.
void with_listener(ListenOptions options, Echo& echo, Function<void(int port)> client) {
  auto loop = std::move(*make_epoll_loop());
  echo.loop = loop.get();
  std::unique_ptr<Listener> listener;
  loop->post([&] {
    auto listening = listen_tcp(options, echo);
    ASSERT_TRUE(listening.ok()) << listening.error().message();
    listener = std::move(*listening);
    client(listener->port());
  });
  loop->run();
  echo.stream.reset();
  listener.reset();
}

TEST(Tcp, AcceptsReadsAndWrites) {
  Echo echo;
  int client = -1;
  with_listener({}, echo, [&](int port) {
    EXPECT_GT(port, 0);
    client = connect_to(port);
    EXPECT_EQ(::send(client, "hello", 5, 0), 5);
    ::shutdown(client, SHUT_WR);
  });
  char buffer[100];
  EXPECT_EQ(::recv(client, buffer, sizeof buffer, MSG_WAITALL), 7);
  EXPECT_EQ(std::string_view(buffer, 7), "<hello>");
  ::close(client);
  EXPECT_EQ(echo.peer, "127.0.0.1");
  EXPECT_EQ(echo.last, IoStatus::closed);
}

TEST(Tcp, AnAbortedStreamIsNoEnd) {
  struct Aborting final : AcceptHandler {
    Loop* loop = nullptr;
    void on_accept(std::unique_ptr<Stream> fresh) override {
      fresh->abort();
      fresh.reset();
      loop->stop();
    }
  } aborting;
  auto loop = std::move(*make_epoll_loop());
  aborting.loop = loop.get();
  std::unique_ptr<Listener> listener;
  int client = -1;
  loop->post([&] {
    listener = std::move(*listen_tcp({}, aborting));
    client = connect_to(listener->port());
  });
  loop->run();
  char byte = 0;
  EXPECT_EQ(::recv(client, &byte, 1, 0), -1);
  EXPECT_EQ(errno, ECONNRESET);
  ::close(client);
}

TEST(Tcp, SpeaksIpv6) {
  Echo echo;
  with_listener({.address = "::1"}, echo, [&](int port) { ::close(connect_to(port, true)); });
  EXPECT_EQ(echo.peer, "::1");
}

TEST(Tcp, NamesWhyItCannotListen) {
  auto loop = std::move(*make_epoll_loop());
  loop->post([&] {
    Echo echo;
    auto bad = listen_tcp({.address = "localhost"}, echo);
    ASSERT_FALSE(bad.ok());
    EXPECT_EQ(bad.error().code(), Code::invalid_argument);
    EXPECT_FALSE(listen_tcp({.port = 65536}, echo).ok());
    EXPECT_FALSE(listen_tcp({.port = -1}, echo).ok());
    auto first = listen_tcp({}, echo);
    ASSERT_TRUE(first.ok());
    auto second = listen_tcp({.port = (*first)->port()}, echo);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code(), Code::unavailable);
    EXPECT_NE(second.error().message().find("127.0.0.1 port " + std::to_string((*first)->port()) +
                                            ": Address already in use"),
              std::string::npos)
        << second.error().message();
    loop->stop();
  });
  loop->run();
}

TEST(Tcp, SharesAPortWhenAsked) {
  auto loop = std::move(*make_epoll_loop());
  loop->post([&] {
    Echo echo;
    auto first = listen_tcp({.reuse_port = true}, echo);
    ASSERT_TRUE(first.ok());
    EXPECT_TRUE(listen_tcp({.port = (*first)->port(), .reuse_port = true}, echo).ok());
    loop->stop();
  });
  loop->run();
}

/// Whether this system lets a socket have a filter.
bool filters_work() {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sock_filter all = BPF_STMT(BPF_RET | BPF_K, 0xffffffff);
  const sock_fprog program{1, &all};
  const bool good =
      ::setsockopt(probe, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
  ::close(probe);
  return good;
}

TEST(Tcp, AnswersOnlyThoseWhoDialledBeforeItRefusesNewOnes) {
  if (!filters_work()) GTEST_SKIP() << "sockets have no filters here";
  struct Keep final : AcceptHandler {
    std::vector<std::unique_ptr<Stream>> streams;
    void on_accept(std::unique_ptr<Stream> stream) override {
      streams.push_back(std::move(stream));
    }
  } keep;
  auto loop = std::move(*make_epoll_loop());
  for (const bool v6 : {false, true}) {
    keep.streams.clear();
    loop->post([&] {
      auto listener = std::move(*listen_tcp({.address = v6 ? "::1" : "127.0.0.1"}, keep));
      const int before = connect_to(listener->port(), v6);
      listener->refuse_new();
      const int after =
          ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      dial(after, listener->port(), v6);
      EXPECT_EQ(errno, EINPROGRESS);
      tcp_info info{};
      socklen_t size = sizeof info;
      ASSERT_EQ(::getsockopt(after, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
      EXPECT_EQ(info.tcpi_state, TCP_SYN_SENT);
      listener->accept_waiting();
      listener.reset();
      ASSERT_EQ(keep.streams.size(), 1U);
      // The connection is as good as any.
      const std::string_view part = "hello";
      EXPECT_EQ(keep.streams[0]->write({&part, 1}).bytes, 5U);
      char buffer[5];
      EXPECT_EQ(::recv(before, buffer, sizeof buffer, MSG_WAITALL), 5);
      ::close(before);
      ::close(after);
      loop->stop();
    });
    loop->run();
  }
}

TEST(Tcp, ShedsConnectionsWhenDescriptorsRunOut) {
  struct Count final : AcceptHandler {
    int accepted = 0;
    void on_accept(std::unique_ptr<Stream>) override { ++accepted; }
  } count;
  auto loop = std::move(*make_epoll_loop());
  const std::uint64_t turned_away_before = connections_turned_away();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  std::unique_ptr<Listener> listener;
  int client = -1;
  std::vector<int> fillers;
  Timer end;
  loop->post([&] {
    listener = std::move(*listen_tcp({}, count));
    client = connect_to(listener->port());
    // No descriptor is left from here on.
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(client) + 1;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    for (int filler = 0; (filler = ::dup(client)) >= 0;) fillers.push_back(filler);
    end.set_action([](void* self) { static_cast<Loop*>(self)->stop(); }, loop.get());
    loop->start(end, loop->now() + std::chrono::milliseconds(200));
  });
  loop->run();
  for (int filler : fillers) ::close(filler);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  char byte = 0;
  errno = 0;
  EXPECT_LE(::recv(client, &byte, 1, MSG_DONTWAIT), 0);
  EXPECT_NE(errno, EAGAIN);  // closed by the other side, not left hanging
  ::close(client);
  EXPECT_EQ(count.accepted, 0);
  EXPECT_EQ(connections_turned_away() - turned_away_before, 1U);
  listener.reset();
}

TEST(MemoryNetwork, HasLimitedRoom) {
  testing::VirtualLoop loop;
  auto [a, b] = testing::make_memory_pair(loop, {.capacity = 10});
  const std::string_view parts[] = {"0123456", "789abc"};
  auto written = a->write(parts);
  EXPECT_EQ(written.bytes, 10U);
  EXPECT_EQ(a->write(std::span(parts).first(1)).status, IoStatus::would_block);
  char buffer[6];
  EXPECT_EQ(b->read(buffer).bytes, 6U);
  EXPECT_EQ(a->write(std::span(parts).first(1)).bytes, 6U);
  a.reset();
  EXPECT_EQ(b->read(buffer).bytes, 6U);
  EXPECT_EQ(b->read(buffer).bytes, 4U);
  EXPECT_EQ(b->read(buffer).status, IoStatus::closed);
  EXPECT_EQ(b->write(parts).status, IoStatus::closed);
}

}  // namespace
}  // namespace kit::net
