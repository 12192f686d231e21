// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/telemetry/span_queue.hpp"
#include "kit/telemetry/span_record.hpp"
#include "kit/telemetry/trace_table.hpp"

namespace kit::telemetry {

class Registry;

/// Takes spans out of the process. Thread safety: one call at a time, on the loop of
/// `SpanProcessor::run`.
class SpanExporter {
 public:
  virtual ~SpanExporter() = default;
  /// Ends when the spans were taken, or given up: trying again is its own affair, and no failure
  /// comes back but the cancellation's. Lifetime: `spans` until the task has ended.
  virtual Task<> export_spans(std::span<const std::unique_ptr<SpanRecord>> spans) = 0;
};

/// As OpenTelemetry's BatchSpanProcessor has them.
struct SpanProcessorOptions {
  std::size_t queue = 2'048;  ///< Spans that wait for the exporter, and in each thread.
  std::size_t batch = 512;    ///< Spans that are exported at once, at most.
  std::chrono::milliseconds delay{5'000};          ///< The longest that one waits for others.
  std::chrono::milliseconds closing_limit{5'000};  ///< For what is left at the end.
};

/// What becomes of spans: those of requests and jobs go to the table of recent ones, sampled ones
/// to the exporter in batches. A full queue drops the newest span and counts it; no thread that
/// ends a span ever waits. Thread safety: any thread.
class SpanProcessor {
 public:
  explicit SpanProcessor(SpanProcessorOptions options = {}, TraceTableOptions table = {});
  ~SpanProcessor();
  SpanProcessor(const SpanProcessor&) = delete;
  SpanProcessor& operator=(const SpanProcessor&) = delete;

  /// The queue of a thread that begins to end spans.
  std::shared_ptr<SpanQueue> add_queue();
  /// A thread has many spans waiting. Cost: a flag, and a system call when nobody has set it.
  void wake();
  std::size_t wake_at() const { return options_.batch; }

  /// Takes what all threads have ended by now; for pages that show it.
  void collect();
  const TraceTable& table() const { return table_; }

  /// Exports until it is cancelled, and then what is left, within `closing_limit`. One at a time.
  Task<> run(SpanExporter& exporter);
  /// Without an exporter: keeps the table up to date until it is cancelled.
  Task<> run();

  std::uint64_t dropped() const;
  std::uint64_t handed_on() const { return handed_on_.load(std::memory_order_relaxed); }
  /// Adds trace_spans_dropped_total and trace_spans_handed_on_total. Lifetime: outlives
  /// `registry`'s use.
  void add_metrics(Registry& registry) const;

 private:
  class Wait;
  class Waker;
  Task<> export_until_cancelled(SpanExporter& exporter);
  Task<> export_pending(SpanExporter& exporter, bool all);
  Task<> export_rest(SpanExporter& exporter);
  using Batch = std::vector<std::unique_ptr<SpanRecord>>;
  bool has_batch();
  Batch next_batch(bool all);
  void finish(Batch batch);
  void give_back(Batch batch);
  void keep(std::unique_ptr<SpanRecord>& record);
  std::unique_ptr<SpanRecord> spare();

  const SpanProcessorOptions options_;
  TraceTable table_;
  mutable std::mutex mutex_;  // of all below but the atomics
  std::vector<std::shared_ptr<SpanQueue>> queues_;
  std::vector<std::unique_ptr<SpanRecord>> pending_;
  std::vector<std::unique_ptr<SpanRecord>> spares_;
  bool exports_ = false;
  std::uint64_t dropped_ = 0;  // by queues that are gone, and before the exporter
  std::atomic<std::uint64_t> handed_on_{0};
  const std::shared_ptr<Waker> full_queue_;
  const std::shared_ptr<Waker> full_batch_;
};

}  // namespace kit::telemetry
