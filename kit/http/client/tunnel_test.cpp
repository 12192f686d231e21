// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>

#include "kit/async/task_group.hpp"
#include "kit/http/client/client_test_support.hpp"
#include "kit/net/async_stream.hpp"
#include "kit/net/tls.hpp"
#include "kit/net/tls_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

/// Answers CONNECT and hands the connection on to the target.
class TestProxy final : public net::AcceptHandler {
 public:
  explicit TestProxy(net::AcceptHandler& next) : next_(next) {}

  void on_accept(std::unique_ptr<net::Stream> stream) override {
    group_.spawn(serve(std::move(stream)));
  }

  std::vector<std::string> asked;

 private:
  Task<> serve(std::unique_ptr<net::Stream> plain) {
    net::AsyncStream stream(std::move(plain));
    std::string head;
    std::array<char, 1> byte{};
    while (!head.ends_with("\r\n\r\n")) {
      const std::size_t count = co_await stream.read(byte);
      if (count == 0) co_return;
      head.push_back(byte[0]);
    }
    asked.push_back(std::move(head));
    // The length says nothing: what follows is the tunnel.
    const std::string_view answer = "HTTP/1.1 200 Go\r\nContent-Length: 5\r\n\r\n";
    co_await stream.write(answer);
    next_.on_accept(stream.release());
  }

  net::AcceptHandler& next_;
  TaskGroup group_{"proxy"};
};

class TunnelTest : public ClientTest {
 protected:
  TunnelTest() {
    options.proxy.url = "http://proxy:3128";
    options.proxy.authorization = Secret<std::string>("Basic eA==");
    auto made = net::TlsContext::make_client({.ca = authority_.file()});
    EXPECT_TRUE(made.ok());
    options.proxy.tls = std::make_shared<net::TlsStore>(*made);
    options.retry.attempts = 0;
  }
  /// The call's error, when the proxy answers this; and what the proxy was told.
  std::string refused(std::string_view text) {
    auto call = get("https://a/x");
    asked_ = connector.peers.back()->take();
    connector.peers.back()->send(text);
    run();
    if (!call.done()) return "still running";
    EXPECT_FALSE(contains(call.result().error().describe(), "eA=="));
    return call.error();
  }

  net::TestAuthority authority_;
  std::string asked_;
};

TEST_F(TunnelTest, SpeaksTlsWithTheTarget) {
  server = std::make_unique<Server>(router, server_options);
  add(Method::get, "/x", [](Request& request) {
    Response response;
    response.body = std::string(request.header("host").value_or("")) +
                    (request.header("proxy-authorization") ? " told" : " untold") +
                    (request.tls != nullptr ? " tls" : "");
    return answered(std::move(response));
  });
  auto context = net::TlsContext::make_server({.certificates = {authority_.issue()}});
  ASSERT_TRUE(context.ok());
  net::TlsAcceptor acceptor(std::make_shared<net::TlsStore>(*context), *server);
  TestProxy proxy(acceptor);
  connector.server = &proxy;
  for (bool one_byte : {false, true}) {
    connector.network.one_byte = one_byte;
    auto call = get("https://localhost:8443/x");
    ASSERT_TRUE(call.done());
    ASSERT_TRUE(call.result().ok()) << call.result().error().describe();
    EXPECT_EQ(call.value().body, "localhost:8443 untold tls");
    auto again = get("https://localhost:8443/x");  // on the kept tunnel
    EXPECT_EQ(again.value().status, 200);
    client().close_idle();
    run();
  }
  ASSERT_EQ(proxy.asked.size(), 2U);
  EXPECT_EQ(proxy.asked[0],
            "CONNECT localhost:8443 HTTP/1.1\r\nHost: localhost:8443\r\n"
            "Proxy-Authorization: Basic eA==\r\n\r\n");
  EXPECT_EQ(connector.endpoints[0].host, "proxy");
  EXPECT_FALSE(connector.endpoints[0].tls);
  // The certificate has to be the target's.
  EXPECT_EQ(get("https://other/x").error(), "UNAVAILABLE TLS_CERTIFICATE_REFUSED");
}

TEST_F(TunnelTest, TellsWhyThereIsNone) {
  EXPECT_EQ(refused("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n"),
            "PERMISSION_DENIED PROXY_AUTHENTICATION_REQUIRED");
  EXPECT_EQ(asked_,
            "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nProxy-Authorization: Basic eA==\r\n\r\n");
  EXPECT_EQ(refused("HTTP/1.1 403 No\r\n\r\n"), "PERMISSION_DENIED PROXY_REFUSED");
  EXPECT_EQ(refused("HTTP/1.1 302 There\r\nLocation: http://evil/\r\n\r\n"),
            "PERMISSION_DENIED PROXY_REFUSED");
  EXPECT_EQ(refused("HTTP/1.1 502 No\r\n\r\n"), "UNAVAILABLE PROXY_REFUSED");
  EXPECT_EQ(refused("HTTP/1.1 200 Go\r\n\r\nx"), "UNAVAILABLE MALFORMED_RESPONSE");
  EXPECT_EQ(refused("SSH-2.0\r\n"), "UNAVAILABLE MALFORMED_RESPONSE");
  EXPECT_EQ(refused("HTTP/1.1 200 Go\r\nX: " + std::string(20'000, 'x')),
            "UNAVAILABLE MALFORMED_RESPONSE");
  EXPECT_EQ(numbers().idle + numbers().busy, 0);
}

TEST_F(TunnelTest, AsksWithoutASecretWhenThereIsNone) {
  options.proxy.authorization = {};
  refused("HTTP/1.1 403 No\r\n\r\n");
  EXPECT_EQ(asked_, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n");
}

TEST_F(TunnelTest, TriesAgainWhenTheProxyCannotReachTheTarget) {
  options.retry.attempts = 1;
  ClientRequest request;
  request.method = Method::post;
  request.url = "https://[::1]/x";
  request.body = "nothing of it was sent";
  auto call = begin(client().send(std::move(request)));
  peer().send("HTTP/1.1 504 Late\r\n\r\n");
  loop.advance(1s);
  ASSERT_EQ(connector.peers.size(), 2U);
  EXPECT_TRUE(peer(1).take().starts_with("CONNECT [::1]:443 HTTP/1.1\r\n"));
}

TEST_F(TunnelTest, LimitsTheTime) {
  auto call = get("https://a/");
  loop.advance(16'999ms);
  EXPECT_FALSE(call.done());
  loop.advance(1ms);
  EXPECT_EQ(call.error(), "UNAVAILABLE CONNECT_TIMEOUT");
  auto ended = get("https://a/");
  peer(1).half_close();
  run();
  EXPECT_EQ(ended.error(), "UNAVAILABLE CONNECTION_LOST");
}

}  // namespace
}  // namespace kit::http
