// SPDX-License-Identifier: Apache-2.0
#include "kit/net/listen.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "kit/async/epoll_loop.hpp"
#include "kit/net/address.hpp"

namespace kit::net {
namespace {

using ::testing::HasSubstr;

struct Count final : AcceptHandler {
  Loop* loop = nullptr;
  int accepted = 0;
  std::string peer;
  void on_accept(std::unique_ptr<Stream> stream) override {
    ++accepted;
    peer = stream->peer();
    loop->stop();
  }
};

class ListenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "kit-listen-XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/socket";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// What connects (::connect) or binds (::bind) a new socket to the path; -1: it could not.
  int try_on_path(int (*call)(int, const sockaddr*, socklen_t)) const {
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (call(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return descriptor;
    }
    ::close(descriptor);
    return -1;
  }
  int try_dial() const { return try_on_path(::connect); }
  int dial() const {
    const int descriptor = try_dial();
    EXPECT_GE(descriptor, 0);
    return descriptor;
  }
  int bind_path() const {
    const int descriptor = try_on_path(::bind);
    EXPECT_GE(descriptor, 0);
    return descriptor;
  }
  /// A socket file that nobody listens on.
  void leave_stale_socket() const { ::close(bind_path()); }
  static std::string reason(const Result<std::unique_ptr<ListeningSocket>>& made) {
    return made.ok() ? "" : made.error().reason();
  }

  std::string folder_, path_;
};

TEST_F(ListenTest, AUnixSocketHasItsModeAndGoesWithItsOwner) {
  auto loop = std::move(*make_epoll_loop());
  Count count;
  count.loop = loop.get();
  {
    const auto socket = std::move(*ListeningSocket::open_unix(path_, 0600));
    EXPECT_EQ(socket->address(), "unix:" + path_);
    EXPECT_EQ(socket->port(), 0);
    struct stat about{};
    ASSERT_EQ(::stat(path_.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777U, 0600U);
    std::unique_ptr<Listener> listener;
    int client = -1;
    loop->post([&] {
      listener = std::move(*socket->serve(count));
      client = dial();
    });
    loop->run();
    listener.reset();
    ::close(client);
  }
  EXPECT_EQ(count.accepted, 1);
  EXPECT_EQ(count.peer, "unix");
  EXPECT_FALSE(std::filesystem::exists(path_));
}

/// What becomes of those who dialled before and after `refuse_new`.
struct Dialled {
  int accepted = 0;
  bool after_is_refused = false;
};
Dialled refuse_between(const ListeningSocket& socket, const Function<int() const>& dial) {
  struct Keep final : AcceptHandler {
    int accepted = 0;
    void on_accept(std::unique_ptr<Stream>) override { ++accepted; }
  } keep;
  Dialled dialled;
  auto loop = std::move(*make_epoll_loop());
  loop->post([&] {
    auto listener = std::move(*socket.serve(keep));
    const int before = dial();
    EXPECT_GE(before, 0);
    listener->refuse_new();
    const int after = dial();
    dialled.after_is_refused = after < 0;
    listener->accept_waiting();
    dialled.accepted = keep.accepted;
    ::close(before);
    if (after >= 0) ::close(after);
    loop->stop();
  });
  loop->run();
  return dialled;
}

TEST_F(ListenTest, RefusesNewOnesAndAcceptsWhoWaits) {
  const auto socket = std::move(*ListeningSocket::open_unix(path_));
  const Dialled dialled = refuse_between(*socket, [this] { return try_dial(); });
  EXPECT_TRUE(dialled.after_is_refused);
  EXPECT_EQ(dialled.accepted, 1);
}

TEST_F(ListenTest, WhatOthersListenOnTooRefusesNobody) {
  const int theirs = bind_path();
  ASSERT_EQ(::listen(theirs, 10), 0);
  const auto socket = std::move(*ListeningSocket::adopt(theirs));
  const Dialled dialled = refuse_between(*socket, [this] { return try_dial(); });
  EXPECT_FALSE(dialled.after_is_refused);
  EXPECT_EQ(dialled.accepted, 2);
}

TEST_F(ListenTest, OnlyAStaleSocketIsReplaced) {
  leave_stale_socket();
  const auto first = ListeningSocket::open_unix(path_);
  ASSERT_TRUE(first.ok()) << first.error().message();
  const auto second = ListeningSocket::open_unix(path_);
  EXPECT_EQ(reason(second), "ADDRESS_IN_USE");
  EXPECT_THAT(second.error().message(), HasSubstr("unix:" + path_));
  ::close(dial());  // the first still answers
}

TEST_F(ListenTest, AnythingElseStays) {
  ::close(::open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_EQ(reason(ListeningSocket::open_unix(path_)), "NOT_A_SOCKET");
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenTest, ASuccessorsSocketStays) {
  auto first = std::move(*ListeningSocket::open_unix(path_));
  std::filesystem::remove(path_);
  const auto second = std::move(*ListeningSocket::open_unix(path_));
  first.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ListenTest, PathsHaveALimit) {
  const std::string longest = folder_ + '/' + std::string(107 - folder_.size() - 1, 'x');
  EXPECT_TRUE(ListeningSocket::open_unix(longest).ok());
  EXPECT_EQ(reason(ListeningSocket::open_unix(longest + 'x')), "BAD_SOCKET_PATH");
  EXPECT_EQ(reason(ListeningSocket::open_unix("")), "BAD_SOCKET_PATH");
  EXPECT_EQ(reason(ListeningSocket::open_unix("/nowhere/at/all")), "LISTEN_FAILED");
}

TEST_F(ListenTest, AdoptsWhatListensAndNothingElse) {
  const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  EXPECT_EQ(reason(ListeningSocket::adopt(file)), "NOT_A_LISTENER");
  EXPECT_EQ(::fcntl(file, F_GETFD), -1);  // closed
  const int idle = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(reason(ListeningSocket::adopt(idle)), "NOT_A_LISTENER");
  EXPECT_EQ(reason(ListeningSocket::adopt(-1)), "NOT_A_LISTENER");
  const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(::listen(listening, 1), 0);
  const auto adopted = ListeningSocket::adopt(listening);
  ASSERT_TRUE(adopted.ok()) << adopted.error().message();
  EXPECT_EQ((*adopted)->address(), "0.0.0.0");
  EXPECT_GT((*adopted)->port(), 0);
  EXPECT_NE(::fcntl(listening, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(listening, F_GETFD) & FD_CLOEXEC, 0);
}

std::map<std::string, std::string>& environment() {
  static std::map<std::string, std::string> variables;
  return variables;
}
const char* variable(const char* name) {
  const auto found = environment().find(name);
  return found == environment().end() ? nullptr : found->second.c_str();
}

TEST(InheritedSockets, AreForThisProcessOnly) {
  const std::string self = std::to_string(::getpid());
  environment() = {};
  EXPECT_TRUE(inherited_sockets(variable)->empty());
  environment() = {{"LISTEN_PID", "1"}, {"LISTEN_FDS", "1"}};
  EXPECT_TRUE(inherited_sockets(variable)->empty());
  environment() = {{"LISTEN_PID", self}, {"LISTEN_FDS", "0"}};
  EXPECT_TRUE(inherited_sockets(variable)->empty());
  for (const char* bad : {"", "x", "-1", "65", "1 ", "99999999999"}) {
    environment() = {{"LISTEN_PID", self}, {"LISTEN_FDS", bad}};
    EXPECT_FALSE(inherited_sockets(variable).ok()) << bad;
  }
  environment() = {{"LISTEN_PID", "self"}, {"LISTEN_FDS", "1"}};
  EXPECT_FALSE(inherited_sockets(variable).ok());
  ::close(64);  // descriptor 3 + 61; nobody has it in a test
  environment() = {{"LISTEN_PID", self}, {"LISTEN_FDS", "64"}};
  EXPECT_FALSE(inherited_sockets(variable).ok());
}

TEST(PeerNetwork, IsWhatOneCustomerHas) {
  const auto check = [](std::string_view peer, std::string_view network) {
    EXPECT_EQ(peer_network(peer), network) << peer;
  };
  check("192.0.2.1", "192.0.2.1");
  check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64");
  check("2001:db8:1:2::1", "2001:db8:1:2::/64");
  check("2001:db8:1:3::1", "2001:db8:1:3::/64");
  check("::1", "::/64");
  check("::ffff:192.0.2.1", "192.0.2.1");
  check("unix", "unix");
  check("", "");
}

TEST(IpAddress, TakesNumericAddressesOnly) {
  for (const char* good : {"192.0.2.1", "::", "::1", "2001:db8::1", "::ffff:1.2.3.4"}) {
    EXPECT_TRUE(IpAddress::parse(good)) << good;
  }
  for (const char* bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "0x7f.1",
                          "2130706433", "[::1]", "::1%lo", "1.2.3.4 ", ":::"}) {
    EXPECT_FALSE(IpAddress::parse(bad)) << bad;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
  EXPECT_EQ(IpAddress::parse("2001:DB8:0:0::1")->text(), "2001:db8::1");
}

}  // namespace
}  // namespace kit::net
