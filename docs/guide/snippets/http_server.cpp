// SPDX-License-Identifier: Apache-2.0
// What docs/guide/http.md shows of the server: routes, answers, deadlines, bodies, other protocols.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/http/server.hpp"
#include "kit/net/async_stream.hpp"
#include "kit/testing/memory_network.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

// snippet: handler
Task<Response> show_track(Request& request) {
  const std::string_view id = request.path_parameters[0];  // digits: the template says so
  if (id == "404") {
    co_return Error(Code::not_found, "there is no such track").with_reason("TRACK_NOT_FOUND");
  }
  Response response;
  response.content_type = "application/json";
  response.body = R"({"id": ")" + std::string(id) + R"("})";
  co_return response;
}

Task<Response> add_track(Request& request) {
  if (request.body.empty()) co_return invalid("name", "is required");
  Response response;
  response.status = 201;
  response.headers.emplace_back("Location", "/api/v1/tracks/1");
  co_return response;
}

Result<> add_tracks(Router& router) {
  KIT_TRY(router.add(Method::get, "/api/v1/tracks/{id:int64}", show_track));
  RouteOptions json;
  json.consumes = {"application/json"};  // anything else: 415. Without it the route takes no body
  json.max_body_bytes = 64 * 1024;
  return router.add(Method::post, "/api/v1/tracks", add_track, json);
}
// end snippet: handler

// snippet: test
class HttpGuide : public ::testing::Test {
 protected:
  /// All that comes within `time` (virtual: an hour takes no time) when a client sends `request`.
  std::string exchange(std::string_view request, Clock::duration time = 0s) {
    if (!server) server = std::make_unique<Server>(router, options);
    testing::MemoryClient client(loop, *server);
    client.send(request);
    loop.advance(time);
    return client.take();
  }

  testing::VirtualLoop loop;
  Router router;
  ServerOptions options;
  std::unique_ptr<Server> server;
};

TEST_F(HttpGuide, ShowsATrack) {
  ASSERT_TRUE(add_tracks(router).ok());
  const std::string found = exchange("GET /api/v1/tracks/7 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(found.starts_with("HTTP/1.1 200 OK\r\n")) << found;
  EXPECT_TRUE(found.ends_with(R"({"id": "7"})")) << found;
}
// end snippet: test

constexpr std::string_view end_of_head = " HTTP/1.1\r\nHost: a\r\n\r\n";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

TEST_F(HttpGuide, AnswersErrors) {
  ASSERT_TRUE(add_tracks(router).ok());
  const auto get = [&](const std::string& path) {
    return exchange("GET " + path + std::string(end_of_head));
  };
  const std::string missing = get("/api/v1/tracks/404");
  EXPECT_TRUE(missing.starts_with("HTTP/1.1 404 Not Found\r\n")) << missing;
  EXPECT_TRUE(has(missing, R"("message":"there is no such track","status":"NOT_FOUND")"))
      << missing;
  EXPECT_TRUE(has(missing, "TRACK_NOT_FOUND"));
  EXPECT_TRUE(get("/api/v1/tracks/seven").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(get("/api/v1/tracks/7/").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(get("/api/v1/%74racks/%37").ends_with(R"({"id": "7"})"));
  const std::string post = "POST /api/v1/tracks HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n";
  EXPECT_TRUE(has(exchange(post + "\r\n{}"), " 415 "));
  EXPECT_TRUE(has(exchange(post + "Content-Type: application/json\r\n\r\n{}"), " 201 Created\r\n"));
  const std::string empty = exchange("POST /api/v1/tracks HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(has(empty, R"("field":"name","description":"is required")")) << empty;
}

// snippet: deadline
Task<Response> recommend(Request&) {
  // Whatever this waits for ends at the route's deadline; a client of ours tells it to whom it
  // asks.
  co_await sleep_for(3s);
  co_return Response{};
}

Result<> add_recommend(Router& router) {
  RouteOptions quick;
  quick.timeout = 2s;  // instead of http.handler_timeout (5 s); 60 s at most
  return router.add(Method::get, "/recommend", recommend, quick);
}

TEST_F(HttpGuide, AnswersInTime) {
  ASSERT_TRUE(add_recommend(router).ok());
  const std::string late = exchange("GET /recommend HTTP/1.1\r\nHost: a\r\n\r\n", 2s);
  EXPECT_TRUE(late.starts_with("HTTP/1.1 504 Gateway Timeout\r\n")) << late;
  const std::string impatient =
      exchange("GET /recommend HTTP/1.1\r\nHost: a\r\nRequest-Timeout-Ms: 250\r\n\r\n", 250ms);
  EXPECT_TRUE(impatient.starts_with("HTTP/1.1 504 ")) << impatient;
}
// end snippet: deadline

// snippet: guard
class TokenGuard final : public RequestGuard {
 public:
  std::optional<Error> admit(const Request& request, const Router::Route& route,
                             Admission& admission) const override {
    // RouteOptions::is_public: probes, and what a browser asks before it sends credentials.
    if (route.options.is_public) return std::nullopt;
    if (request.header("Authorization") == "Bearer sesame") {
      admission.caller = std::make_shared<const Caller>(Caller{"ali baba", {}});
      return std::nullopt;
    }
    return Error(Code::unauthenticated, "a token is needed").with_reason("TOKEN_MISSING");
  }
};
// end snippet: guard

TEST_F(HttpGuide, GuardsRoutes) {
  const TokenGuard guard;
  options.guard = &guard;
  ASSERT_TRUE(add_tracks(router).ok());
  const std::string refused = exchange(
      "POST /api/v1/tracks HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n"
      "Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 Unauthorized\r\n")) << refused;
  EXPECT_FALSE(has(refused, "100 Continue"));
  EXPECT_TRUE(has(exchange("GET /api/v1/tracks/7 HTTP/1.1\r\nHost: a\r\n"
                           "Authorization: Bearer sesame\r\n\r\n"),
                  " 200 OK\r\n"));
}

// snippet: read-body
Task<Response> count_lines(Request& request) {
  std::size_t lines = 0;
  while (true) {
    const std::string_view piece = co_await request.stream->read();  // empty: the end
    if (piece.empty()) break;
    for (const char c : piece) lines += c == '\n' ? 1 : 0;
  }
  Response response;
  response.body = std::to_string(lines);
  co_return response;
}

Result<> add_count_lines(Router& router) {
  RouteOptions streams;
  streams.consumes = {"text/csv"};
  streams.streams_body = true;
  streams.max_body_bytes = 1024 * 1024 * 1024;
  return router.add(Method::post, "/count-lines", count_lines, streams);
}
// end snippet: read-body

TEST_F(HttpGuide, ReadsABody) {
  ASSERT_TRUE(add_count_lines(router).ok());
  const std::string counted = exchange(
      "POST /count-lines HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"
      "Transfer-Encoding: chunked\r\n\r\n4\r\na\nb\n\r\n2\r\nc\n\r\n0\r\n\r\n");
  EXPECT_TRUE(counted.ends_with("\r\n\r\n3")) << counted;
}

// snippet: stream-answer
Task<> write_rows(BodyWriter& out, int count) {
  for (int row = 1; row <= count; ++row) {
    const std::string line = std::to_string(row) + "\n";
    co_await out.write(line);  // waits while the client takes nothing
  }
}

Task<Response> export_rows(Request&) {
  Response response;
  response.content_type = "text/csv";
  // No coroutine itself: what it captured need not live longer than the call.
  response.stream =
      stream_from([count = 10'000](BodyWriter& out) { return write_rows(out, count); });
  co_return response;
}
// end snippet: stream-answer

TEST_F(HttpGuide, StreamsAnAnswer) {
  ASSERT_TRUE(router.add(Method::get, "/rows", export_rows).ok());
  const std::string rows = exchange("GET /rows" + std::string(end_of_head), 1s);
  EXPECT_TRUE(has(rows, "Transfer-Encoding: chunked\r\n")) << rows.substr(0, 200);
  EXPECT_TRUE(rows.ends_with("10000\n\r\n0\r\n\r\n"));
}

// snippet: upgrade
/// Sends everything back, until the client ends.
class EchoProtocol final : public Upgrade {
 public:
  std::string_view protocol() const override { return "echo"; }
  Task<> run(net::AsyncStream& stream) override {
    std::array<char, 1024> buffer{};
    while (true) {
      const std::size_t count = co_await stream.read(buffer);
      if (count == 0) co_return;
      co_await stream.write(std::string_view(buffer.data(), count));
    }
  }
};

Task<Response> start_echo(Request& request) {
  if (request.header("Upgrade") != "echo") {
    co_return Error(Code::failed_precondition, "this speaks echo").with_http_status(426);
  }
  Response response;
  response.upgrade = std::make_unique<EchoProtocol>();  // the answer is 101
  co_return response;
}
// end snippet: upgrade

TEST_F(HttpGuide, SpeaksAnotherProtocol) {
  ASSERT_TRUE(router.add(Method::get, "/echo", start_echo).ok());
  const std::string echoed = exchange(
      "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello");
  EXPECT_TRUE(echoed.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << echoed;
  EXPECT_TRUE(echoed.ends_with("\r\n\r\nhello")) << echoed;
  EXPECT_TRUE(has(exchange("GET /echo" + std::string(end_of_head)), " 426 Upgrade Required\r\n"));
}

// snippet: drain
Task<> end_in_order(Server* server) {
  server->close_after_answers();  // clients move elsewhere; new connections are still served
  co_await sleep_for(5s);         // meanwhile /readyz says 503
  co_await server->drain(30s);    // what is under way ends, or is cut off after that
}
// end snippet: drain

TEST_F(HttpGuide, EndsInOrder) {
  ASSERT_TRUE(add_recommend(router).ok());
  ASSERT_TRUE(add_tracks(router).ok());
  const std::string before = exchange("GET /api/v1/tracks/7" + std::string(end_of_head));
  EXPECT_FALSE(has(before, "Connection: close\r\n"));
  EXPECT_TRUE(run(loop, end_in_order(server.get())).ok());
  EXPECT_EQ(server->connections(), 0U);
}

}  // namespace
}  // namespace kit::http
