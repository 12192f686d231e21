// SPDX-License-Identifier: Apache-2.0
#include "kit/app/log_levels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/run.hpp"
#include "kit/json/value.hpp"
#include "kit/log/capture.hpp"
#include "kit/log/levels.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::app {
namespace {

using ::testing::HasSubstr;

log::Module page_log{"page"};

class LogLevelsTest : public ::testing::Test {
 protected:
  LogLevelsTest() { EXPECT_TRUE(add_log_routes(router_)); }
  ~LogLevelsTest() override {
    EXPECT_TRUE(log::set_level_for("*", log::Level::info, Clock::duration::zero()));
  }

  Result<http::Response> ask(http::Method method, std::string_view body = {}) {
    std::vector<std::string_view> parameters;
    std::string scratch;
    const auto match = router_.match(method, "/debug/log", parameters, scratch);
    http::Request request;
    request.body = body;
    request.peer = "192.0.2.7";
    return run(loop_, match.route->handler(request));
  }
  /// What is wrong with a body.
  std::string problem(std::string_view body) {
    auto answer = ask(http::Method::put, body);
    EXPECT_FALSE(answer.ok()) << body;
    if (answer) return "";
    EXPECT_EQ(answer.error().code(), Code::invalid_argument);
    return answer.error().describe();
  }

  testing::VirtualLoop loop_;
  http::Router router_;
};

TEST_F(LogLevelsTest, ShowsAndChangesLevelsAndSaysWho) {
  log::Capture capture;
  EXPECT_THAT(ask(http::Method::get)->body,
              HasSubstr(R"({"name":"page","level":"info","usual":"info"})"));
  const auto changed = ask(
      http::Method::put, R"({"module":"page","level":"debug","for":"300s","why":"slow\norders"})");
  ASSERT_TRUE(changed.ok()) << changed.error().describe();
  EXPECT_TRUE(page_log.enabled(log::Level::debug));
  EXPECT_THAT(changed->body, HasSubstr(R"({"name":"page","level":"debug","usual":"info","for":")"));
  const auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0],
              HasSubstr(R"("module":"audit","message":"log level changed","by":"192.0.2.7",)"
                        R"("why":"slow\norders","of":"page","to":"debug","for":300})"));
}

TEST_F(LogLevelsTest, NoTimeEndsAChange) {
  ASSERT_TRUE(ask(http::Method::put, R"({"module":"*","level":"trace","why":"x"})").ok());
  EXPECT_TRUE(page_log.enabled(log::Level::trace));
  ASSERT_TRUE(
      ask(http::Method::put, R"({"module":"*","level":"trace","why":"x","for":"0s"})").ok());
  EXPECT_FALSE(page_log.enabled(log::Level::debug));
}

TEST_F(LogLevelsTest, RefusesWhatItDoesNotUnderstand) {
  log::Capture capture;
  const auto with = [this](std::string_view more) {
    return problem(R"({"module":"page","level":"debug","why":"x")" + std::string(more) + "}");
  };
  EXPECT_THAT(problem("["), HasSubstr("INVALID_ARGUMENT"));
  EXPECT_THAT(problem("[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(problem("{}"), HasSubstr("module"));
  EXPECT_THAT(problem(R"({"module":"page","why":"x"})"), HasSubstr("level"));
  EXPECT_THAT(problem(R"({"module":"page","level":"loud","why":"x"})"), HasSubstr("trace, debug"));
  EXPECT_THAT(problem(R"({"module":"page","level":"info"})"), HasSubstr("why"));
  EXPECT_THAT(problem(R"({"module":"page","level":"info","why":" "})"), HasSubstr("why"));
  EXPECT_THAT(problem(R"({"module":"audit","level":"off","why":"x"})"),
              HasSubstr("always written"));
  EXPECT_THAT(with(R"(,"for":"3600.000001s")"), HasSubstr("one hour at most"));
  EXPECT_THAT(with(R"(,"for":"-1s")"), HasSubstr("one hour at most"));
  EXPECT_THAT(with(R"(,"for":60)"), HasSubstr("not a text"));
  EXPECT_THAT(with(R"(,"until":"x")"), HasSubstr("none of module"));
  EXPECT_FALSE(page_log.enabled(log::Level::debug));
  EXPECT_TRUE(capture.lines().empty());
}

TEST_F(LogLevelsTest, TakesWhatIsAtItsLimits) {
  const std::string why(200, 'x');
  const auto body = [](const std::string& reason, std::string_view time) {
    return R"({"module":"page","level":"debug","why":")" + reason + R"(","for":")" +
           std::string(time) + R"("})";
  };
  EXPECT_TRUE(ask(http::Method::put, body(why, "3600s")).ok());
  EXPECT_THAT(problem(body(why + "x", "1s")), HasSubstr("1 to 200 characters"));
}

TEST_F(LogLevelsTest, AModuleThatDoesNotExistIsNamed) {
  const auto answer = ask(http::Method::put, R"({"module":"pgae","level":"debug","why":"x"})");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), Code::not_found);
  EXPECT_THAT(answer.error().message(), HasSubstr("did you mean 'page'?"));
}

}  // namespace
}  // namespace kit::app
