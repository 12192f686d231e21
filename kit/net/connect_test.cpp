// SPDX-License-Identifier: Apache-2.0
#include "kit/net/connect.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/net/async_stream.hpp"
#include "kit/net/listen.hpp"
#include "kit/net/tls_test_support.hpp"

namespace kit::net {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

Addresses addresses(const std::vector<std::string>& texts) {
  Addresses made;
  for (const std::string& text : texts) made.push_back(*IpAddress::parse(text));
  return made;
}

Task<Addresses> known(Addresses found) {
  co_return found;
}
Lookup names(const std::vector<std::string>& texts) {
  return [found = addresses(texts)](const std::string&) { return known(found); };
}

/// A socket of 127.0.0.x that listens, or is only bound: connections to it are refused.
class Port {
 public:
  explicit Port(bool listens, int backlog = 16)
      : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    if (listens) {
      EXPECT_EQ(::listen(descriptor_, backlog), 0);
    }
    socklen_t size = sizeof address;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&address), &size);
    number_ = ntohs(address.sin_port);
  }
  ~Port() {
    for (const int filler : fillers_) ::close(filler);
    ::close(descriptor_);
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  int number() const { return number_; }

  /// Takes every place in its queue: who connects now hears nothing.
  void fill() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(number_));
    for (int i = 0; i < 4; ++i) {
      const int filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const int connected =
          ::connect(filler, reinterpret_cast<sockaddr*>(&address), sizeof address);
      EXPECT_TRUE(connected == 0 || errno == EINPROGRESS);
      fillers_.push_back(filler);
    }
  }

 private:
  int descriptor_, number_ = 0;
  std::vector<int> fillers_;
};

class ConnectTest : public ::testing::Test {
 protected:
  /// What connecting to `host` ends with: the peer, or the reason.
  std::string connect(Lookup lookup, int port, ConnectOptions options = {},
                      const std::string& host = "host.example") {
    Resolver resolver({}, std::move(lookup));
    auto made = run(*loop, connect_tcp(host, port, resolver, options));
    message = made.ok() ? "" : made.error().message();
    return made.ok() ? std::string((*made)->peer()) : made.error().reason();
  }
  std::unique_ptr<Loop> loop = std::move(*make_epoll_loop());
  std::string message;
};

TEST_F(ConnectTest, Connects) {
  const Port port(true);
  EXPECT_EQ(connect(names({"127.0.0.1"}), port.number()), "127.0.0.1");
  EXPECT_EQ(connect(names({}), port.number(), {}, "127.0.0.1"), "127.0.0.1");
}

TEST_F(ConnectTest, SaysWhomItCouldNotReachAndWhy) {
  const Port port(false);
  EXPECT_EQ(connect(names({"127.0.0.1"}), port.number()), "CONNECTION_REFUSED");
  EXPECT_THAT(message,
              HasSubstr("host.example:" + std::to_string(port.number()) + ": Connection refused"));
  EXPECT_EQ(connect(names({}), port.number()), "HOST_NOT_FOUND");
  EXPECT_THAT(message, HasSubstr("host.example:" + std::to_string(port.number())));
  EXPECT_EQ(connect(names({"127.0.0.1"}), 0), "");
  EXPECT_EQ(connect(names({"127.0.0.1"}), 65536), "");
}

TEST_F(ConnectTest, ARefusalStartsTheNextAtOnce) {
  const Port port(true);
  // 127.0.0.2 has nobody at that port; a stagger of an hour would not end.
  EXPECT_EQ(connect(names({"127.0.0.2", "::1", "127.0.0.1"}), port.number(),
                    {.timeout = 5s, .stagger = 1h}),
            "127.0.0.1");
}

TEST_F(ConnectTest, TheNextIsTriedBesideASilentOne) {
  Port silent(true, 0);
  silent.fill();
  const auto listener_socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
  address.sin_port = htons(static_cast<std::uint16_t>(silent.number()));
  ASSERT_EQ(::bind(listener_socket, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener_socket, 4), 0);
  EXPECT_EQ(
      connect(names({"127.0.0.1", "127.0.0.2"}), silent.number(), {.timeout = 60s, .stagger = 1ms}),
      "127.0.0.2");
  ::close(listener_socket);
}

TEST_F(ConnectTest, SilenceEndsInATimeout) {
  Port silent(true, 0);
  silent.fill();
  EXPECT_EQ(connect(names({"127.0.0.1"}), silent.number(), {.timeout = 20ms}), "CONNECT_TIMEOUT");
  EXPECT_THAT(message, HasSubstr("host.example:"));
}

Task<Addresses> never(std::string) {
  Sleep sleep(1h);
  co_await sleep;
  co_return Addresses{};
}

TEST_F(ConnectTest, TheLookupCountsToo) {
  EXPECT_EQ(connect(never, 80, {.timeout = 20ms}), "CONNECT_TIMEOUT");
}

TEST_F(ConnectTest, ADeadlineClosesEverything) {
  Port silent(true, 0);
  silent.fill();
  Resolver resolver({}, names({"127.0.0.1", "127.0.0.1"}));
  const int before = ::dup(0);
  ::close(before);
  const auto late =
      run(*loop, with_deadline(20ms, connect_tcp("host.example", silent.number(), resolver,
                                                 {.timeout = 60s, .stagger = 1ms})));
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  const int after = ::dup(0);
  ::close(after);
  EXPECT_EQ(after, before);  // no descriptor is left
}

TEST_F(ConnectTest, AFilterHasTheLastWord) {
  const Port port(true);
  int asked = 0;
  const AddressFilter none = [&asked](const IpAddress&) { return ++asked, false; };
  EXPECT_EQ(connect(names({"127.0.0.1", "::1"}), port.number(), {.filter = &none}),
            "ADDRESS_REFUSED");
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(connect(names({}), port.number(), {.filter = &none}, "127.0.0.1"), "ADDRESS_REFUSED");
  // An IPv4 address in IPv6 form leads to the same host: it is asked about as what it is.
  const AddressFilter v6 = [](const IpAddress& address) { return address.is_v6(); };
  EXPECT_EQ(connect(names({"::ffff:127.0.0.1"}), port.number(), {.filter = &v6}),
            "ADDRESS_REFUSED");
  const AddressFilter v4 = [](const IpAddress& address) { return !address.is_v6(); };
  EXPECT_EQ(connect(names({"::1", "127.0.0.1"}), port.number(), {.filter = &v4}), "127.0.0.1");
}

TEST_F(ConnectTest, MayBeDroppedWhenTheLoopHasEnded) {
  Port port(true, 0);
  port.fill();
  Resolver resolver({}, names({"127.0.0.1"}));
  std::optional<Task<std::unique_ptr<Stream>>> connecting(
      connect_tcp("host.example", port.number(), resolver));
  loop->post([&] {
    EXPECT_FALSE(connecting->start([](void*) {}, nullptr));
    loop->stop();
  });
  loop->run();
  connecting.reset();
}

TEST(Interleave, AlternatesFamilies) {
  EXPECT_EQ(interleave(addresses({"::1", "::2", "::3", "1.1.1.1", "2.2.2.2"})),
            addresses({"::1", "1.1.1.1", "::2", "2.2.2.2", "::3"}));
  EXPECT_EQ(interleave(addresses({"1.1.1.1", "2.2.2.2", "::1"})),
            addresses({"1.1.1.1", "::1", "2.2.2.2"}));
  EXPECT_TRUE(interleave({}).empty());
}

Task<std::string> say(Connector& connector, Endpoint endpoint, std::string text) {
  auto made = co_await connector.connect(std::move(endpoint));
  AsyncStream stream(std::move(made));
  co_await stream.write(text);
  std::string echoed;
  std::array<char, 64> buffer{};
  while (echoed.size() < text.size()) {
    const std::size_t count = co_await stream.read(buffer);
    if (count == 0) break;
    echoed.append(buffer.data(), count);
  }
  co_return echoed;
}

/// Listens while it connects: over TCP, TLS and a Unix socket.
Task<std::string> through_sockets(Endpoint endpoint, Resolver& resolver, const std::string& path,
                                  TestAuthority& authority) {
  TlsServerOptions server;
  server.certificates = {authority.issue()};
  auto context = co_await TlsContext::make_server(server);
  auto store = std::make_shared<TlsStore>(context);
  EchoServer echo;
  TlsAcceptor acceptor(store, echo);
  AcceptHandler& handler = endpoint.tls ? static_cast<AcceptHandler&>(acceptor) : echo;
  std::unique_ptr<ListeningSocket> socket;
  std::unique_ptr<Listener> listener;
  if (endpoint.host.starts_with("unix:")) {
    socket = co_await ListeningSocket::open_unix(path);
    listener = co_await socket->serve(handler);
  } else {
    ListenOptions where;
    listener = co_await listen_tcp(where, handler);
    endpoint.port = listener->port();
  }
  TlsClientOptions client;
  client.ca = authority.file();
  auto trusted = co_await TlsContext::make_client(client);
  const auto connector = make_connector(resolver, std::make_shared<TlsStore>(trusted));
  std::string echoed = co_await say(*connector, std::move(endpoint), "over sockets");
  co_return echoed;
}

TEST_F(ConnectTest, AConnectorSpeaksTcpTlsAndUnix) {
  TestAuthority authority;
  Resolver resolver({}, names({"127.0.0.1"}));
  const std::string path = authority.path("socket");
  for (const std::string& host : {std::string("localhost"), "unix:" + path}) {
    for (const bool tls : {false, true}) {
      const auto echoed = run(
          *loop, through_sockets({.host = host, .port = 0, .tls = tls}, resolver, path, authority));
      ASSERT_TRUE(echoed.ok()) << echoed.error().describe();
      EXPECT_EQ(*echoed, "over sockets") << host << tls;
    }
  }
}

TEST_F(ConnectTest, AUnixSocketMustBeThere) {
  TestAuthority authority;
  const auto missing = run(*loop, connect_unix(authority.path("none")));
  EXPECT_EQ(missing.error().reason(), "SOCKET_NOT_FOUND");
  const auto refused = run(*loop, connect_unix(authority.file()));
  EXPECT_EQ(refused.error().reason(), "CONNECTION_REFUSED");
  const auto too_long = run(*loop, connect_unix(std::string(108, 'x')));
  EXPECT_EQ(too_long.error().reason(), "BAD_SOCKET_PATH");
}

TEST_F(ConnectTest, ConnectTlsNeedsAServerThatSpeaksIt) {
  TestAuthority authority;
  const Port port(true);
  Resolver resolver({}, names({"127.0.0.1"}));
  TlsClientOptions client;
  client.ca = authority.file();
  const auto context = *TlsContext::make_client(client);
  const auto late =
      run(*loop,
          with_deadline(20ms, connect_tls("localhost", port.number(), resolver, context, {"h2"})));
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
}

}  // namespace
}  // namespace kit::net
