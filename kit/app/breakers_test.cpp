// SPDX-License-Identifier: Apache-2.0
#include "kit/app/breakers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "kit/async/run.hpp"
#include "kit/json/value.hpp"
#include "kit/log/capture.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class BreakersPageTest : public ::testing::Test {
 protected:
  BreakersPageTest() {
    EXPECT_TRUE(add_breaker_routes(router_, breakers_, registry_).ok());
    stock_ = breakers_->at("http", "http://stock");
  }
  Result<http::Response> ask(http::Method method, std::string body, std::string accept) {
    auto task = [](BreakersPageTest* test, http::Method of, std::string text,
                   std::string wanted) -> Task<http::Response> {
      std::vector<std::string_view> parameters;
      std::string scratch;
      const auto match = test->router_.match(of, "/debug/breakers", parameters, scratch);
      http::Request request;
      const std::array<http::Header, 1> headers{{{"Accept", wanted}}};
      request.headers = headers;
      request.body = text;
      request.peer = "127.0.0.1";
      Task<http::Response> answering = match.route->handler(request);
      http::Response response = co_await std::move(answering);
      co_return std::move(response);
    };
    return run(loop_, task(this, method, std::move(body), std::move(accept)));
  }
  http::Response get(std::string accept = "*/*") {
    return std::move(*ask(http::Method::get, "", std::move(accept)));
  }
  /// What is wrong with it, or nothing.
  std::string post(std::string body) {
    const auto answer = ask(http::Method::post, std::move(body), "");
    return answer.ok() ? "" : answer.error().message();
  }
  void fail(int times) {
    for (int i = 0; i < times; ++i) stock_->breaker().try_enter(loop_.now())->failed(loop_.now());
  }

  testing::VirtualLoop loop_;
  std::shared_ptr<resilience::Breakers> breakers_ = std::make_shared<resilience::Breakers>();
  std::shared_ptr<resilience::Dependency> stock_;
  telemetry::Registry registry_;
  http::Router router_;
};

TEST_F(BreakersPageTest, ShowsStateInputsAndOptions) {
  fail(10);
  loop_.advance(1s);
  const http::Response response = get();
  EXPECT_EQ(response.content_type, "application/json");
  const json::Value body = *json::Value::parse(response.body);
  const json::Value& stock = body["breakers"][0];
  EXPECT_EQ(*stock["kind"].string(), "http");
  EXPECT_EQ(*stock["name"].string(), "http://stock");
  EXPECT_EQ(*stock["state"].string(), "open");
  EXPECT_EQ(*stock["force"].string(), "automatic");
  EXPECT_EQ(*stock["why"].string(), "10 failures in a row");
  EXPECT_EQ(*stock["since"].string(), "1s");
  EXPECT_EQ(*stock["next_probe"].string(), "4s");
  EXPECT_EQ(*stock["consecutive_failures"].int64(), 10);
  EXPECT_EQ(*stock["window_failures"].int64(), 10);
  EXPECT_EQ(*stock["opened"].int64(), 1);
  EXPECT_EQ(*stock["retry_tokens"].number(), 10);
  EXPECT_EQ(*stock["options"]["failure_threshold"].int64(), 10);
  EXPECT_EQ(*stock["options"]["open_time"].string(), "5s");
}

TEST_F(BreakersPageTest, ShowsAPageToBrowsersAndEscapesWhatItShows) {
  breakers_->at("http", "http://<script>alert(1)</script>");
  const http::Response response = get("text/html,application/xhtml+xml,*/*;q=0.8");
  EXPECT_EQ(response.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(response.body, HasSubstr("http://stock"));
  EXPECT_THAT(response.body, HasSubstr("&lt;script&gt;"));
  EXPECT_THAT(response.body, Not(HasSubstr("<script")));
}

TEST_F(BreakersPageTest, ForcesOneAndLeavesARecord) {
  const log::Capture capture;
  EXPECT_EQ(post(R"({"kind":"http","name":"http://stock","state":"open","who":"ada",)"
                 R"("why":"it\nlies"})"),
            "");
  EXPECT_EQ(stock_->breaker().state(), resilience::BreakerState::open);
  loop_.advance(24h);
  EXPECT_FALSE(stock_->breaker().try_enter(loop_.now()));
  EXPECT_TRUE(capture.contains("\"module\":\"audit\""));
  EXPECT_TRUE(capture.contains("breaker forced"));
  EXPECT_TRUE(capture.contains("\"who\":\"ada\""));
  EXPECT_TRUE(capture.contains("it\\nlies"));
  EXPECT_THAT(get().body, HasSubstr("forced by ada: it\\nlies"));
  EXPECT_EQ(post(R"({"kind":"http","name":"http://stock","state":"automatic","who":"ada",)"
                 R"("why":"better"})"),
            "");
  EXPECT_EQ(stock_->breaker().state(), resilience::BreakerState::closed);
  std::string metrics;
  registry_.write_text(metrics);
  EXPECT_THAT(metrics, HasSubstr("breaker_forced_total{kind=\"http\",state=\"open\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("breaker_forced_total{kind=\"http\",state=\"automatic\"} 1"));
}

TEST_F(BreakersPageTest, RefusesOrdersThatCannotBeRight) {
  const std::string good = R"("kind":"http","name":"http://stock","state":"open","who":"a")";
  EXPECT_NE(post("nonsense"), "");
  EXPECT_EQ(post("[]"), "kind must not be empty");
  EXPECT_EQ(post("{" + good + "}"), "why must not be empty");
  EXPECT_EQ(post("{" + good + R"(,"why":" "})"), "why must not be empty");
  EXPECT_EQ(post("{" + good + R"(,"why":")" + std::string(201, 'x') + "\"}"),
            "why must be at most 200 characters");
  EXPECT_EQ(post(R"({"kind":"http","name":"http://stock","state":"ajar","who":"a","why":"b"})"),
            "state must be open, closed or automatic");
  EXPECT_EQ(post(R"({"kind":"http","name":"http://other","state":"open","who":"a","why":"b"})"),
            "there is no breaker of this kind and name; GET this page lists them");
  EXPECT_EQ(stock_->breaker().state(), resilience::BreakerState::closed);
  EXPECT_EQ(post("{" + good + R"(,"why":")" + std::string(200, 'x') + "\"}"), "");
}

TEST_F(BreakersPageTest, IsMeasured) {
  fail(10);
  stock_->breaker().try_enter(loop_.now());
  std::string text;
  registry_.write_text(text);
  EXPECT_THAT(text, HasSubstr("breaker_state{kind=\"http\",name=\"http://stock\"} 2"));
  EXPECT_THAT(text, HasSubstr("breaker_opened_total{kind=\"http\",name=\"http://stock\"} 1"));
  EXPECT_THAT(text, HasSubstr("breaker_calls_total{kind=\"http\",name=\"http://stock\","
                              "outcome=\"failure\"} 10"));
  EXPECT_THAT(text, HasSubstr("outcome=\"refused\"} 1"));
}

}  // namespace
}  // namespace kit::app
