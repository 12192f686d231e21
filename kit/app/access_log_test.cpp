// SPDX-License-Identifier: Apache-2.0
#include "kit/app/access_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

std::string metrics(const AccessLog& log) {
  http::Router router;
  EXPECT_TRUE(log.add_metrics(router));
  std::vector<std::string_view> parameters;
  std::string scratch;
  const auto match = router.match(http::Method::get, "/metrics", parameters, scratch);
  http::Request request;
  auto loop = make_epoll_loop();
  return kit::run(**loop, match.route->handler(request))->body;
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
