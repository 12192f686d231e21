// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <string>

#include "kit/base/context.hpp"
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

/// Of a request whose trace is recorded: almost always one more look at the policy.
void record_sampled(benchmark::State& state) {
  static kit::telemetry::Histogram histogram(kit::telemetry::Buckets::http_seconds());
  kit::LogContext context;
  context.trace_id.fill('a');
  context.span_id.fill('b');
  context.sampled = true;
  kit::current_log_context = &context;
  while (state.KeepRunning()) {
    histogram.record(std::chrono::microseconds(800));
    benchmark::ClobberMemory();
  }
  kit::current_log_context = nullptr;
}
BENCHMARK(record_sampled)->Threads(1)->Threads(2)->Threads(8);

void set_gauge(benchmark::State& state) {
  static kit::telemetry::Gauge gauge;
  double value = 0;
  while (state.KeepRunning()) gauge.set(value += 1);
}
BENCHMARK(set_gauge);

/// 600 histograms of 16 lines.
void write_out(benchmark::State& state) {
  kit::telemetry::Registry registry;
  auto& family =
      registry.histograms("http_server_request_duration_seconds", "Requests.",
                          {"method", "route", "status"}, kit::telemetry::Buckets::http_seconds());
  for (int i = 0; i < 600; ++i) {
    auto& histogram = family.with({"GET", "/api/v1/tracks/" + std::to_string(i), "200"});
    for (int n = 0; n < 20; ++n) histogram.record(std::chrono::milliseconds(n * n * n));
  }
  std::size_t bytes = 0;
  while (state.KeepRunning()) {
    std::string text;
    registry.write(text, kit::telemetry::Format::open_metrics);
    bytes += text.size();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(write_out);

void look_up(benchmark::State& state) {
  kit::telemetry::Registry registry;
  auto& family = registry.counters("a_total", "A.", {"method", "status"});
  while (state.KeepRunning()) family.with({"GET", "200"}).add();
}
BENCHMARK(look_up);

}  // namespace
