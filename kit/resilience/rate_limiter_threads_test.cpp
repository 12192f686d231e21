// SPDX-License-Identifier: Apache-2.0
// For the thread sanitizer too: many threads, one limiter, a rate that changes meanwhile.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "kit/resilience/rate_limiter.hpp"

namespace kit::resilience {
namespace {

using namespace std::chrono_literals;

TEST(RateLimiterThreads, TogetherGetNoMoreThanOneWould) {
  constexpr Clock::time_point start{std::chrono::hours(1)};
  RateLimiter limiter({.requests = 1'000, .per = 1s, .burst = 500}, 64);
  std::atomic<int> allowed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) {
        // Each thread's clock goes from 0 to 100 ms, one maybe long before another.
        if (limiter.ask(5, start + 20us * i).allowed) ++allowed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(allowed.load(), 500);
  EXPECT_LE(allowed.load(), 600);
}

TEST(RateLimiterThreads, ARateMayBeReplacedUnderLoad) {
  constexpr Clock::time_point start{std::chrono::hours(1)};
  const Rate small{.requests = 1, .per = std::chrono::days(31)};
  const Rate large{.requests = 4'000'000'000, .per = 1h, .burst = 4'000'000'000};
  RateLimiter limiter(small, 64);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; !stop.load(); ++i) {
        const RateDecision decision = limiter.ask((t + i % 100) << 16, start);
        // The numbers of one rate, never of both.
        if (decision.limit != 1 && decision.limit != large.burst) ++wrong;
        if (decision.reset < 0ns || decision.reset > large.window() + small.window()) ++wrong;
      }
    });
  }
  for (int i = 0; i < 2'000; ++i) limiter.apply(i % 2 == 0 ? large : small, start);
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace kit::resilience
