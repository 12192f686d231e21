// SPDX-License-Identifier: Apache-2.0
#include "kit/app/access_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/log/capture.hpp"

namespace kit::app {
namespace {

using testing::HasSubstr;
using testing::Not;

void finish(AccessLog& log, const http::Request& request, int status,
            const Error* error = nullptr) {
  log.on_finished({.request = request,
                   .status = status,
                   .response_bytes = 12,
                   .duration = std::chrono::microseconds(5),
                   .error = error});
}

http::Request request_for(std::string_view route) {
  http::Request request;
  request.method = http::Method::get;
  request.method_name = "GET";
  request.route = route;
  request.path = "/api/v1/tracks/7";
  request.query = "search=secret-words";
  request.target = "/api/v1/tracks/7?search=secret-words";
  return request;
}

http::Response ask(const AccessLog& log, std::span<const http::Header> headers) {
  http::Router router;
  EXPECT_TRUE(log.add_metrics(router));
  std::vector<std::string_view> parameters;
  std::string scratch;
  const auto match = router.match(http::Method::get, "/metrics", parameters, scratch);
  http::Request request;
  request.headers = headers;
  auto loop = make_epoll_loop();
  return std::move(kit::run(**loop, match.route->handler(request))).value();
}

std::string metrics(const AccessLog& log) {
  return ask(log, {}).body;
}

TEST(AccessLog, CountsByMethodRouteAndStatus) {
  AccessLog log(false);
  const http::Request tracks = request_for("/api/v1/tracks/{id}");
  const http::Request nowhere = request_for("");
  for (int i = 0; i < 3; ++i) finish(log, tracks, 200);
  finish(log, tracks, 404);
  finish(log, nowhere, 404);
  const std::string text = metrics(log);
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(http_server_requests_total{method="GET",route="/api/v1/tracks/{id}",status="200"} 3)"));
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(http_server_requests_total{method="GET",route="/api/v1/tracks/{id}",status="404"} 1)"));
  EXPECT_THAT(text,
              HasSubstr(R"(http_server_requests_total{method="GET",route="",status="404"} 1)"));
}

TEST(AccessLog, MeasuresHowLongAndHowLarge) {
  AccessLog log(false);
  const http::Request tracks = request_for("/api/v1/tracks");
  const auto finish_after = [&](Clock::duration duration, std::uint64_t received) {
    log.on_finished({.request = tracks,
                     .status = 200,
                     .response_bytes = 100,
                     .duration = duration,
                     .error = nullptr,
                     .request_bytes = received});
  };
  finish_after(std::chrono::milliseconds(5), 0);
  finish_after(std::chrono::milliseconds(6), 7);
  finish_after(std::chrono::seconds(11), 8);
  const std::string text = metrics(log);
  const std::string series = R"({method="GET",route="/api/v1/tracks",status="200")";
  const std::string name = "http_server_request_duration_seconds";
  EXPECT_THAT(text, HasSubstr(name + "_bucket" + series + R"(,le="0.005"} 1)"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket" + series + R"(,le="10.0"} 2)"));
  EXPECT_THAT(text, HasSubstr(name + "_bucket" + series + R"(,le="+Inf"} 3)"));
  EXPECT_THAT(text, HasSubstr(name + "_count" + series + "} 3"));
  EXPECT_THAT(text, HasSubstr("http_server_requests_total" + series + "} 3"));
  EXPECT_THAT(text,
              HasSubstr(R"(request_body_bytes_total{method="GET",route="/api/v1/tracks"} 15)"));
  EXPECT_THAT(text, HasSubstr(R"(response_bytes_total{method="GET",route="/api/v1/tracks"} 300)"));
}

TEST(AccessLog, ShowsTheTraceOfARequestInOpenMetrics) {
  AccessLog log(false);
  LogContext context;
  context.trace_id.fill('a');
  context.span_id.fill('b');
  context.sampled = true;
  // As the server does.
  const LogContext* const before = std::exchange(current_log_context, &context);
  finish(log, request_for("/api/v1/tracks"), 200);
  current_log_context = before;
  constexpr std::string_view exemplar = R"(le="0.005"} 1 # {trace_id="aaaaaaaa)";
  const std::array<http::Header, 1> wants{{{"Accept", "application/openmetrics-text"}}};
  const http::Response open = ask(log, wants);
  EXPECT_EQ(open.content_type, telemetry::media_type(telemetry::Format::open_metrics));
  EXPECT_THAT(open.body, HasSubstr(exemplar));
  EXPECT_TRUE(open.body.ends_with("# EOF\n"));
  const http::Response plain = ask(log, {});
  EXPECT_EQ(plain.content_type, telemetry::media_type(telemetry::Format::prometheus));
  EXPECT_THAT(plain.body, Not(HasSubstr("trace_id")));
}

TEST(AccessLog, MetricsArePackedForThoseWhoTakeIt) {
  AccessLog log(false);
  for (const char* route : {"/a", "/b", "/c"}) finish(log, request_for(route), 200);
  const std::array<http::Header, 1> wants{{{"Accept-Encoding", "gzip"}}};
  const http::Response packed = ask(log, wants);
  const auto has = [&](std::string_view name, std::string_view value) {
    return std::ranges::find(packed.headers, std::pair<std::string, std::string>(name, value)) !=
           packed.headers.end();
  };
  EXPECT_TRUE(has("Content-Encoding", "gzip"));
  EXPECT_TRUE(has("Vary", "Accept, Accept-Encoding"));
  EXPECT_TRUE(packed.body.starts_with("\x1F\x8B"));
  EXPECT_LT(packed.body.size() * 4, metrics(log).size());
}

TEST(AccessLog, TwoLogsDoNotMix) {
  const http::Request tracks = request_for("/api/v1/tracks/{id}");
  for (int i = 0; i < 3; ++i) {
    AccessLog log(false);
    finish(log, tracks, 200);
    EXPECT_THAT(metrics(log), HasSubstr(R"(status="200"} 1)"));
  }
}

TEST(AccessLog, LinesNameTheRequestButNotItsQuery) {
  log::Capture capture;
  AccessLog log(true);
  finish(log, request_for("/api/v1/tracks/{id}"), 200);
  const Error why(Code::internal, "the disk is gone");
  finish(log, request_for("/api/v1/tracks/{id}"), 500, &why);
  finish(log, request_for("/healthz"), 200);
  http::Request garbage;
  garbage.peer = "192.0.2.66";
  const Error malformed(Code::invalid_argument, "the request line is no request line");
  finish(log, garbage, 400, &malformed);
  std::string lines;
  for (const std::string& line : capture.lines()) lines += line + '\n';
  EXPECT_THAT(lines, HasSubstr("/api/v1/tracks/{id}"));
  EXPECT_THAT(lines, HasSubstr("the disk is gone"));
  EXPECT_THAT(lines, Not(HasSubstr("secret-words")));
  EXPECT_THAT(lines, Not(HasSubstr("healthz")));
  EXPECT_THAT(lines, Not(HasSubstr("192.0.2.66")));
}

}  // namespace
}  // namespace kit::app
