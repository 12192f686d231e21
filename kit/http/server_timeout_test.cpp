// SPDX-License-Identifier: Apache-2.0
// Slow clients and slow handlers, on a virtual clock.
#include "kit/http/server_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view get_root = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string head_of_post(std::size_t length) {
  return "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: " +
         std::to_string(length) + "\r\n\r\n";
}

/// Sends `bytes` one at a time, one each `interval`, until the server closes; returns how long that
/// took.
Clock::duration drip(testing::VirtualLoop& loop, testing::MemoryClient& client,
                     std::string_view bytes, Clock::duration interval) {
  const auto start = loop.now();
  for (char c : bytes) {
    client.send({&c, 1});
    loop.advance(interval);
    if (!client.received().empty() || client.closed()) break;
  }
  return loop.now() - start;
}

TEST_F(ServerTest, EndsDrippingHeaders) {
  auto client = connect();
  const auto lasted =
      drip(loop, *client, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(100, 'x'), 900ms);
  EXPECT_GE(lasted, 10s);
  EXPECT_LT(lasted, 11s);
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 408 Request Timeout\r\n"));
  loop.advance(3s);
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, ThreeHundredDrippersHarmNobody) {
  options.limits.connections_per_peer = 1000;
  std::vector<std::unique_ptr<testing::MemoryClient>> drippers;
  for (int i = 0; i < 300; ++i) drippers.push_back(connect());
  auto honest = connect();
  for (int second = 0; second < 14; ++second) {
    for (auto& dripper : drippers) {
      if (!dripper->closed())
        dripper->send(std::string_view(get_root).substr(static_cast<std::size_t>(second), 1));
    }
    honest->send(get_root);
    loop.advance(1s);
    EXPECT_TRUE(honest->take().ends_with("hello"));
  }
  EXPECT_EQ(server->connections(), 1U);
}

TEST_F(ServerTest, EndsDrippingBodies) {
  auto client = connect();
  client->send(head_of_post(1000));
  const auto lasted = drip(loop, *client, std::string(1000, 'x'), 100ms);  // 10 bytes a second
  EXPECT_GE(lasted, 5s);
  EXPECT_LT(lasted, 5500ms);
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 408"));
}

TEST_F(ServerTest, TakesBodiesAtTheMinimumRate) {
  auto client = connect();
  client->send(head_of_post(4000));
  drip(loop, *client, std::string(4000, 'x'), 4ms);  // 250 bytes a second, 16 s
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, EndsBodiesThatTakeTooLong) {
  auto client = connect();
  client->send(head_of_post(20'000));
  const auto lasted = drip(loop, *client, std::string(20'000, 'x'), 3ms);  // fast enough, but 60 s
  EXPECT_GE(lasted, 30s);
  EXPECT_LT(lasted, 31s);
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 408"));
}

TEST_F(ServerTest, EndsDrippingChunks) {
  auto client = connect();
  client->send(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: "
      "chunked\r\n\r\n");
  const auto lasted = drip(loop, *client, "1;" + std::string(500, 'e'), 50ms);
  EXPECT_GE(lasted, 5s);
  EXPECT_LT(lasted, 6s);
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 408"));
}

TEST_F(ServerTest, ClosesConnectionsThatNeverSayAnything) {
  auto client = connect();
  loop.advance(9900ms);
  EXPECT_FALSE(client->closed());
  loop.advance(200ms);
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(client->take(), "");
}

TEST_F(ServerTest, ClosesIdleConnectionsSilently) {
  auto client = connect();
  client->send(get_root);
  loop.advance(59s);
  EXPECT_FALSE(client->closed());
  client->take();
  client->send(get_root);  // the time begins anew
  loop.advance(59s);
  EXPECT_FALSE(client->closed());
  EXPECT_TRUE(client->take().ends_with("hello"));
  loop.advance(2s);
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(client->take(), "");
}

TEST_F(ServerTest, ClosesConnectionsThatNeverSay) {
  auto client = connect();
  loop.advance(61s);
  EXPECT_TRUE(client->closed());
  EXPECT_EQ(client->take(), "");
}

TEST_F(ServerTest, CutsReadersThatStall) {
  auto client = connect({.capacity = 1000});
  client->pause_reading(true);
  client->send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  loop.advance(29s);
  EXPECT_EQ(server->connections(), 1U);
  loop.advance(2s);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, ToleratesReadersThatProgress) {
  auto client = connect({.capacity = 100'000});
  client->pause_reading(true);
  client->send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
  for (int i = 0; i < 4; ++i) {
    loop.advance(25s);
    client->pause_reading(false);
    client->pause_reading(true);
  }
  client->pause_reading(false);
  run();
  EXPECT_EQ(count_of(client->take(), big), 1U);
}

TEST_F(ServerTest, AnswersForHandlersThatTakeTooLong) {
  auto client = connect();
  client->send("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n" + std::string(get_root));
  loop.advance(4900ms);
  EXPECT_EQ(client->take(), "");
  loop.advance(200ms);
  const std::string answer = client->take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Connection: close\r\n"));
  EXPECT_TRUE(has(answer, "X-Request-Id: "));
  EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1U);
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(cancelled_with, "DEADLINE_EXCEEDED");
  EXPECT_EQ(recorder.lines, std::vector<std::string>{"GET /stuck 504"});
  loop.advance(3s);
  EXPECT_TRUE(client->closed());
}

TEST_F(ServerTest, CapsTheTimeOfARoute) {
  auto client = connect();
  client->send("GET /patient HTTP/1.1\r\nHost: a\r\n\r\n");
  loop.advance(59s);
  EXPECT_EQ(handler_budget, 60s);
  EXPECT_EQ(client->take(), "");
  loop.advance(2s);
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 504"));
}

TEST_F(ServerTest, TheClientMayAskForLessTime) {
  struct Case {
    std::string_view field;
    Clock::duration budget;
  };
  for (const Case& wanted :
       {Case{"Request-Timeout-Ms: 250", 250ms}, Case{"grpc-timeout: 1S", 1s},
        Case{"grpc-timeout: 99999999n", 99'999'999ns}, Case{"GRPC-Timeout: 1M", 5s},
        Case{"Request-Timeout-Ms: 99999999", 5s}, Case{"grpc-timeout: 99999999H", 5s},
        Case{"Request-Timeout-Ms: 0", 0s},
        // Malformed: as if it were not there.
        Case{"Request-Timeout-Ms: -1", 5s}, Case{"Request-Timeout-Ms: 1e3", 5s},
        Case{"Request-Timeout-Ms:", 5s}, Case{"grpc-timeout: 5", 5s}, Case{"grpc-timeout: S", 5s},
        Case{"grpc-timeout: 123456789n", 5s}}) {
    auto client = connect();
    handler_budget = -1s;
    client->send("GET /stuck HTTP/1.1\r\nHost: a\r\n" + std::string(wanted.field) + "\r\n\r\n");
    run();
    EXPECT_EQ(handler_budget, wanted.budget) << wanted.field;
    loop.advance(wanted.budget + 50ms);
    EXPECT_TRUE(client->take().starts_with("HTTP/1.1 504")) << wanted.field;
  }
}

TEST_F(ServerTest, TheClientsTimeCountsFromItsHead) {
  auto client = connect();
  client->send(
      "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
      "Request-Timeout-Ms: 1500\r\n\r\n1");
  loop.advance(1s);
  client->send("2");
  loop.advance(499ms);
  EXPECT_EQ(client->take(), "");
  loop.advance(51ms);
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 504"));
}

TEST_F(ServerTest, TheGuardComesBeforeBodyAndHandler) {
  struct Locked final : RequestGuard {
    std::optional<Error> admit(const Request& request, const Router::Route&,
                               Admission&) const override {
      if (request.header("authorization")) return std::nullopt;
      return Error(Code::unauthenticated, "a token is needed").with_reason("TOKEN_MISSING");
    }
  } locked;
  options.guard = &locked;
  const std::string refused = exchange(
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nExpect: "
      "100-continue\r\nContent-Length: 5\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 Unauthorized")) << refused;
  EXPECT_TRUE(has(refused, "TOKEN_MISSING"));
  EXPECT_TRUE(exchange("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 401"));
  EXPECT_EQ(started, 0);
  EXPECT_TRUE(exchange("GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\n\r\n").ends_with("hello"));
  // What is nowhere is nowhere for everybody.
  EXPECT_TRUE(exchange("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 404"));
}

TEST_F(ServerTest, AnEmptyLineBeginsNothing) {
  auto client = connect();
  client->send(std::string(get_root) + "\r\n");
  loop.advance(15s);  // longer than a head may take
  EXPECT_TRUE(client->take().ends_with("hello"));
  EXPECT_FALSE(client->closed());
  client->send("GET / HT");
  loop.advance(9s);
  EXPECT_FALSE(client->closed());
  loop.advance(2s);
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 408"));
}

TEST_F(ServerTest, LingersSoThatARefusalIsRead) {
  auto client = connect();
  client->send(
      "POST /small HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: "
      "100000\r\n\r\n");
  run();
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 413"));
  for (int i = 0; i < 10; ++i) {
    client->send(std::string(10'000, 'x'));
    loop.advance(100ms);
  }
  EXPECT_EQ(client->unsent(), 0U);  // read and dropped, not reset
  loop.advance(2s);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, MeasuresTheTimeOfHandlersThatWait) {
  exchange("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", 2s);
  EXPECT_EQ(recorder.last_duration, 1s);
}

TEST_F(ServerTest, LimitsQueryParameters) {
  options.limits.query_parameters = 3;
  const auto get = [](std::string_view query) {
    return "GET /echo/a?" + std::string(query) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_TRUE(exchange(get("a&b=1&c")).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(exchange(get("a&b=1&c&d")).starts_with("HTTP/1.1 400"));
  EXPECT_FALSE(last_closed);
}

TEST_F(ServerTest, ARouteMayGiveItsBodiesMoreTime) {
  RouteOptions upload;
  upload.consumes = {"text/plain"};
  upload.body_timeout = 100s;
  const auto count = [](Request& request) -> Task<Response> {
    Response response;
    response.body = "read " + std::to_string(request.body.size());
    co_return response;
  };
  ASSERT_TRUE(router.add(Method::post, "/upload", count, upload).ok());
  for (const bool in_time : {true, false}) {
    auto client = connect();
    client->send(
        "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: "
        "100000\r\n\r\n");
    const std::string second(500, 'u');  // faster than the minimum rate
    for (int i = 0; i < (in_time ? 99 : 101); ++i) {
      client->send(second);
      loop.advance(1s);
    }
    if (in_time) client->send(std::string(100'000 - 99 * 500, 'u'));
    run();
    EXPECT_TRUE(has(client->take(), in_time ? "read 100000" : "HTTP/1.1 408"));
  }
}

TEST_F(ServerTest, CountsTheLimitsThatAreReached) {
  options.limits.connections_per_peer = 3;
  options.limits.requests_per_connection = 2;
  options.connections = std::make_shared<ConnectionTable>(options.limits);
  const LimitCounts& counts = options.connections->limit_counts();
  const std::string line_end = " HTTP/1.1\r\nHost: a\r\n";
  exchange("GET /" + std::string(9000, 'x') + line_end + "\r\n");
  EXPECT_EQ(counts.value(Limit::request_line_bytes), 1U);
  exchange("GET /" + line_end + "X: " + std::string(17'000, 'x') + "\r\n\r\n");
  EXPECT_EQ(counts.value(Limit::header_field_bytes), 1U);
  std::string block;
  for (int i = 0; i < 3; ++i) block += "X: " + std::string(12'000, 'x') + "\r\n";
  exchange("GET /" + line_end + block + "\r\n");
  EXPECT_EQ(counts.value(Limit::header_bytes), 1U);
  block.clear();
  for (int i = 0; i < 100; ++i) block += "X: y\r\n";
  exchange("GET /" + line_end + block + "\r\n");
  EXPECT_EQ(counts.value(Limit::header_count), 1U);
  exchange("POST /small" + line_end + "Content-Type: text/plain\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(counts.value(Limit::body_bytes), 1U);
  exchange("POST /small" + line_end +
           "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n");
  EXPECT_EQ(counts.value(Limit::body_bytes), 2U);
  exchange("GET /" + line_end, 11s);
  EXPECT_EQ(counts.value(Limit::header_timeout), 1U);
  exchange("", 11s);
  EXPECT_EQ(counts.value(Limit::header_timeout), 2U);
  exchange(head_of_post(10), 11s);
  EXPECT_EQ(counts.value(Limit::body_bytes_per_second), 1U);
  exchange("GET /stuck" + line_end + "\r\n", 6s);
  EXPECT_EQ(counts.value(Limit::handler_timeout), 1U);
  exchange(get_root, 61s);
  EXPECT_EQ(counts.value(Limit::idle_timeout), 1U);
  exchange(std::string(get_root) + std::string(get_root));
  EXPECT_EQ(counts.value(Limit::requests_per_connection), 1U);
  std::vector<std::unique_ptr<testing::MemoryClient>> many;
  for (int i = 0; i < 4; ++i) many.push_back(connect());
  EXPECT_EQ(counts.value(Limit::connections_per_peer), 1U);
  EXPECT_EQ(name(Limit::http2_empty_frames), "http2_empty_frames");
}

}  // namespace
}  // namespace kit::http
