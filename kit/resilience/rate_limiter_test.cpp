// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/rate_limiter.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace kit::resilience {
namespace {

using namespace std::chrono_literals;

constexpr Clock::time_point start{std::chrono::hours(1)};

std::uint64_t key_of(std::string_view text) {
  RateKey key;
  key.add(text);
  return key.value();
}

TEST(Rate, IsCheckedAtEachLimit) {
  const auto problem = [](Rate rate) {
    const Result<> checked = rate.check();
    return checked.ok() ? std::string("fine") : checked.error().message();
  };
  EXPECT_EQ(problem({.requests = 1, .per = 1ms}), "fine");
  EXPECT_EQ(problem({.requests = 0, .per = 1s}), "requests must be at least 1");
  EXPECT_EQ(problem({.requests = 1, .per = 0ms}), "per must be at least 1 ms");
  EXPECT_EQ(problem({.requests = 1'000'000, .per = 1ms}), "fine");
  EXPECT_EQ(problem({.requests = 1'000'001, .per = 1ms}),
            "requests must be at most one a nanosecond");
  EXPECT_EQ(problem({.requests = 1, .per = std::chrono::days(31)}), "fine");
  EXPECT_EQ(problem({.requests = 1, .per = std::chrono::days(31) + 1ms}),
            "per must be at most 31 days");
  EXPECT_EQ(problem({.requests = 1, .per = std::chrono::days(1), .burst = 31}), "fine");
  EXPECT_EQ(problem({.requests = 1, .per = std::chrono::days(1), .burst = 32}),
            "burst takes more than 31 days to come back; lower it or raise the rate");
  EXPECT_EQ(problem({.requests = 4'294'967'295, .per = 1h, .burst = 4'294'967'295}), "fine");
}

TEST(Rate, AnIntervalIsRoundedUp) {
  EXPECT_EQ((Rate{.requests = 3, .per = 1s}).interval(), 333'333'334ns);
  EXPECT_EQ((Rate{.requests = 4, .per = 1s}).interval(), 250ms);
}

TEST(RateLimiter, AllowsTheBurstAndThenTheRate) {
  RateLimiter limiter({.requests = 10, .per = 1s, .burst = 3}, 8);
  auto now = start;
  for (std::uint32_t left : {2U, 1U, 0U}) {
    const RateDecision decision = limiter.ask(7, now);
    EXPECT_TRUE(decision.allowed);
    EXPECT_EQ(decision.limit, 3U);
    EXPECT_EQ(decision.remaining, left);
    EXPECT_EQ(decision.retry_after, 0ns);
  }
  RateDecision decision = limiter.ask(7, now);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.retry_after, 100ms);
  EXPECT_EQ(decision.reset, 300ms);
  now += 100ms - 1ns;
  EXPECT_FALSE(limiter.ask(7, now).allowed);
  EXPECT_EQ(limiter.ask(7, now).retry_after, 1ns);
  now += 1ns;
  EXPECT_TRUE(limiter.ask(7, now).allowed);  // refusals in between cost nothing
  EXPECT_FALSE(limiter.ask(7, now).allowed);
  EXPECT_TRUE(limiter.ask(8, now).allowed);  // another key
  now += 300ms;
  EXPECT_EQ(limiter.look(7, now).remaining, 2U);
  EXPECT_EQ(limiter.look(7, now).remaining, 2U);
  EXPECT_EQ(limiter.look(9, now).reset, 100ms);
}

TEST(RateLimiter, ACostIsTakenAtOnceOrNotAtAll) {
  RateLimiter limiter({.requests = 10, .per = 1s}, 8);
  EXPECT_EQ(limiter.ask(1, start, 7).remaining, 3U);
  const RateDecision refused = limiter.ask(1, start, 4);
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.remaining, 3U);
  EXPECT_EQ(refused.retry_after, 100ms);
  EXPECT_TRUE(limiter.ask(1, start, 3).allowed);
  EXPECT_TRUE(limiter.ask(2, start, 10).allowed);
  const RateDecision never = limiter.ask(3, start, 11);
  EXPECT_FALSE(never.allowed);
  EXPECT_EQ(never.retry_after, RateDecision::never);
  EXPECT_TRUE(limiter.ask(3, start, 10).allowed);
}

TEST(RateLimiter, ATimeThatGoesBackGivesNothingAway) {
  RateLimiter limiter({.requests = 1, .per = 1s, .burst = 2}, 8);
  EXPECT_TRUE(limiter.ask(1, start).allowed);
  EXPECT_TRUE(limiter.ask(1, start).allowed);
  EXPECT_FALSE(limiter.ask(1, start - 10s).allowed);
  EXPECT_FALSE(limiter.ask(1, start - 1s).allowed);
  EXPECT_FALSE(limiter.ask(1, start + 999ms).allowed);
}

TEST(RateLimiter, ANewRateHoldsAtOnceAndOldDebtsDoNotOutliveIt) {
  RateLimiter limiter({.requests = 1, .per = 1h, .burst = 100}, 8);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.ask(1, start).allowed);
  limiter.apply({.requests = 10, .per = 1s}, start);
  EXPECT_EQ(limiter.rate(), (Rate{.requests = 10, .per = 1s}));
  const RateDecision decision = limiter.ask(1, start);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.retry_after, 100ms);  // not 99 hours
  EXPECT_FALSE(limiter.ask(1, start + 99ms).allowed);
  EXPECT_TRUE(limiter.ask(1, start + 100ms).allowed);
  EXPECT_FALSE(limiter.ask(1, start + 100ms).allowed);
}

/// An attacker who sends under ever new keys to have their own forgotten.
TEST(RateLimiter, AFloodOfKeysGivesNobodyAFreshBurst) {
  const Rate rate{.requests = 10, .per = 10s, .burst = 5};
  RateLimiter limiter(rate, 64);
  std::map<std::uint64_t, int> allowed;
  std::mt19937_64 random(1);
  int all = 0;
  for (int i = 0; i < 200'000; ++i) {
    // Their own keys over and over, and others between.
    const std::uint64_t key = i % 2 == 0 ? key_of(std::to_string(i % 20)) : random();
    if (limiter.ask(key, start).allowed) {
      ++allowed[key];
      ++all;
    }
  }
  for (const auto& [key, times] : allowed) EXPECT_LE(times, 5);
  // What a table of 64 places can give away at one instant.
  EXPECT_LE(all, 64 * 5);
  EXPECT_GT(limiter.displaced(), 0U);
  // And it serves again when the debts are paid.
  EXPECT_TRUE(limiter.ask(random(), start + 5s).allowed);
}

/// Never more than burst + rate * time in any window of time, whatever the keys, the times, the
/// costs and the size of the table.
TEST(RateLimiter, NoKeyEverGetsMoreThanBurstAndRate) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t most) { return random() % most; };
    Rate rate;
    rate.requests = static_cast<std::uint32_t>(1 + below(50));
    rate.per = std::chrono::milliseconds(1 + below(5'000));
    rate.burst = static_cast<std::uint32_t>(1 + below(20));
    ASSERT_TRUE(rate.check().ok());
    RateLimiter limiter(rate, std::size_t{8} << below(4));
    const std::uint64_t keys = 1 + below(200);
    struct Taken {
      Clock::time_point at;
      std::uint32_t cost;
    };
    std::map<std::uint64_t, std::vector<Taken>> taken;
    auto now = start;
    for (int i = 0; i < 3'000; ++i) {
      if (below(3) == 0) now += rate.interval() * below(1000) / 500;
      const std::uint64_t key = key_of(std::to_string(below(keys)));
      const auto cost = static_cast<std::uint32_t>(1 + below(3));
      if (limiter.ask(key, now, cost).allowed) taken[key].push_back({now, cost});
    }
    for (const auto& [key, list] : taken) {
      for (std::size_t first = 0; first < list.size(); ++first) {
        std::uint64_t sum = 0;
        for (std::size_t last = first; last < list.size(); ++last) {
          sum += list[last].cost;
          const auto time = list[last].at - list[first].at;
          const auto most = rate.burst + static_cast<std::uint64_t>(time / rate.interval());
          ASSERT_LE(sum, most) << "seed " << seed << " requests " << first << " to " << last;
        }
      }
    }
  }
}

/// A key that keeps to its rate is never refused, as long as the table has room.
TEST(RateLimiter, WhoKeepsToTheRateIsNeverRefused) {
  const Rate rate{.requests = 7, .per = 1s, .burst = 2};
  RateLimiter limiter(rate, 1'024);
  std::mt19937_64 random(3);
  auto now = start;
  for (int i = 0; i < 10'000; ++i) {
    now += rate.interval() + std::chrono::nanoseconds(random() % 1'000);
    for (std::uint64_t key = 1; key < 20; ++key) {
      const RateDecision decision = limiter.ask(key_of(std::to_string(key)), now);
      ASSERT_TRUE(decision.allowed);
      ASSERT_EQ(decision.remaining, 1U);
    }
  }
  EXPECT_EQ(limiter.displaced(), 0U);
}

TEST(SipHash, IsThePublishedOne) {
  // The vector of appendix A of the paper: 15 bytes 00 01 .. 0e under the key 00 01 .. 0f.
  detail::HashKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  std::string text;
  for (char c = 0; c < 15; ++c) text.push_back(c);
  detail::SipHash<2, 4> hash(key);
  hash.add(text);
  EXPECT_EQ(hash.finish(), 0xa129ca6149be45e5ULL);
}

TEST(RateKey, PartsAreKeptApart) {
  const auto of = [](std::initializer_list<std::string_view> parts) {
    RateKey key;
    for (std::string_view part : parts) key.add(part);
    return key.value();
  };
  EXPECT_EQ(of({"ab", "c"}), of({"ab", "c"}));
  EXPECT_NE(of({"ab", "c"}), of({"a", "bc"}));
  EXPECT_NE(of({"abc"}), of({"abc", ""}));
  EXPECT_NE(of({"12345678", "x"}), of({"12345678x", ""}));
}

}  // namespace
}  // namespace kit::resilience
