// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/span_processor.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/telemetry/span.hpp"
#include "kit/telemetry/tracer.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::telemetry {
namespace {

using namespace std::chrono_literals;

class RecordingExporter final : public SpanExporter {
 public:
  Task<> export_spans(std::span<const std::unique_ptr<SpanRecord>> spans) override {
    co_await sleep_for(takes);
    batches.push_back(spans.size());
    for (const auto& span : spans) names.push_back(span->name);
  }
  Clock::duration takes{1ms};
  std::vector<std::size_t> batches;
  std::vector<std::string> names;
};

struct Bench {
  explicit Bench(SpanProcessorOptions processor = {}, double ratio = 1) {
    TracerOptions options;
    options.sampling.ratio = ratio;
    tracer = *Tracer::make(std::move(options), processor);
    tracer->identify(log, {});
    tracer->decide(log, "/", {});
  }
  void end_spans(int count) const {
    for (int i = 0; i < count; ++i) Span(&log, std::to_string(i), SpanKind::client).end();
  }
  SpanProcessor& processor() const { return tracer->processor(); }
  std::unique_ptr<Tracer> tracer;
  LogContext log;
};

Task<> run_for(SpanProcessor* processor, SpanExporter* exporter, Task<> work) {
  TaskGroup group("test");
  group.spawn(processor->run(*exporter));
  const Result<> done = co_await as_result(std::move(work));
  group.cancel();
  const Result<> ended = co_await as_result(group.join());
  EXPECT_EQ(ended.error().code(), Code::cancelled);
  EXPECT_TRUE(done.ok());
}

Task<> few_then_time(const Bench* setup, const RecordingExporter* exporter) {
  setup->end_spans(3);
  co_await sleep_for(4'900ms);
  EXPECT_TRUE(exporter->batches.empty());
  co_await sleep_for(200ms);
  EXPECT_EQ(exporter->batches, (std::vector<std::size_t>{3}));
}

TEST(SpanProcessor, WaitsForOthersButNotForLong) {
  testing::VirtualLoop loop;
  const Bench setup;
  RecordingExporter exporter;
  Task<> work = few_then_time(&setup, &exporter);
  ASSERT_TRUE(run(loop, run_for(&setup.processor(), &exporter, std::move(work))).ok());
  EXPECT_EQ(setup.processor().dropped(), 0U);
  EXPECT_EQ(setup.processor().handed_on(), 3U);
}

Task<> a_batch(const Bench* setup, const RecordingExporter* exporter) {
  co_await sleep_for(1ms);
  setup->end_spans(511);
  co_await sleep_for(1'100ms);
  EXPECT_TRUE(exporter->batches.empty());
  setup->end_spans(1);
  co_await sleep_for(1'100ms);
  EXPECT_EQ(exporter->batches, (std::vector<std::size_t>{512}));
}

TEST(SpanProcessor, ABatchGoesAtOnce) {
  testing::VirtualLoop loop;
  const Bench setup;
  RecordingExporter exporter;
  Task<> work = a_batch(&setup, &exporter);
  ASSERT_TRUE(run(loop, run_for(&setup.processor(), &exporter, std::move(work))).ok());
}

Task<> burst(const Bench* setup, int count) {
  co_await sleep_for(1ms);
  setup->end_spans(count);
}

TEST(SpanProcessor, WhatIsLeftGoesAtTheEnd) {
  testing::VirtualLoop loop;
  const Bench setup;
  RecordingExporter exporter;
  Task<> work = burst(&setup, 1'000);
  ASSERT_TRUE(run(loop, run_for(&setup.processor(), &exporter, std::move(work))).ok());
  EXPECT_EQ(exporter.names.size(), 1'000U);
  EXPECT_EQ(exporter.names.front(), "0");
  EXPECT_EQ(exporter.names.back(), "999");
}

TEST(SpanProcessor, DropsTheNewestWhenAThreadsQueueIsFull) {
  testing::VirtualLoop loop;
  SpanProcessorOptions options;
  options.queue = 8;
  options.batch = 4;
  const Bench setup(options);
  setup.end_spans(8);
  EXPECT_EQ(setup.processor().dropped(), 0U);
  setup.end_spans(3);
  EXPECT_EQ(setup.processor().dropped(), 3U);
  setup.processor().collect();
  setup.end_spans(8);
  EXPECT_EQ(setup.processor().dropped(), 3U);
}

Task<> outage(const Bench* setup, const RecordingExporter* exporter) {
  for (int i = 0; i < 6; ++i) {
    setup->end_spans(8);
    co_await sleep_for(1'100ms);  // collected, and the exporter still has its first batch
  }
  EXPECT_TRUE(exporter->batches.empty());
}

TEST(SpanProcessor, AnExporterThatHangsCostsSpansAndNothingElse) {
  testing::VirtualLoop loop;
  SpanProcessorOptions options;
  options.queue = 16;
  options.batch = 4;
  options.closing_limit = 2s;
  const Bench setup(options);
  RecordingExporter exporter;
  exporter.takes = 1h;
  Task<> work = outage(&setup, &exporter);
  const auto before = loop.now();
  ASSERT_TRUE(run(loop, run_for(&setup.processor(), &exporter, std::move(work))).ok());
  EXPECT_LE(loop.now() - before, 10s);
  // 48 ended: none was taken, and each is counted.
  EXPECT_EQ(setup.processor().handed_on() + setup.processor().dropped(), 48U);
  EXPECT_GE(setup.processor().dropped(), 24U);
  EXPECT_FALSE(setup.processor().table().recent().empty() && setup.log.sampled == false);
}

TEST(SpanProcessor, KeepsForThePagesWhatIsNotSampled) {
  testing::VirtualLoop loop;
  const Bench setup({}, 0);
  RecordingExporter exporter;
  const auto started = Clock::now();
  Span::entry(setup.log, "GET /slow", SpanKind::server, {}, started).end_at(started + 1s);
  Task<> work = burst(&setup, 0);
  ASSERT_TRUE(run(loop, run_for(&setup.processor(), &exporter, std::move(work))).ok());
  EXPECT_TRUE(exporter.names.empty());
  ASSERT_EQ(setup.processor().table().recent().size(), 1U);
  EXPECT_FALSE(setup.processor().table().recent().front().sampled);
}

Task<> until(const std::atomic<int>* running) {
  while (running->load() > 0) co_await sleep_for(1ms);
}

TEST(SpanProcessor, TakesTheSpansOfThreadsThatComeAndGo) {
  auto loop = make_epoll_loop();
  ASSERT_TRUE(loop.ok());
  SpanProcessorOptions options;
  options.queue = 100'000;
  const Bench setup(options);
  RecordingExporter exporter;
  std::atomic<int> running{4};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 4; ++round) {
        std::thread([&] { setup.end_spans(1'000); }).join();
      }
      running.fetch_sub(1);
    });
  }
  Task<> work = until(&running);
  ASSERT_TRUE(run(**loop, run_for(&setup.processor(), &exporter, std::move(work))).ok());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(exporter.names.size() + setup.processor().dropped(), 16'000U);
  EXPECT_EQ(setup.processor().dropped(), 0U);
}

}  // namespace
}  // namespace kit::telemetry
