// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "kit/http/content_type.hpp"
#include "kit/http/detail/refusals.hpp"
#include "kit/http/detail/request_ids.hpp"
#include "kit/http/detail/response_writer.hpp"
#include "kit/http/error_response.hpp"
#include "kit/http/message_test_support.hpp"
#include "kit/net/stream.hpp"

namespace kit::http {
namespace {

TEST(ErrorResponse, IsGoogleRpcStatus) {
  const Error error = Error(Code::invalid_argument, "2 fields are invalid")
                          .with_reason("VALIDATION_FAILED")
                          .with_violation("name", "must not be \"empty\"")
                          .with_violation("items[2].sku", "is unknown");
  const Response response = error_response(error, "r1");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(
      response.body,
      R"({"code":3,"message":"2 fields are invalid","status":"INVALID_ARGUMENT","details":[)"
      R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"VALIDATION_FAILED","domain":"kit"},)"
      R"({"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[)"
      R"({"field":"name","description":"must not be \"empty\""},{"field":"items[2].sku","description":"is unknown"}]},)"
      R"({"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"r1"}]})");
}

TEST(ErrorResponse, ShowsNothingOfServerErrors) {
  const Error error = Error(Code::unavailable, "host db-7 refused the password")
                          .with_reason("DB_DOWN")
                          .with_cause(Error(Code::internal, "deep secret"));
  const Response response = error_response(error, "r1");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(
      response.body,
      R"({"code":14,"message":"the service is unavailable; try again later","status":"UNAVAILABLE","details":[)"
      R"({"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"r1"}]})");
}

TEST(ErrorResponse, SaysWhenToComeBackInWholeSecondsRoundedUp) {
  const auto retry_after = [](std::chrono::milliseconds pause) {
    const Error error = Error(Code::unavailable, "busy").with_retry_after(pause);
    const Response response = error_response(error, "");
    return response.headers.empty() ? "none"
                                    : response.headers[0].first + ": " + response.headers[0].second;
  };
  using std::chrono::milliseconds;
  EXPECT_EQ(retry_after(milliseconds(0)), "none");
  EXPECT_EQ(retry_after(milliseconds(1)), "Retry-After: 1");
  EXPECT_EQ(retry_after(milliseconds(1'000)), "Retry-After: 1");
  EXPECT_EQ(retry_after(milliseconds(1'001)), "Retry-After: 2");
}

TEST(ErrorResponse, FollowsTheCodeUnlessTheErrorHasAStatus) {
  EXPECT_EQ(http_status(Code::not_found), 404);
  EXPECT_EQ(http_status(Code::unauthenticated), 401);
  EXPECT_EQ(http_status(Code::permission_denied), 403);
  EXPECT_EQ(http_status(Code::already_exists), 409);
  EXPECT_EQ(http_status(Code::aborted), 409);
  EXPECT_EQ(http_status(Code::resource_exhausted), 429);
  EXPECT_EQ(http_status(Code::cancelled), 499);
  EXPECT_EQ(http_status(Code::unimplemented), 501);
  EXPECT_EQ(http_status(Code::deadline_exceeded), 504);
  EXPECT_EQ(http_status(Code::data_loss), 500);
  EXPECT_EQ(http_status(Error(Code::failed_precondition, "x").with_http_status(412)), 412);
  EXPECT_EQ(http_status(Error(Code::failed_precondition, "x").with_http_status(200)), 400);
}

TEST(MediaType, IgnoresCaseAndParameters) {
  EXPECT_TRUE(detail::is_media_type("Text/CSV; charset=utf-8", "text/csv"));
  EXPECT_TRUE(detail::is_media_type(" text/csv ", "text/csv"));
  EXPECT_FALSE(detail::is_media_type("text/csvx", "text/csv"));
  EXPECT_FALSE(detail::is_media_type("", "text/csv"));
}

TEST(ContentType, OnlyUtf8IsUtf8) {
  for (const char* good :
       {"", "text/csv", "text/csv;", "text/csv; charset=utf-8", "text/csv;charset=UTF-8",
        "text/csv; Charset=\"Utf-8\"", "text/csv; header=present; charset=utf-8"}) {
    EXPECT_TRUE(is_utf8_text(good)) << good;
  }
  for (const char* bad :
       {"text/csv; charset=iso-8859-1", "text/csv; charset=utf8",
        "text/csv; charset=", "text/csv; charset=\"utf-8", "text/csv; charset=utf-8; charset=utf-8",
        "text/csv; charset", "text/csv; charset='utf-8'", "text/csv; charset=utf-16; x=utf-8"}) {
    EXPECT_FALSE(is_utf8_text(bad)) << bad;
  }
}

TEST(CrossSite, APageInClearIsAnotherSiteThanAnEncryptedServer) {
  const net::TlsPeer tls;
  const auto is_cross_site = [](std::string_view origin, const net::TlsPeer* peer) {
    TestRequest request(Method::post, {{"Host", "example.com"}, {"Origin", origin}});
    request.tls = peer;
    return detail::is_cross_site(request);
  };
  EXPECT_FALSE(is_cross_site("https://example.com", &tls));
  EXPECT_TRUE(is_cross_site("http://example.com", &tls));
  EXPECT_TRUE(is_cross_site("https://evil.example", &tls));
  EXPECT_TRUE(is_cross_site("null", &tls));
  EXPECT_FALSE(is_cross_site("http://example.com", nullptr));
  // Whoever decrypts for us does not tell.
  EXPECT_FALSE(is_cross_site("https://example.com", nullptr));
}

std::string_view trace_of(const LogContext& log) {
  return {log.trace_id.data(), log.trace_id.size()};
}

TEST(RequestIds, ContinueAValidTrace) {
  const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
  LogContext log;
  for (const std::string& header :
       {"00-" + id + "-00f067aa0ba902b7-01", "01-" + id + "-00f067aa0ba902b7-01-more"}) {
    detail::identify(log, header, {});
    EXPECT_EQ(trace_of(log), id);
    EXPECT_NE(std::string_view(log.span_id.data(), 16), "00f067aa0ba902b7");
  }
  const std::string zero(32, '0');
  for (const std::string& header :
       {"00-" + zero + "-00f067aa0ba902b7-01", "00-" + id + "-0000000000000000-01",
        "ff-" + id + "-00f067aa0ba902b7-01", "00-" + id + "-00f067aa0ba902b7-01-more",
        "00-" + id + "-00F067AA0BA902B7-01", "00-" + id + "-00f067aa0ba902b7",
        "00-" + id + "-00f067aa0ba902b7-0x", std::string("00")}) {
    detail::identify(log, header, {});
    EXPECT_NE(trace_of(log), id) << header;
    EXPECT_NE(trace_of(log), zero);
  }
}

TEST(RequestIds, AreHexAndDiffer) {
  std::set<std::string> seen;
  LogContext log;
  for (int i = 0; i < 10'000; ++i) {
    detail::identify(log, {}, {});
    seen.emplace(trace_of(log));
    EXPECT_TRUE(seen.emplace(log.request_id).second);
    EXPECT_EQ(trace_of(log).find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_EQ(log.request_id.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
  EXPECT_EQ(seen.size(), 20'000U);
}

TEST(ResponseWriter, WritesTheHead) {
  Response response;
  response.status = 418;
  response.body = "ignored here";
  response.headers = {{"X-A", "1"}, {"Date", "no"}, {"Transfer-Encoding", "chunked"}, {"", "x"}};
  std::string out = "before|";
  const auto size = detail::append_response(
      out, response, {.date_line = "Date: d\r\n", .request_id = "id", .close = true}, "body");
  EXPECT_EQ(out,
            "before|HTTP/1.1 418 \r\nDate: d\r\nContent-Length: 12\r\nX-Request-Id: id\r\nX-A: "
            "1\r\nConnection: close\r\n\r\nbody");
  EXPECT_EQ(size, out.size() - 11);
}

TEST(ResponseWriter, NamesAProtocolOnlyWhereItIsRequired) {
  const auto head = [](int status, const detail::ResponseOptions& options) {
    Response response;
    response.status = status;
    response.headers = {{"upgrade", "web\r\nsocket"}};
    std::string out;
    detail::append_response(out, response, options, "");
    return out.substr(out.find("\r\n") + 2);
  };
  EXPECT_EQ(head(426, {}),
            "Content-Length: 0\r\nUpgrade: web  socket\r\nConnection: Upgrade\r\n\r\n");
  EXPECT_EQ(head(426, {.date_line = {}, .request_id = {}, .close = true}),
            "Content-Length: 0\r\nUpgrade: web  socket\r\nConnection: Upgrade, close\r\n\r\n");
  EXPECT_EQ(head(426, {.date_line = {}, .request_id = {}, .says_keep_alive = true}),
            "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(head(200, {}), "Content-Length: 0\r\n\r\n");
}

TEST(ResponseWriter, AddsTheDefaultsThatAreNotSet) {
  const detail::DefaultHeaders defaults(
      {{"Cache-Control", "no-store"}, {"X-B", "a\r\nInjected: 1"}, {"Content-Length", "7"}});
  auto head = [&](const Response& response) {
    std::string out;
    detail::append_response(out, response,
                            {.date_line = {}, .request_id = {}, .defaults = &defaults}, "");
    return out.substr(out.find("\r\n") + 2);
  };
  Response response;
  EXPECT_EQ(head(response),
            "Content-Length: 0\r\nCache-Control: no-store\r\nX-B: a  Injected: 1\r\n\r\n");
  response.headers = {{"cache-control", "max-age=1"}, {"X-Bee", "2"}};
  EXPECT_EQ(head(response),
            "Content-Length: 0\r\ncache-control: max-age=1\r\nX-Bee: 2\r\n"
            "X-B: a  Injected: 1\r\n\r\n");
}

TEST(DateLine, IsAnImfFixdate) {
  detail::DateLine date;
  const std::string line(date.at(Clock::time_point() + std::chrono::hours(1)));
  EXPECT_TRUE(line.starts_with("Date: ")) << line;
  EXPECT_TRUE(line.ends_with(" GMT\r\n"));
  EXPECT_EQ(line.size(), 37U);
  EXPECT_EQ(line[9], ',');
}

}  // namespace
}  // namespace kit::http
