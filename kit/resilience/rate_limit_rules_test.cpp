// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/rate_limit_rules.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace kit::resilience {
namespace {

using namespace std::chrono_literals;

constexpr Clock::time_point start{std::chrono::hours(1)};

struct Sent {
  std::string method = "GET";
  std::string route = "/api/v1/tracks/{id}";
  std::string address = "192.0.2.1";
  std::string user{};
  std::string api_key{};
  std::map<std::string, std::string> headers{};
};

class RulesTest : public ::testing::Test {
 protected:
  RateLimitAnswer ask(const Sent& sent = {}) {
    const auto header = [&](std::string_view name) -> std::optional<std::string_view> {
      const auto found = sent.headers.find(std::string(name));
      if (found == sent.headers.end()) return std::nullopt;
      return found->second;
    };
    return rules.ask({.method = sent.method,
                      .route = sent.route,
                      .address = sent.address,
                      .user = sent.user,
                      .api_key = sent.api_key,
                      .header = header},
                     now);
  }
  /// How many of 20 are allowed.
  int allowed(const Sent& sent) {
    int count = 0;
    for (int i = 0; i < 20; ++i) count += ask(sent).allowed() ? 1 : 0;
    return count;
  }
  void use(std::vector<RateLimitRule> wanted) {
    const Result<> replaced = rules.replace(std::move(wanted), now);
    ASSERT_TRUE(replaced.ok()) << replaced.error().message();
  }

  RateLimitRules rules;
  Clock::time_point now = start;
};

RateLimitRule rule(std::string name, std::vector<RateKeyPart> key, std::uint32_t requests) {
  RateLimitRule made;
  made.name = std::move(name);
  made.key = std::move(key);
  made.rate = {.requests = requests, .per = 10s};
  made.keys = 1'024;
  return made;
}

TEST_F(RulesTest, WithoutRulesEverythingPasses) {
  const RateLimitAnswer answer = ask();
  EXPECT_TRUE(answer.allowed());
  EXPECT_EQ(answer.rule, "");
  EXPECT_EQ(answer.rate_limit, "");
}

TEST_F(RulesTest, SaysWhatIsLeftInTheFieldsOfTheDraft) {
  use({rule("default", {RateKeyPart::address}, 2)});
  RateLimitAnswer answer = ask();
  EXPECT_EQ(answer.policy, "\"default\";q=2;w=10");
  EXPECT_EQ(answer.rate_limit, "\"default\";r=1;t=5");
  answer = ask();
  EXPECT_EQ(answer.rate_limit, "\"default\";r=0;t=10");
  now += 1ms;
  answer = ask();
  EXPECT_FALSE(answer.allowed());
  EXPECT_EQ(answer.rate_limit, "\"default\";r=0;t=10");
  const Error error = answer.error();
  EXPECT_EQ(error.code(), Code::resource_exhausted);
  EXPECT_EQ(error.reason(), "RATE_LIMITED");
  EXPECT_EQ(error.retry_after(), 4'999ms);
  EXPECT_EQ(error.message(), "the limit \"default\" is used up; try again in 5 s");
}

TEST_F(RulesTest, MatchesByRouteMethodAndCaller) {
  RateLimitRule writes = rule("writes", {}, 3);
  writes.routes = {"/api/v1/tracks/{id}", "/auth/*"};
  writes.methods = {"POST", "PUT"};
  writes.callers = CallerKind::anonymous;
  use({writes});
  EXPECT_EQ(allowed({.method = "GET"}), 20);
  EXPECT_EQ(allowed({.method = "POST", .route = "/api/v1/tracks"}), 20);
  EXPECT_EQ(allowed({.method = "POST", .user = "ada"}), 20);
  EXPECT_EQ(allowed({.method = "POST", .api_key = "k1"}), 20);
  EXPECT_EQ(allowed({.method = "POST"}), 3);
  EXPECT_EQ(allowed({.method = "PUT", .route = "/auth/login"}), 0);  // one counter
  writes.callers = CallerKind::user;
  use({writes});
  EXPECT_EQ(allowed({.method = "POST"}), 20);
  EXPECT_EQ(allowed({.method = "POST", .user = "ada"}), 0);
}

TEST_F(RulesTest, CountsByEachPart) {
  use({rule("user", {RateKeyPart::user}, 3)});
  EXPECT_EQ(allowed({}), 20);  // nobody in particular: another rule's business
  EXPECT_EQ(allowed({.user = "ada"}), 3);
  EXPECT_EQ(allowed({.address = "192.0.2.9", .user = "ada"}), 0);
  EXPECT_EQ(allowed({.user = "bob"}), 3);
  use({rule("key", {RateKeyPart::api_key, RateKeyPart::route}, 4)});
  EXPECT_EQ(allowed({.api_key = "k1"}), 4);
  EXPECT_EQ(allowed({.route = "/x", .api_key = "k1"}), 4);
  EXPECT_EQ(allowed({.api_key = "k1"}), 0);
  use({rule("caller", {RateKeyPart::caller}, 5)});
  EXPECT_EQ(allowed({.user = "ada"}), 5);
  EXPECT_EQ(allowed({.api_key = "ada"}), 5);  // not the user of that name
  EXPECT_EQ(allowed({.address = "ada"}), 5);
  EXPECT_EQ(allowed({.address = "192.0.2.9", .user = "ada"}), 0);
  RateLimitRule tenant = rule("tenant", {RateKeyPart::header}, 6);
  tenant.header = "x-tenant";
  use({tenant});
  EXPECT_EQ(allowed({.headers = {{"x-tenant", "a"}}}), 6);
  EXPECT_EQ(allowed({.headers = {{"x-tenant", "b"}}}), 6);
  EXPECT_EQ(allowed({}), 6);
  EXPECT_EQ(allowed({.address = "192.0.2.8"}), 0);  // all without it together
}

TEST_F(RulesTest, AnIpv6ClientIsItsNetwork) {
  use({rule("address", {RateKeyPart::address}, 3)});
  EXPECT_EQ(allowed({.address = "2001:db8:1:2:3:4:5:6"}), 3);
  EXPECT_EQ(allowed({.address = "2001:db8:1:2:ffff::1"}), 0);
  EXPECT_EQ(allowed({.address = "2001:db8:1:3::1"}), 3);
  EXPECT_EQ(allowed({.address = "192.0.2.1"}), 3);
  EXPECT_EQ(allowed({.address = "::ffff:192.0.2.1"}), 0);
  EXPECT_EQ(rate_limit_address("2001:DB8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(rate_limit_address("::1"), "::/64");
  EXPECT_EQ(rate_limit_address("nonsense:"), "nonsense:");
  EXPECT_EQ(rate_limit_address(std::string(10'000, '1')).size(), 46U);
  EXPECT_EQ(rate_limit_address(std::string(10'000, ':')).size(), 46U);
}

/// Who is over one limit must not use up another that is shared.
TEST_F(RulesTest, WhatOneRefusesCountsForNone) {
  for (const bool shared_first : {true, false}) {
    RateLimitRule shared = rule(shared_first ? "shared-a" : "shared-b", {}, 10);
    RateLimitRule own = rule("own", {RateKeyPart::address}, 3);
    use(shared_first ? std::vector{shared, own} : std::vector{own, shared});
    const std::string net = shared_first ? "192.0.2." : "198.51.100.";
    EXPECT_EQ(allowed({.address = net + "1"}), 3);
    EXPECT_EQ(ask({.address = net + "1"}).rule, "own");
    EXPECT_EQ(allowed({.address = net + "2"}), 3);
    EXPECT_EQ(allowed({.address = net + "3"}), 3);
    EXPECT_EQ(allowed({.address = net + "4"}), 1);
    EXPECT_EQ(ask({.address = net + "5"}).rule, shared.name);
  }
}

TEST_F(RulesTest, ShowsTheRuleThatLeavesLeast) {
  use({rule("wide", {}, 100), rule("narrow", {RateKeyPart::address}, 10)});
  EXPECT_EQ(ask().rule, "narrow");  // 9 of 10 is less than 99 of 100
  for (int i = 0; i < 15; ++i) ask({.address = "192.0.2." + std::to_string(i + 10)});
  EXPECT_EQ(ask({.address = "192.0.2.200"}).rule, "wide");
}

TEST_F(RulesTest, ReplacingKeepsTheCountsOfWhatStays) {
  const RateLimitRule a = rule("a", {RateKeyPart::address}, 3);
  RateLimitRule b = rule("b", {RateKeyPart::user}, 3);
  use({a, b});
  EXPECT_EQ(allowed({.user = "ada"}), 3);
  b.rate.requests = 100;
  use({b, a});  // order does not matter
  EXPECT_EQ(allowed({.user = "ada"}), 0);
  RateLimitRule more = a;
  more.rate = {.requests = 1, .per = 1s, .burst = 5};
  use({more});
  EXPECT_EQ(ask().decision.limit, 5U);
  EXPECT_FALSE(ask().allowed());  // the debt is now of the new window, all of it
  now += 1s;
  EXPECT_TRUE(ask().allowed());
  // Another key is another rule.
  RateLimitRule other = a;
  other.key = {RateKeyPart::route};
  use({other});
  EXPECT_EQ(allowed({}), 3);
  const auto counts = rules.counts();
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].allowed, 3U);
  EXPECT_EQ(counts[0].refused, 17U);
}

TEST_F(RulesTest, RefusesRulesThatCannotBeRight) {
  const auto problem = [&](auto change) {
    RateLimitRule wrong = rule("a", {RateKeyPart::address}, 3);
    change(wrong);
    const Result<> replaced = rules.replace({wrong}, now);
    return replaced.ok() ? std::string("fine") : replaced.error().message();
  };
  use({rule("stays", {}, 1)});
  EXPECT_EQ(problem([](RateLimitRule& r) { r.name = ""; }),
            "rate_limit.name must be 1 to 64 of a-z, 0-9, '-' and '_'");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.name = "a\";x"; }),
            "rate_limit.name must be 1 to 64 of a-z, 0-9, '-' and '_'");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.name = std::string(65, 'a'); }),
            "rate_limit.name must be 1 to 64 of a-z, 0-9, '-' and '_'");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.cost = 0; }), "rate_limit.a.cost must be at least 1");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.cost = 4; }),
            "rate_limit.a.cost is more than the burst: nothing would pass");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.keys = 7; }),
            "rate_limit.a.keys must be 8 to 16777216");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.rate.requests = 0; }),
            "rate_limit.a: requests must be at least 1");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.key = {RateKeyPart::header}; }),
            "rate_limit.a.header must name the header of the key");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.header = "x"; }), "rate_limit.a.header is in no key");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.routes = {"api"}; }),
            "rate_limit.a.routes must begin with '/'");
  const Result<> twice = rules.replace({rule("a", {}, 1), rule("a", {}, 2)}, now);
  EXPECT_EQ(twice.error().message(), "rate_limit.a is there twice; give one another name");
  EXPECT_EQ(rules.rules().at(0).name, "stays");
  std::vector<RateLimitRule> many;
  for (int i = 0; i < 64; ++i) many.push_back(rule("r" + std::to_string(i), {}, 100));
  EXPECT_TRUE(rules.replace(many, now).ok());
  EXPECT_EQ(ask().decision.remaining, 99U);
  EXPECT_EQ(rules.counts().back().allowed, 1U);
  many.push_back(rule("r64", {}, 100));
  EXPECT_EQ(rules.replace(many, now).error().message(), "rate_limit must be at most 64 rules");
  EXPECT_EQ(problem([](RateLimitRule& r) { r.name = std::string(64, 'a'); }), "fine");
}

}  // namespace
}  // namespace kit::resilience
