// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/gathered_sends.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

#include "kit/async/epoll_loop.hpp"

namespace kit::postgres::detail {
namespace {

/// Two ends of a connection over TCP on this machine.
struct TcpPair {
  TcpPair() {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener, raw, size), 0);
    EXPECT_EQ(::listen(listener, 1), 0);
    EXPECT_EQ(::getsockname(listener, raw, &size), 0);
    ours = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(ours, raw, size), 0);
    theirs = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    ::close(listener);
    const int on = 1;
    EXPECT_EQ(::setsockopt(ours, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
  }
  ~TcpPair() {
    ::close(ours);
    ::close(theirs);
  }
  std::uint32_t segments() const {
    tcp_info info{};
    socklen_t size = sizeof info;
    EXPECT_EQ(::getsockopt(ours, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_data_segs_out;
  }
  std::string receive(std::size_t count) const {
    std::string text(count, '\0');
    EXPECT_EQ(::recv(theirs, text.data(), count, MSG_WAITALL), static_cast<ssize_t>(count));
    return text;
  }
  int ours = -1;
  int theirs = -1;
};

void put(GatheredSends& sends, int socket, std::string_view text) {
  sends.add();
  EXPECT_EQ(::send(socket, text.data(), text.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(text.size()));
}

/// What is posted runs in one turn, what becomes ready in it at its end.
template <class Action>
void run_turn(Loop& loop, Action action) {
  loop.post([&] {
    action();
    loop.post([&] { loop.stop(); });
  });
  loop.run();
}

TEST(GatheredSends, WhatATurnSendsBehindTheFirstGoesTogether) {
  const auto loop = make_epoll_loop();
  ASSERT_TRUE(loop);
  const TcpPair pair;
  GatheredSends sends(**loop, pair.ours);
  run_turn(**loop, [&] {
    put(sends, pair.ours, "a");
    EXPECT_EQ(pair.receive(1), "a") << "the first does not wait";
    for (const std::string_view text : {"b", "c", "d"}) put(sends, pair.ours, text);
    EXPECT_EQ(pair.segments(), 1U);
  });
  EXPECT_EQ(pair.segments(), 2U);
  EXPECT_EQ(pair.receive(3), "bcd");
  run_turn(**loop, [&] { put(sends, pair.ours, "e"); });
  EXPECT_EQ(pair.segments(), 3U) << "nothing is held back any more";
  EXPECT_EQ(pair.receive(1), "e");
}

TEST(GatheredSends, AClosedSocketsNumberIsLeftAlone) {
  const auto loop = make_epoll_loop();
  ASSERT_TRUE(loop);
  const TcpPair pair;
  GatheredSends sends(**loop, pair.ours);
  int held = 0;
  socklen_t size = sizeof held;
  run_turn(**loop, [&] {
    put(sends, pair.ours, "a");
    put(sends, pair.ours, "b");
    sends.close();  // as if the number were somebody else's by the end of the turn
  });
  EXPECT_EQ(::getsockopt(pair.ours, IPPROTO_TCP, TCP_CORK, &held, &size), 0);
  EXPECT_EQ(held, 1);
}

TEST(GatheredSends, OtherSocketsSendAtOnce) {
  const auto loop = make_epoll_loop();
  ASSERT_TRUE(loop);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  GatheredSends sends(**loop, ends[0]);
  run_turn(**loop, [&] {
    for (const std::string_view text : {"a", "b", "c"}) put(sends, ends[0], text);
    std::array<char, 3> found{};
    EXPECT_EQ(::recv(ends[1], found.data(), found.size(), MSG_DONTWAIT), 3);
  });
  for (const int end : ends) ::close(end);
}

}  // namespace
}  // namespace kit::postgres::detail
