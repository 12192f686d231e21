// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include "kit/log/log.hpp"
#include "kit/log/sink.hpp"

namespace {

kit::log::Module bench_log{"bench"};

class NullSink final : public kit::log::Sink {
 public:
  bool write(std::string_view) override { return true; }
};

/// Short bursts, as a server logs: the queue must not be the limit.
void line(benchmark::State& state) {
  kit::log::configure({kit::log::Format::json, std::make_shared<NullSink>()});
  int burst = 0;
  while (state.KeepRunning()) {
    kit::log::info(bench_log, "request",
                   {{"method", "GET"},
                    {"path", "/api/v1/tracks/1666"},
                    {"status", 200},
                    {"duration", std::chrono::microseconds(153)}});
    if (++burst == 500) {
      state.PauseTiming();
      kit::log::flush();
      burst = 0;
      state.ResumeTiming();
    }
  }
  kit::log::configure({});
}
BENCHMARK(line);

void disabled(benchmark::State& state) {
  while (state.KeepRunning()) kit::log::debug(bench_log, "request", {{"status", 200}});
}
BENCHMARK(disabled);

}  // namespace
