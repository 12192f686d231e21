// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "kit/base/context.hpp"
#include "kit/log/log.hpp"
#include "kit/log/sink.hpp"

namespace {

kit::log::Module bench_log{"bench"};

class NullSink final : public kit::log::Sink {
 public:
  bool write(std::string_view) override { return true; }
};

/// Short bursts, as a server logs: the queue must not be the limit. `put` logs one.
template <class Put>
void lines(benchmark::State& state, Put put) {
  kit::log::configure({kit::log::Format::json, std::make_shared<NullSink>()});
  kit::LogContext context;
  context.trace_id.fill('a');
  context.span_id.fill('b');
  context.request_id = "0198f7f0c5e97d3a8f3a8f3a";
  context.user = "ann@example.com";
  kit::current_log_context = &context;
  int burst = 0;
  while (state.KeepRunning()) {
    put();
    if (++burst == 500) {
      state.PauseTiming();
      kit::log::flush();
      burst = 0;
      state.ResumeTiming();
    }
  }
  kit::current_log_context = nullptr;
  kit::log::configure({});
}

/// A line of a request, which is never left out.
void line(benchmark::State& state) {
  lines(state, [] {
    kit::log::write(bench_log, kit::log::Level::info, "request",
                    {{"method", "GET"},
                     {"path", "/api/v1/tracks/1666"},
                     {"status", 200},
                     {"duration", std::chrono::microseconds(153)}});
  });
}
BENCHMARK(line);

/// One of many of the same text, most of which are left out.
void repeated(benchmark::State& state) {
  lines(state, [] { kit::log::info(bench_log, "it repeats", {{"status", 200}}); });
}
BENCHMARK(repeated);

void disabled(benchmark::State& state) {
  while (state.KeepRunning()) kit::log::debug(bench_log, "request", {{"status", 200}});
}
BENCHMARK(disabled);

}  // namespace
