// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/retry.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "kit/async/run.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::resilience {
namespace {

using namespace std::chrono_literals;

TEST(RetryBudget, IsSpentByFailuresAndEarnedBySuccesses) {
  RetryBudget budget{RetryOptions{}};
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(budget.failed());  // 9, 8, 7, 6
  EXPECT_FALSE(budget.failed());                             // 5 is not more than half
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(budget.failed());
  for (int i = 0; i < 60; ++i) budget.succeeded();  // 6
  EXPECT_FALSE(budget.failed());                    // 5
  for (int i = 0; i < 1'000; ++i) budget.succeeded();
  EXPECT_EQ(budget.tokens(), 10);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(budget.failed());  // never more than ten
  EXPECT_FALSE(budget.failed());
  budget.apply({.tokens = 4});
  EXPECT_EQ(budget.tokens(), 4);
  EXPECT_TRUE(budget.failed());  // 3 of 4
}

/// Whatever fails and however often: tries are at most 1.2 times the calls, and the few that the
/// full budget has.
TEST(RetryBudget, KeepsAStormSmall) {
  for (const double failing : {0.02, 0.05, 0.09, 0.1, 0.15, 0.3, 0.5, 0.9, 1.0}) {
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> chance(0, 1);
    RetryBudget budget{RetryOptions{}};
    int tries = 0;
    constexpr int calls = 20'000;
    for (int i = 0; i < calls; ++i) {
      for (int attempt = 0; attempt < 3; ++attempt) {
        ++tries;
        if (chance(random) >= failing) {
          budget.succeeded();
          break;
        }
        if (!budget.failed()) break;
      }
    }
    EXPECT_LE(tries, calls * 1.2 + 5) << failing;
    if (failing < 0.06) {
      EXPECT_GE(tries, calls * (1 + failing * 0.9));
    }
  }
}

TEST(Backoff, IsRandomBelowABoundThatDoubles) {
  RetryOptions options;
  options.seed = 7;
  Backoff backoff(options);
  Clock::duration longest[4] = {};
  for (int i = 0; i < 1'000; ++i) {
    for (std::size_t failures : {1U, 2U, 3U, 30U}) {
      auto& most = longest[failures == 30 ? 0 : failures];
      const auto delay = backoff.delay(failures);
      EXPECT_GE(delay, 0ms);
      most = std::max(most, delay);
    }
  }
  EXPECT_LE(longest[1], 50ms);
  EXPECT_GT(longest[1], 45ms);
  EXPECT_LE(longest[2], 100ms);
  EXPECT_GT(longest[2], 90ms);
  EXPECT_LE(longest[3], 200ms);
  EXPECT_GT(longest[3], 180ms);
  EXPECT_LE(longest[0], 1s);
  EXPECT_GT(longest[0], 900ms);
  Backoff same(options);
  Backoff again(options);
  EXPECT_EQ(same.delay(3), again.delay(3));
}

TEST(RetryOptions, RefusesWhatCannotBeRight) {
  const auto problem = [](RetryOptions options) {
    const Result<> checked = options.check();
    return checked.ok() ? std::string("fine") : checked.error().message();
  };
  EXPECT_EQ(problem({}), "fine");
  EXPECT_EQ(problem({.attempts = 101}), "attempts must be at most 100");
  EXPECT_EQ(problem({.first_delay = -1ms}), "first_delay must not be negative");
  EXPECT_EQ(problem({.longest_delay = 49ms}), "longest_delay is shorter than first_delay");
  EXPECT_EQ(problem({.longest_delay = 1h + 1ms}), "longest_delay must be at most 1 h");
  EXPECT_EQ(problem({.tokens = -1}), "tokens must be 0 to 1e9");
  EXPECT_EQ(problem({.tokens = std::numeric_limits<double>::quiet_NaN()}),
            "tokens must be 0 to 1e9");
  EXPECT_EQ(problem({.tokens_per_success = 0.2}), "fine");
  EXPECT_EQ(problem({.tokens_per_success = 0.21}), "tokens_per_success must be 0 to 0.2");
}

class RetryTest : public ::testing::Test {
 protected:
  Task<int> attempt() {
    ++tries;
    tried_at.push_back(Loop::current().now());
    if (tries <= failing) co_return error.clone();
    co_return tries;
  }
  Result<int> run_retry() {
    Function<Task<int>()> again = [this] { return attempt(); };
    Task<int> task = retry<int>(options, budget, backoff, std::move(again));
    return run(loop, std::move(task));
  }

  testing::VirtualLoop loop;
  RetryOptions options{.seed = 3};
  RetryBudget budget{options};
  Backoff backoff{options};
  Error error{Code::unavailable, "down"};
  int failing = 0;
  int tries = 0;
  std::vector<Clock::time_point> tried_at;
};

TEST_F(RetryTest, TriesTwiceAgainAtMost) {
  failing = 2;
  EXPECT_EQ(run_retry().value(), 3);
  tries = 0;
  failing = 3;
  EXPECT_EQ(run_retry().error().message(), "down");
  EXPECT_EQ(tries, 3);
}

TEST_F(RetryTest, OnlyWhatMayEndBetter) {
  for (Code code : {Code::invalid_argument, Code::not_found, Code::internal, Code::aborted,
                    Code::resource_exhausted, Code::deadline_exceeded, Code::data_loss}) {
    failing = 100;
    tries = 0;
    error = Error(code, "no");
    EXPECT_EQ(run_retry().error().code(), code);
    EXPECT_EQ(tries, 1) << name(code);
  }
  error = Error(Code::unavailable, "held back").with_reason("BREAKER_OPEN");
  tries = 0;
  EXPECT_FALSE(run_retry().ok());
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(budget.tokens(), 10);
}

TEST_F(RetryTest, WaitsAsLongAsItIsAskedTo) {
  failing = 1;
  error = Error(Code::unavailable, "busy").with_retry_after(2s);
  EXPECT_EQ(run_retry().value(), 2);
  EXPECT_EQ(tried_at[1] - tried_at[0], 2s);
  tries = 0;
  error = Error(Code::unavailable, "busy").with_retry_after(1h + 1ms);
  EXPECT_FALSE(run_retry().ok());
  EXPECT_EQ(tries, 1);
}

TEST_F(RetryTest, DoesNotWaitPastTheDeadline) {
  failing = 1;
  error = Error(Code::unavailable, "busy").with_retry_after(2s);
  Function<Task<int>()> again = [this] { return attempt(); };
  Task<int> task = retry<int>(options, budget, backoff, std::move(again));
  const auto before = loop.now();
  const Result<int> result = run(loop, with_deadline(2s, std::move(task)));
  EXPECT_EQ(result.error().code(), Code::unavailable);
  EXPECT_EQ(loop.now(), before);
  EXPECT_EQ(tries, 1);
}

}  // namespace
}  // namespace kit::resilience
