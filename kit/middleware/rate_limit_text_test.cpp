// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kit/middleware/options.hpp"
#include "kit/resilience/rate_limit_rules.hpp"

namespace kit::middleware {
namespace {

using resilience::CallerKind;
using resilience::RateKeyPart;
using resilience::RateLimitRule;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string problem(std::string_view text) {
  const auto rule = parse_rate_limit_rule("login", text);
  return rule.ok() ? "" : rule.error().message();
}

TEST(RateLimitText, SaysHowManyByWhatWhereAndForWhom) {
  RateLimitRule rule = *parse_rate_limit_rule("a", "100 per 1s");
  EXPECT_EQ(rule.rate, (resilience::Rate{.requests = 100, .per = milliseconds(1'000)}));
  EXPECT_THAT(rule.key, ElementsAre(RateKeyPart::caller));
  EXPECT_THAT(rule.routes, IsEmpty());
  rule = *parse_rate_limit_rule(
      "b", "10 per 1m burst 20 by address+header:X-Tenant on POST,PUT /api/v1/login for anonymous");
  EXPECT_EQ(rule.rate,
            (resilience::Rate{.requests = 10, .per = milliseconds(60'000), .burst = 20}));
  EXPECT_THAT(rule.key, ElementsAre(RateKeyPart::address, RateKeyPart::header));
  EXPECT_EQ(rule.header, "x-tenant");
  EXPECT_THAT(rule.methods, ElementsAre("POST", "PUT"));
  EXPECT_THAT(rule.routes, ElementsAre("/api/v1/login"));
  EXPECT_EQ(rule.callers, CallerKind::anonymous);
  rule = *parse_rate_limit_rule("c", " 5  per 1h by all on /api/* ");
  EXPECT_THAT(rule.key, IsEmpty());
  EXPECT_THAT(rule.routes, ElementsAre("/api/*"));
}

TEST(RateLimitText, SaysWhichWordIsWrong) {
  EXPECT_THAT(problem(""), HasSubstr("the rule 'login' begins with how many requests"));
  EXPECT_THAT(problem("many per 1s"), HasSubstr("not 'many'"));
  EXPECT_THAT(problem("0 per 1s"), HasSubstr("not '0'"));
  EXPECT_THAT(problem("10 a 1s"), HasSubstr("needs 'per' after the number, not 'a'"));
  EXPECT_THAT(problem("10 per second"), HasSubstr("needs a time such as 1s"));
  EXPECT_THAT(problem("10 per 1s burst"), HasSubstr("after 'burst', not its end"));
  EXPECT_THAT(problem("10 per 1s by ip"), HasSubstr("not by 'ip'"));
  EXPECT_THAT(problem("10 per 1s by header:"), HasSubstr("not by 'header:'"));
  EXPECT_THAT(problem("10 per 1s on login"), HasSubstr("needs a route after 'on'"));
  EXPECT_THAT(problem("10 per 1s for robots"), HasSubstr("not for 'robots'"));
  EXPECT_THAT(problem("10 per 1s on /a by user"), HasSubstr("has 'by' where nothing more"));
}

TEST(RateLimitText, AllRulesOfASection) {
  RateLimit limits;
  EXPECT_FALSE(limits.is_on());
  limits.requests_per_second = 5;
  limits.rules["login"] = "10 per 1m by address";
  const auto rules = *limits.all();
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].name, "default");
  EXPECT_EQ(rules[1].name, "login");
  limits.rules["Login"] = "10 per 1m";
  EXPECT_FALSE(limits.all().ok()) << "names stand in header fields";
}

}  // namespace
}  // namespace kit::middleware
