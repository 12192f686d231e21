// SPDX-License-Identifier: Apache-2.0
// What a guard may say of requests, and what it is told of them, over HTTP/1.1 and HTTP/2.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "kit/http/http2_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

/// Knows who says who he is, takes its time for some, and counts everybody.
class Doorman final : public RequestGuard {
 public:
  std::optional<Error> admit(const Request& request, const Router::Route& route,
                             Admission& admission) const override {
    if (Admission::Field* field = admission.add_field("ratelimit")) put(*field, "\"a\";r=7");
    if (route.options.is_public) return std::nullopt;
    if (request.header("x-busy")) {
      return Error(Code::unavailable, "too busy").with_retry_after(1500ms);
    }
    if (const auto name = request.header("x-name")) admission.caller = caller(*name);
    admission.waits = request.header("x-wait").has_value();
    admission.counted = true;
    ::new (admission.room()) std::string("kept");
    return std::nullopt;
  }

  Task<> enter(const Request& request, const Router::Route&, Admission& admission) const override {
    co_await sleep_for(100ms);
    if (*request.header("x-wait") == "no") {
      co_await Error(Code::unauthenticated, "who is that?").with_reason("TOKEN_UNKNOWN");
    }
    admission.caller = caller(*request.header("x-wait"));
  }

  void leave(const Left& how) const override {
    auto* const kept = static_cast<std::string*>(how.admission.room());
    EXPECT_EQ(*kept, "kept");
    std::destroy_at(kept);
    EXPECT_EQ(how.route.path_template, how.request.route);
    left.push_back(std::string(how.request.route) + " " + std::to_string(how.status) +
                   (how.cancelled ? " cancelled" : ""));
    longest = std::max(longest, how.duration);
  }

  mutable std::vector<std::string> left;
  mutable Clock::duration longest{};

 private:
  static void put(Admission::Field& field, std::string_view value) {
    field.size = static_cast<std::uint8_t>(value.copy(field.text.data(), field.text.size()));
  }
  static std::shared_ptr<const Caller> caller(std::string_view name) {
    return std::make_shared<const Caller>(Caller{std::string(name), {}});
  }
};

Task<Response> who(Request&) {
  Response response;
  response.content_type = "text/plain";
  const auto names = [] {
    const std::string subject = current_caller == nullptr ? "-" : current_caller->subject;
    const std::string user(current_log_context == nullptr ? "?" : current_log_context->user);
    return subject + "/" + user;
  };
  response.body = names();
  co_await sleep_for(10ms);
  response.body += " " + names();
  co_return response;
}

class GuardTest : public Http2Test {
 protected:
  GuardTest() {
    options.guard = &doorman;
    add("/who", who);
    RouteOptions open;
    open.is_public = true;
    add("/probe", who, open);
    add("/streamed", [](Request&) {
      Response response;
      response.stream = stream_from([](BodyWriter& out) -> Task<> {
        co_await out.write("first");
        co_await sleep_for(1h);
      });
      return answered(std::move(response));
    });
    add("/stubborn", [](Request&) -> Task<Response> {
      Context own{Context::Detached{}};
      Context::Scope scope(own);
      co_await sleep_for(1s);
      scope.leave();
      co_return Response{};
    });
  }

  void add(std::string_view path, Handler handler, RouteOptions route = {}) {
    ASSERT_TRUE(router.add(Method::get, path, std::move(handler), std::move(route)).ok());
  }
  std::string get(std::string_view path, std::string_view fields, Clock::duration time = 1s) {
    std::string request("GET ");
    request.append(path).append(" HTTP/1.1\r\nHost: a\r\n").append(fields).append("\r\n");
    return exchange(request, time);
  }

  Doorman doorman;
};

TEST_F(GuardTest, TheCallerIsKnownToTheHandlerAndItsLines) {
  EXPECT_TRUE(get("/who", "X-Name: ann\r\n").ends_with("\r\n\r\nann/ann ann/ann"));
  EXPECT_TRUE(get("/who", "").ends_with("\r\n\r\n-/ -/")) << "nothing stays of the one before";
  EXPECT_TRUE(get("/probe", "X-Name: ann\r\n").ends_with("\r\n\r\n-/ -/"));
  EXPECT_EQ(doorman.left, (std::vector<std::string>{"/who 200", "/who 200"}));
  EXPECT_EQ(doorman.longest, 10ms);
}

TEST_F(GuardTest, OneThatWaitsDecidesLater) {
  EXPECT_TRUE(get("/who", "X-Wait: bob\r\n").ends_with("\r\n\r\nbob/bob bob/bob"));
  const std::string refused = get("/who", "X-Wait: no\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 401 ")) << refused;
  EXPECT_TRUE(has(refused, "TOKEN_UNKNOWN"));
  EXPECT_EQ(doorman.left, (std::vector<std::string>{"/who 200", "/who 401"}));
}

TEST_F(GuardTest, RefusalsSayWhenToTryAgain) {
  const std::string refused = get("/who", "X-Busy: 1\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503 ")) << refused;
  EXPECT_TRUE(has(refused, "\r\nRetry-After: 2\r\n")) << "whole seconds, none too early";
  EXPECT_TRUE(has(refused, R"("retryDelay":"1.500s")")) << refused;
  EXPECT_TRUE(has(refused, "\r\nratelimit: \"a\";r=7\r\n"));
  EXPECT_TRUE(doorman.left.empty());
}

TEST_F(GuardTest, FieldsAreOfEachAnswerOverBothProtocols) {
  EXPECT_TRUE(has(get("/probe", ""), "\r\nratelimit: \"a\";r=7\r\n"));
  EXPECT_FALSE(has(get("/nowhere", ""), "ratelimit"));
  auto client = connect2();
  const auto stream = client.get("/who", {{"x-name", "eve"}});
  client.run(1s);
  EXPECT_EQ(client.answer(stream).body, "eve/eve eve/eve");
  EXPECT_EQ(client.answer(stream).field("ratelimit"), "\"a\";r=7");
  EXPECT_EQ(doorman.left, (std::vector<std::string>{"/who 200"}));
}

TEST_F(GuardTest, AStreamHasLeftWithItsHead) {
  auto client = connect();
  client->send("GET /streamed HTTP/1.1\r\nHost: a\r\n\r\n");
  run();
  EXPECT_TRUE(has(client->take(), "first"));
  EXPECT_EQ(doorman.left, (std::vector<std::string>{"/streamed 200"}));
  client.reset();
  run();
  EXPECT_EQ(doorman.left.size(), 1U);
}

TEST_F(GuardTest, AHandlerThatGoesOnHasNotLeft) {
  auto client = connect();
  client->send("GET /stubborn HTTP/1.1\r\nHost: a\r\n\r\n");
  run();
  client.reset();
  run();
  EXPECT_TRUE(doorman.left.empty()) << "its handler is still at work";
  loop.advance(2s);
  EXPECT_EQ(doorman.left, (std::vector<std::string>{"/stubborn 499 cancelled"}));
}

TEST_F(GuardTest, AtMostFourFields) {
  Admission admission;
  for (std::size_t i = 0; i < Admission::most_fields; ++i) {
    EXPECT_NE(admission.add_field("x"), nullptr);
  }
  EXPECT_EQ(admission.add_field("x"), nullptr);
  EXPECT_EQ(admission.fields().size(), Admission::most_fields);
  admission.reset();
  EXPECT_TRUE(admission.fields().empty());
}

}  // namespace
}  // namespace kit::http
