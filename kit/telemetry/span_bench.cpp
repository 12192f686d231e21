// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "kit/telemetry/span.hpp"
#include "kit/telemetry/tracer.hpp"

namespace {

using namespace kit::telemetry;

std::unique_ptr<Tracer> tracer_of(double ratio) {
  TracerOptions options;
  options.sampling.ratio = ratio;
  options.slow = std::chrono::milliseconds{0};
  return *Tracer::make(std::move(options));
}

/// What a request that is not sampled costs: ids, decision, and a child that is not recorded.
void request_unsampled(benchmark::State& state) {
  const auto tracer = tracer_of(0);
  kit::LogContext log;
  kit::current_log_context = &log;
  while (state.KeepRunning()) {
    tracer->identify(log, {});
    tracer->decide(log, "/api/v1/tracks/{id}", {});
    benchmark::DoNotOptimize(log);
  }
  kit::current_log_context = nullptr;
}
BENCHMARK(request_unsampled);

void span_unsampled(benchmark::State& state) {
  const auto tracer = tracer_of(0);
  kit::LogContext log;
  tracer->identify(log, {});
  tracer->decide(log, "/", {});
  kit::current_log_context = &log;
  while (state.KeepRunning()) {
    Span span("SELECT tracks", SpanKind::client);
    span.set(attribute::db_system, "sqlite");
    benchmark::DoNotOptimize(span);
    span.end();
  }
  kit::current_log_context = nullptr;
}
BENCHMARK(span_unsampled);

/// Start, attributes, end and queue; taken out between bursts.
void span_sampled(benchmark::State& state) {
  const auto tracer = tracer_of(1);
  kit::LogContext log;
  tracer->identify(log, {});
  tracer->decide(log, "/", {});
  kit::current_log_context = &log;
  int burst = 0;
  while (state.KeepRunning()) {
    Span span("SELECT tracks", SpanKind::client);
    for (int i = 0; i < state.range(0); ++i) {
      static constexpr const TextKey* keys[] = {&attribute::db_system, &attribute::db_operation,
                                                &attribute::db_query_summary};
      span.set(*keys[i], "sqlite");
    }
    span.end();
    if (++burst == 1'024) {
      state.PauseTiming();
      tracer->processor().collect();
      burst = 0;
      state.ResumeTiming();
    }
  }
  kit::current_log_context = nullptr;
}
BENCHMARK(span_sampled)->Arg(0)->Arg(3);

}  // namespace
