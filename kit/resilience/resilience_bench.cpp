// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <cstdint>

#include "kit/resilience/breaker.hpp"
#include "kit/resilience/load_shedder.hpp"
#include "kit/resilience/rate_limiter.hpp"

namespace kit::resilience {
namespace {

void rate_limit(benchmark::State& state) {
  static RateLimiter limiter({.requests = 1'000'000, .per = std::chrono::seconds(1)});
  const Clock::time_point now = Clock::now();
  std::uint64_t key = 0;
  for (auto _ : state) {
    key += 0x9E3779B97F4A7C15ULL;
    benchmark::DoNotOptimize(limiter.ask(key & 0xFFFF'0000, now));
  }
}
BENCHMARK(rate_limit)->Threads(1)->Threads(2);

void rate_key(benchmark::State& state) {
  for (auto _ : state) {
    RateKey key;
    key.add("customer-4711");
    benchmark::DoNotOptimize(key.value());
  }
}
BENCHMARK(rate_key);

void breaker_call(benchmark::State& state) {
  static Breaker breaker;
  const Clock::time_point now = Clock::now();
  for (auto _ : state) {
    auto call = breaker.try_enter(now);
    call->succeeded(now);
  }
}
BENCHMARK(breaker_call)->Threads(1)->Threads(2);

void shed(benchmark::State& state) {
  static LoadShedder shedder;
  const Clock::time_point now = Clock::now();
  for (auto _ : state) {
    benchmark::DoNotOptimize(shedder.admit(Priority::normal, now, std::chrono::microseconds(10)));
    shedder.finish(now, std::chrono::microseconds(100));
  }
}
BENCHMARK(shed)->Threads(1)->Threads(2);

}  // namespace
}  // namespace kit::resilience
