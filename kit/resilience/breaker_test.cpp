// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/breaker.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace kit::resilience {
namespace {

using namespace std::chrono_literals;

class BreakerTest : public ::testing::Test {
 protected:
  void make(BreakerOptions options = {}) {
    ASSERT_TRUE(options.check().ok());
    breaker.emplace(options, [this](const BreakerChange& change) {
      changes.push_back(std::string(name(change.from)) + " to " + std::string(name(change.to)) +
                        ": " + change.why);
    });
  }
  bool call(bool succeeds) {
    auto entered = breaker->try_enter(now);
    if (!entered) return false;
    succeeds ? entered->succeeded(now) : entered->failed(now);
    return true;
  }
  void calls(int count, bool succeed) {
    for (int i = 0; i < count; ++i) call(succeed);
  }
  BreakerReading read() { return breaker->read(now); }

  std::optional<Breaker> breaker;
  std::vector<std::string> changes;
  Clock::time_point now{std::chrono::hours(5)};
};

TEST_F(BreakerTest, OpensAtTheThresholdAndNotBefore) {
  make();
  calls(9, false);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  call(true);
  calls(9, false);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  EXPECT_EQ(read().consecutive_failures, 9U);
  EXPECT_EQ(read().window_failures, 18U);
  EXPECT_EQ(read().window_successes, 1U);
  call(false);
  EXPECT_EQ(breaker->state(), BreakerState::open);
  EXPECT_EQ(changes, (std::vector<std::string>{"closed to open: 10 failures in a row"}));
  EXPECT_FALSE(call(true));
  EXPECT_EQ(read().refused, 1U);
  EXPECT_EQ(read().opened, 1U);
  EXPECT_EQ(read().next_probe, 5s);
  now += 1s;
  const Error error = breaker->refusal("calls to http://stock", now);
  EXPECT_EQ(error.code(), Code::unavailable);
  EXPECT_EQ(error.reason(), "BREAKER_OPEN");
  EXPECT_EQ(error.retry_after(), 4s);
  EXPECT_EQ(error.message(), "calls to http://stock are held back: 10 failures in a row");
}

TEST_F(BreakerTest, LetsProbesThroughAndClosesWhenTheySucceed) {
  make();
  calls(10, false);
  now += 5s - 1ns;
  EXPECT_FALSE(breaker->try_enter(now));
  now += 1ns;
  auto first = breaker->try_enter(now);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->is_probe());
  EXPECT_EQ(breaker->state(), BreakerState::half_open);
  auto second = breaker->try_enter(now);
  ASSERT_TRUE(second);
  EXPECT_FALSE(breaker->try_enter(now));  // two at a time
  EXPECT_EQ(read().probes_in_flight, 2U);
  first->succeeded(now);
  EXPECT_EQ(breaker->state(), BreakerState::half_open);
  EXPECT_EQ(read().probe_successes, 1U);
  second->succeeded(now);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  EXPECT_EQ(read().consecutive_failures, 0U);
  EXPECT_EQ(read().window_failures, 0U);
  EXPECT_TRUE(call(true));
  EXPECT_EQ(changes.back(), "half_open to closed: its probes succeeded");
}

TEST_F(BreakerTest, AFailedProbeOpensItForTheSameTimeAgain) {
  make();
  calls(10, false);
  for (int i = 0; i < 100; ++i) {
    now += 5s;
    EXPECT_TRUE(call(false));
    EXPECT_EQ(breaker->state(), BreakerState::open);
    EXPECT_EQ(read().next_probe, 5s);  // does not grow
    EXPECT_FALSE(call(true));
  }
  EXPECT_EQ(read().opened, 101U);
}

TEST_F(BreakerTest, ALostProbeDoesNotJamIt) {
  make();
  calls(10, false);
  now += 5s;
  auto lost = breaker->try_enter(now);
  auto dropped = breaker->try_enter(now);
  ASSERT_TRUE(lost && dropped);
  EXPECT_FALSE(breaker->try_enter(now));
  dropped.reset();  // its task was cancelled: the place is free at once
  now += 1s;
  auto another = breaker->try_enter(now);
  ASSERT_TRUE(another);
  now += 10s - 1ns;
  EXPECT_FALSE(breaker->try_enter(now));
  now += 1ns;
  auto next = breaker->try_enter(now);
  ASSERT_TRUE(next);
  // What the given up ones say now is of the past.
  lost->failed(now);
  another->failed(now);
  EXPECT_EQ(breaker->state(), BreakerState::half_open);
  EXPECT_EQ(read().probes_in_flight, 1U);
  next->succeeded(now);
  call(true);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
}

TEST_F(BreakerTest, OutcomesOfEarlierTimesDoNotCount) {
  make({.failure_threshold = 3});
  std::vector<Breaker::Call> old;
  for (int i = 0; i < 10; ++i) old.push_back(std::move(*breaker->try_enter(now)));
  calls(3, false);
  ASSERT_EQ(breaker->state(), BreakerState::open);
  now += 5s;
  calls(2, true);
  ASSERT_EQ(breaker->state(), BreakerState::closed);
  for (Breaker::Call& call : old) call.failed(now);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  EXPECT_EQ(read().failures, 13U);
}

TEST_F(BreakerTest, OpensAtTheRatioOnceThereAreEnoughCalls) {
  make({.failure_threshold = 0, .failure_ratio = 0.5, .minimum_calls = 20});
  calls(19, false);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  call(false);
  EXPECT_EQ(breaker->state(), BreakerState::open);
  EXPECT_EQ(changes.back(), "closed to open: 20 of 20 calls failed");
  make({.failure_threshold = 0, .failure_ratio = 0.5, .minimum_calls = 20});
  calls(21, true);
  calls(20, false);
  EXPECT_EQ(breaker->state(), BreakerState::closed);  // 20 of 41
  call(false);
  EXPECT_EQ(breaker->state(), BreakerState::open);  // 21 of 42
}

TEST_F(BreakerTest, TheWindowForgets) {
  make({.failure_threshold = 0, .failure_ratio = 0.5, .minimum_calls = 10, .window = 10s});
  calls(9, false);
  EXPECT_EQ(read().window_failures, 9U);
  now += 9s;
  EXPECT_EQ(read().window_failures, 9U);
  now += 1s;
  EXPECT_EQ(read().window_failures, 0U);
  call(false);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  now += std::chrono::hours(24 * 365);
  calls(8, false);
  EXPECT_EQ(read().window_failures, 8U);
}

TEST_F(BreakerTest, AnOperatorForcesIt) {
  make({.failure_threshold = 2});
  breaker->force(BreakerForce::open, "ada: the stock service lies", now);
  EXPECT_FALSE(call(true));
  now += std::chrono::hours(24);
  EXPECT_FALSE(call(true));  // for as long as it is forced
  EXPECT_EQ(read().force, BreakerForce::open);
  EXPECT_EQ(read().why, "ada: the stock service lies");
  EXPECT_EQ(breaker->refusal("calls", now).retry_after(), 5s);
  breaker->force(BreakerForce::closed, "ada: let it be", now);
  calls(100, false);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  EXPECT_EQ(read().consecutive_failures, 100U);
  breaker->force(BreakerForce::automatic, "ada: enough", now);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  EXPECT_EQ(read().consecutive_failures, 0U);
  calls(2, false);
  EXPECT_EQ(breaker->state(), BreakerState::open);
}

TEST_F(BreakerTest, OptionsAreReplacedLive) {
  make({.open_time = 1h});
  calls(9, false);
  breaker->apply({.failure_threshold = 20}, now);
  calls(10, false);
  EXPECT_EQ(breaker->state(), BreakerState::closed);  // 19
  call(false);
  EXPECT_EQ(breaker->state(), BreakerState::open);
  breaker->apply({.open_time = 1s}, now);
  now += 1s;  // not 5
  EXPECT_TRUE(breaker->try_enter(now));
  breaker->apply({.enabled = false}, now);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  EXPECT_EQ(changes.back(), "half_open to closed: it was switched off");
  calls(1'000, false);
  EXPECT_EQ(breaker->state(), BreakerState::closed);
  EXPECT_EQ(read().window_failures, 1'000U);
  breaker->apply({}, now);
  call(false);
  EXPECT_EQ(breaker->state(), BreakerState::open);
}

TEST_F(BreakerTest, RefusesOptionsThatCannotBeRight) {
  const auto problem = [](BreakerOptions options) {
    const Result<> checked = options.check();
    return checked.ok() ? std::string("fine") : checked.error().message();
  };
  EXPECT_EQ(problem({}), "fine");
  EXPECT_EQ(problem({.failure_ratio = 1}), "fine");
  EXPECT_EQ(problem({.failure_ratio = 1.01}), "failure_ratio must be 0 to 1");
  EXPECT_EQ(problem({.failure_ratio = -0.1}), "failure_ratio must be 0 to 1");
  EXPECT_EQ(problem({.failure_ratio = std::numeric_limits<double>::quiet_NaN()}),
            "failure_ratio must be 0 to 1");
  EXPECT_EQ(problem({.minimum_calls = 0}), "minimum_calls must be at least 1");
  EXPECT_EQ(problem({.window = 10ms}), "fine");
  EXPECT_EQ(problem({.window = 9ms}), "window must be 10 ms to 24 h");
  EXPECT_EQ(problem({.window = 24h + 1ms}), "window must be 10 ms to 24 h");
  EXPECT_EQ(problem({.open_time = 0ms}), "open_time must be 1 ms to 24 h");
  EXPECT_EQ(problem({.probes = 0}), "probes must be at least 1");
  EXPECT_EQ(problem({.probe_successes = 0}), "probe_successes must be at least 1");
  EXPECT_EQ(problem({.probe_timeout = 0ms}), "probe_timeout must be 1 ms to 24 h");
}

/// Dead for any time, asked at any rate: open soon, and used again within two probe intervals.
TEST_F(BreakerTest, IsUsedAgainSoonAfterAnyTimeOfDeath) {
  for (const auto death : {1s, 10s, 60s, 3'600s}) {
    for (const auto between : {1ms, 50ms, 400ms}) {
      make();
      const auto died = now;
      std::uint64_t reached = 0;
      while (now < died + death) {
        if (call(false)) ++reached;
        now += between;
      }
      const auto back = now;
      EXPECT_LE(reached, 10U + static_cast<std::uint64_t>(death / 5s) + 1) << death.count();
      while (breaker->state() != BreakerState::closed) {
        call(true);
        now += between;
        ASSERT_LE(now - back, 10s) << death.count() << " s, every " << between.count() << " ms";
      }
    }
  }
}

/// Random days: a call passes only when it may, whatever came before.
TEST_F(BreakerTest, KeepsItsRulesOnRandomDays) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t most) { return random() % most; };
    BreakerOptions options;
    options.failure_threshold = static_cast<std::uint32_t>(below(6));
    options.failure_ratio = below(2) == 0 ? 0 : 0.5;
    options.minimum_calls = static_cast<std::uint32_t>(1 + below(8));
    options.window = std::chrono::milliseconds(10 + below(2'000));
    options.open_time = std::chrono::milliseconds(1 + below(1'000));
    options.probes = static_cast<std::uint32_t>(1 + below(3));
    options.probe_successes = static_cast<std::uint32_t>(1 + below(3));
    options.probe_timeout = std::chrono::milliseconds(1 + below(1'000));
    make(options);
    std::vector<Breaker::Call> flying;
    Clock::time_point opened{};
    Clock::time_point last_probe{};
    std::uint32_t failures = 0;
    for (int step = 0; step < 500; ++step) {
      now += std::chrono::microseconds(below(100'000));
      const BreakerState before = breaker->state();
      const std::uint32_t in_flight = read().probes_in_flight;
      if (below(2) == 0) {
        auto entered = breaker->try_enter(now);
        if (before == BreakerState::closed) {
          ASSERT_TRUE(entered);
        } else if (before == BreakerState::open) {
          ASSERT_EQ(entered.has_value(), now >= opened + options.open_time) << "seed " << seed;
        } else {
          const bool free = in_flight < options.probes || now - last_probe >= options.probe_timeout;
          ASSERT_EQ(entered.has_value(), free) << "seed " << seed;
        }
        if (entered) {
          if (entered->is_probe()) last_probe = now;
          flying.push_back(std::move(*entered));
        }
      } else if (!flying.empty()) {
        const std::size_t which = below(flying.size());
        const std::uint64_t outcome = below(3);
        if (outcome == 0) flying[which].succeeded(now);
        if (outcome == 1) flying[which].failed(now);
        flying.erase(flying.begin() + static_cast<std::ptrdiff_t>(which));
        if (outcome == 1) ++failures;
        if (before == BreakerState::closed && breaker->state() == BreakerState::open) {
          ASSERT_EQ(outcome, 1U);
          ASSERT_TRUE(options.failure_threshold != 0 || options.failure_ratio > 0);
        }
        if (breaker->state() == BreakerState::open && before != BreakerState::open) opened = now;
      }
      ASSERT_LE(read().probes_in_flight, options.probes);
      ASSERT_EQ(read().failures, failures);
    }
  }
}

}  // namespace
}  // namespace kit::resilience
