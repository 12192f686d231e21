// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "kit/telemetry/registry.hpp"

namespace {

void add(benchmark::State& state) {
  static kit::telemetry::Counter counter;
  while (state.KeepRunning()) {
    counter.add();
    benchmark::ClobberMemory();
  }
}
BENCHMARK(add)->Threads(1)->Threads(2)->Threads(8);

void record(benchmark::State& state) {
  static kit::telemetry::Histogram histogram;
  std::chrono::nanoseconds duration{1'000};
  while (state.KeepRunning()) {
    histogram.record(duration);
    duration = (duration * 3) % std::chrono::milliseconds{50};
    benchmark::ClobberMemory();
  }
}
BENCHMARK(record)->Threads(1)->Threads(2)->Threads(8);

void look_up(benchmark::State& state) {
  kit::telemetry::Registry registry;
  auto& family = registry.counters("a_total", "A.", {"method", "status"});
  while (state.KeepRunning()) family.with({"GET", "200"}).add();
}
BENCHMARK(look_up);

}  // namespace
