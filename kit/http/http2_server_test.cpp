// SPDX-License-Identifier: Apache-2.0
// HTTP/2 as honest clients speak it: the switch, requests and answers.
#include <algorithm>
#include <memory>
#include <span>

#include "kit/http/http2_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

/// A stream whose handshake agreed on a protocol.
class Negotiated final : public net::Stream {
 public:
  Negotiated(std::unique_ptr<net::Stream> below, std::string_view protocol)
      : below_(std::move(below)), protocol_(protocol) {}
  net::IoResult read(std::span<char> into) override { return below_->read(into); }
  net::IoResult write(std::span<const std::string_view> parts) override {
    return below_->write(parts);
  }
  void watch(ReadinessHandler& handler) override { below_->watch(handler); }
  void shutdown_write() override { below_->shutdown_write(); }
  void abort() override { below_->abort(); }
  std::string_view peer() const override { return below_->peer(); }
  std::string_view application_protocol() const override { return protocol_; }

 private:
  std::unique_ptr<net::Stream> below_;
  std::string_view protocol_;
};

class Negotiator final : public net::AcceptHandler {
 public:
  Negotiator(net::AcceptHandler& server, std::string_view protocol)
      : server_(server), protocol_(protocol) {}
  void on_accept(std::unique_ptr<net::Stream> stream) override {
    server_.on_accept(std::make_unique<Negotiated>(std::move(stream), protocol_));
  }

 private:
  net::AcceptHandler& server_;
  std::string_view protocol_;
};

class Http2ServerTest : public Http2Test {
 protected:
  void add(Method method, std::string_view path, Handler handler) {
    ASSERT_TRUE(router.add(method, path, std::move(handler)).ok());
  }
  std::string negotiated(std::string_view protocol, std::string_view bytes) {
    if (!server) serve();
    Negotiator negotiator(*server, protocol);
    testing::MemoryClient client(loop, negotiator);
    client.send(bytes);
    run();
    last_closed = client.closed();
    return client.take();
  }
  std::uint32_t next_raw = 1;
};

TEST_F(Http2ServerTest, Answers) {
  options.default_headers = {{"X-Frame-Options", "DENY"}};
  auto client = connect2();
  const auto stream = client.get("/echo/7?a=b", {{"x-test", "seven"}, {"x_test", "dropped"}});
  client.run();
  const Http2Answer& answer = client.answer(stream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET /echo/7 q=a=b body= peer=192.0.2.1 route=/echo/{id} p=7 x=seven");
  EXPECT_EQ(answer.field("content-type"), "text/plain");
  EXPECT_EQ(answer.field("content-length"), std::to_string(answer.body.size()));
  EXPECT_EQ(answer.field("x-frame-options"), "DENY");
  EXPECT_EQ(answer.field("connection"), "(none)");
  EXPECT_EQ(answer.field("date").size(), 29U);
  EXPECT_EQ(answer.field("x-request-id").size(), 16U);
  EXPECT_TRUE(answer.ended && answer.closed);
  EXPECT_EQ(answer.error_code, 0U);
  EXPECT_EQ(recorder.lines, (std::vector<std::string>{"GET /echo/{id} 200"}));
}

TEST_F(Http2ServerTest, TakesTheSmallestPackets) {
  testing::MemoryNetworkOptions network;
  network.one_byte = true;
  auto client = connect2({}, network);
  const auto first = client.get("/echo/1");
  const auto second = client.send("POST", "/echo", std::string(3000, 'b'));
  client.run();
  EXPECT_EQ(client.answer(first).status, 200);
  EXPECT_EQ(client.answer(second).status, 200);
  EXPECT_TRUE(has(client.answer(second).body, "body=" + std::string(3000, 'b')));
}

TEST_F(Http2ServerTest, IsChosenByThePreface) {
  auto client = connect();
  client->send(http2_preface.substr(0, 3));
  run();
  EXPECT_EQ(client->received(), "");
  client->send(http2_preface.substr(3, 17));
  run();
  EXPECT_EQ(client->received(), "");
  client->send(http2_preface.substr(20));
  client->send(http2_frame(NGHTTP2_SETTINGS, 0, 0, ""));
  run();
  EXPECT_EQ(frames_of(client->received()).at(0).type, NGHTTP2_SETTINGS);
}

TEST_F(Http2ServerTest, IsChosenByTheHandshake) {
  EXPECT_TRUE(has(negotiated("h2", hello() + get_frame(1, "/")), "hello"));
  EXPECT_FALSE(last_closed);
  EXPECT_EQ(negotiated("h2", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "");
  EXPECT_TRUE(last_closed);
  const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  EXPECT_TRUE(has(negotiated("http/1.1", get), "HTTP/1.1 200 OK"));
  EXPECT_TRUE(has(negotiated("http/1.1", hello()), "HTTP/1.1 505 "));
}

TEST_F(Http2ServerTest, OtherBytesAreHttp1) {
  // Begins like the preface, byte for byte.
  EXPECT_TRUE(has(exchange("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"), "HTTP/1.1 505 "));
  EXPECT_TRUE(has(exchange("PRI * HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400 "));
  testing::MemoryNetworkOptions network;
  network.one_byte = true;
  EXPECT_TRUE(
      has(exchange("PUT /echo/1 HTTP/1.1\r\nHost: a\r\n\r\n", 0s, network), "HTTP/1.1 405 "));
  EXPECT_TRUE(has(exchange("P", 10s), "HTTP/1.1 408 "));
  // RFC 9113 took the upgrade from HTTP/1.1 away.
  const std::string answer = exchange(
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "
      "h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n");
  EXPECT_TRUE(has(answer, "HTTP/1.1 200 OK"));
  EXPECT_TRUE(has(answer, "hello"));
}

TEST_F(Http2ServerTest, ServesStreamsSideBySide) {
  auto client = connect2();
  std::vector<std::int32_t> slow;
  for (int i = 0; i < 20; ++i) slow.push_back(client.get("/slow?" + std::to_string(i)));
  const auto quick = client.get("/");
  client.run();
  EXPECT_EQ(client.answer(quick).status, 200);
  EXPECT_EQ(client.answer(slow[0]).status, 0);
  client.run(1s);
  for (std::size_t i = 0; i < slow.size(); ++i) {
    EXPECT_EQ(client.answer(slow[i]).body, "slow /slow?" + std::to_string(i) + "  a");
  }
  EXPECT_EQ(server->connections(), 1U);
}

TEST_F(Http2ServerTest, AnswersShareTheConnection) {
  Http2Client::Options wide;
  wide.stream_window = 1'000'000;
  auto client = connect2(wide);
  const auto first = client.get("/big");
  const auto second = client.get("/static");
  client.run();
  EXPECT_EQ(client.answer(first).body, big);
  EXPECT_EQ(client.answer(second).body, big);
  // Neither waits for the other's end.
  const auto& order = client.data_order;
  const auto first_end = std::find(order.rbegin(), order.rend(), first).base() - order.begin();
  const auto second_begin = std::find(order.begin(), order.end(), second) - order.begin();
  EXPECT_LT(second_begin, first_end / 2);
}

TEST_F(Http2ServerTest, RefusesByTheRulesOfHttp1) {
  auto client = connect2();
  const auto missing = client.get("/nothing");
  const auto wrong = client.send("DELETE", "/big");
  const auto head = client.send("HEAD", "/big");
  const auto allowed = client.send("OPTIONS", "/echo");
  const auto everywhere = client.send("OPTIONS", "*");
  const auto media = client.send("POST", "/large", "{}", {{"content-encoding", "gzip"}});
  const auto failing = client.get("/fails?invalid");
  const auto secret = client.get("/fails?throw");
  const auto empty = client.get("/empty");
  const auto odd = client.get("/empty?99");
  client.run();
  EXPECT_EQ(client.answer(missing).status, 404);
  EXPECT_EQ(client.answer(wrong).status, 405);
  EXPECT_EQ(client.answer(wrong).field("allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(client.answer(head).field("content-length"), std::to_string(big.size()));
  EXPECT_EQ(client.answer(head).body, "");
  EXPECT_EQ(client.answer(allowed).status, 204);
  EXPECT_EQ(client.answer(everywhere).status, 204);
  EXPECT_EQ(client.answer(media).status, 415);
  EXPECT_EQ(client.answer(failing).status, 400);
  EXPECT_EQ(client.answer(secret).status, 500);
  EXPECT_FALSE(has(client.answer(secret).body, "secret"));
  EXPECT_EQ(client.answer(empty).status, 204);
  EXPECT_EQ(client.answer(empty).body, "");
  EXPECT_EQ(client.answer(odd).status, 500);
  EXPECT_FALSE(client.closed());
}

TEST_F(Http2ServerTest, CleansTheFieldsOfAnswers) {
  auto client = connect2();
  const auto stream = client.get("/headers");
  client.run();
  const Http2Answer& answer = client.answer(stream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("location"), "/a  Set-Cookie: evil=1");
  EXPECT_EQ(answer.field("x-ok"), "a\tb");
  EXPECT_EQ(answer.field("bad name"), "(none)");
  EXPECT_EQ(answer.field("content-length"), "0");
}

TEST_F(Http2ServerTest, ChecksTheHead) {
  auto client = connect2();
  auto send = [&](const Fields& fields) {
    const auto stream = client.begin(fields);
    client.send_body(stream, "", true);
    client.run();
    return client.answer(stream);
  };
  const Fields plain = {{":method", "GET"}, {":scheme", "http"}, {":path", "/echo/1"}};
  auto with = [&](Fields more) {
    Fields all = plain;
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  EXPECT_EQ(send(with({{"host", "b"}})).status, 200);
  EXPECT_EQ(send(with({{":authority", "b"}, {"host", "B:80"}})).status, 200);
  EXPECT_EQ(send(with({{":authority", "b"}, {"host", "c"}})).status, 400);
  EXPECT_EQ(send(with({{":authority", "u@b"}})).status, 400);
  EXPECT_EQ(
      send({{":method", "GET"}, {":scheme", "ftp"}, {":authority", "b"}, {":path", "/"}}).status,
      400);
  EXPECT_EQ(
      send({{":method", "GET"}, {":scheme", "http"}, {":authority", "b"}, {":path", "/%0"}}).status,
      400);
  EXPECT_EQ(send({{":method", "CONNECT"}, {":authority", "b:1"}}).status, 405);
  EXPECT_EQ(send(with({{":authority", "b"}, {"expect", "magic"}})).status, 417);
  EXPECT_EQ(send(with({{":authority", "b"}, {"te", "trailers"}})).status, 200);
  // Malformed messages (RFC 9113 section 8.1.1): the stream is reset.
  auto malformed = [&](const Fields& fields) {
    const std::uint32_t id = next_raw += 2;
    auto raw = connect();
    raw->send(hello() + http2_frame(NGHTTP2_HEADERS, 5, id, http2_block(fields)) +
              get_frame(id + 2, "/"));
    run();
    bool reset = false;
    bool next_answered = false;
    for (const Frame& frame : frames_of(raw->received())) {
      reset |= frame.type == NGHTTP2_RST_STREAM && frame.stream == id &&
               frame.payload == big_endian(NGHTTP2_PROTOCOL_ERROR, 4);
      next_answered |= frame.type == NGHTTP2_HEADERS && frame.stream == id + 2;
    }
    return reset && next_answered;
  };
  EXPECT_TRUE(malformed(with({{":authority", "b"}, {"connection", "close"}})));
  EXPECT_TRUE(malformed(with({{":authority", "b"}, {"transfer-encoding", "chunked"}})));
  EXPECT_TRUE(malformed(with({{":authority", "b"}, {"upgrade", "h2c"}})));
  EXPECT_TRUE(malformed(with({{":authority", "b"}, {"te", "gzip"}})));
  EXPECT_TRUE(malformed(with({{":authority", "b"}, {"X-Upper", "1"}})));
  EXPECT_TRUE(malformed(with({{":authority", "b"}, {"x", "a\r\nb: c"}})));
  EXPECT_TRUE(malformed(with({{":authority", "b"}, {"content-length", "5"}})));
  EXPECT_TRUE(malformed(with({})));
  EXPECT_TRUE(malformed({{":method", "GET"}, {":scheme", "http"}, {":authority", "b"}}));
}

TEST_F(Http2ServerTest, JoinsCookies) {
  add(Method::get, "/cookies", [](Request& request) -> Task<Response> {
    Response response;
    response.body = std::string(request.header("cookie").value_or("")) + "|" +
                    std::string(request.header("host").value_or(""));
    co_return response;
  });
  auto client = connect2();
  const auto stream = client.get("/cookies", {{"cookie", "a=1"}, {"x", "y"}, {"cookie", "b=2"}});
  client.run();
  EXPECT_EQ(client.answer(stream).body, "a=1; b=2|a");
}

TEST_F(Http2ServerTest, AnUpgradeIsRefused) {
  class Never final : public Upgrade {
    std::string_view protocol() const override { return "never"; }
    Task<> run(net::AsyncStream&) override { co_return; }
  };
  add(Method::get, "/upgrade", [](Request&) -> Task<Response> {
    Response response;
    response.upgrade = std::make_unique<Never>();
    co_return response;
  });
  auto client = connect2();
  const auto stream = client.get("/upgrade");
  client.run();
  EXPECT_EQ(client.answer(stream).status, 400);
}

}  // namespace
}  // namespace kit::http
