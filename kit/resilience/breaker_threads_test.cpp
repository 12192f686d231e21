// SPDX-License-Identifier: Apache-2.0
// For the thread sanitizer too: callers, an operator and new options, all at once.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "kit/resilience/breaker.hpp"

namespace kit::resilience {
namespace {

using namespace std::chrono_literals;

TEST(BreakerThreads, NeverMoreProbesThanAllowed) {
  BreakerOptions options;
  options.failure_threshold = 5;
  options.open_time = 1ms;
  options.probes = 3;
  options.probe_timeout = 24h;
  std::atomic<int> changes{0};
  Breaker breaker(options, [&](const BreakerChange&) { ++changes; });
  std::atomic<int> probing{0};
  std::atomic<int> most{0};
  std::atomic<std::uint64_t> outcomes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i) {
        auto call = breaker.try_enter(Clock::now());
        if (!call) continue;
        if (call->is_probe()) {
          const int now = ++probing;
          int seen = most.load();
          while (now > seen && !most.compare_exchange_weak(seen, now)) {
          }
          --probing;
        }
        ++outcomes;
        if ((i / 100 + t) % 3 == 0) {
          call->failed(Clock::now());
        } else {
          call->succeeded(Clock::now());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), 3);
  const BreakerReading reading = breaker.read(Clock::now());
  EXPECT_EQ(reading.successes + reading.failures, outcomes.load());
  EXPECT_LE(reading.probes_in_flight, 0U);
}

TEST(BreakerThreads, ForcingAndNewOptionsMeetCalls) {
  Breaker breaker({.failure_threshold = 3, .open_time = 1ms});
  std::atomic<bool> wrong{false};
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop.load(); ++i) {
        auto call = breaker.try_enter(Clock::now());
        if (call && i % 7 == t) call->failed(Clock::now());
        if (!call && breaker.refusal("calls", Clock::now()).retry_after() <= 0ms) wrong = true;
      }
    });
  }
  for (int i = 0; i < 3'000; ++i) {
    breaker.force(BreakerForce(i % 3), "test", Clock::now());
    breaker.apply({.enabled = i % 2 == 0, .window = 100ms * (1 + i % 3)}, Clock::now());
    breaker.read(Clock::now());
  }
  breaker.force(BreakerForce::automatic, "end", Clock::now());
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(wrong.load());
  EXPECT_EQ(breaker.read(Clock::now()).probes_in_flight, 0U);
}

}  // namespace
}  // namespace kit::resilience
