// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kit/telemetry/span_record.hpp"

namespace kit::telemetry {

/// How much is kept.
struct TraceTableOptions {
  std::size_t recent = 128;      ///< Traces, whatever they are.
  std::size_t per_bucket = 4;    ///< Of each name and duration.
  std::size_t names = 500;       ///< Of requests and jobs; later ones are "other".
  std::size_t spans = 200;       ///< Of one trace.
  std::size_t bytes = 16 << 20;  ///< In all, about; the oldest go first.
};

/// A request or job that has ended, as a list shows it.
struct TraceSummary {
  TraceId trace_id{};
  SpanId span_id{};
  std::string name;  ///< "GET /api/v1/tracks/{id}"
  Clock::time_point started;
  Clock::duration duration{};
  bool failed = false;
  bool sampled = false;  ///< False: kept because it was slow or failed, without its children.
};

/// What is kept of a trace.
struct KeptTrace {
  std::vector<SpanRecord> spans;  ///< In the order of their start.
  std::size_t omitted = 0;        ///< Spans past the limit.
};

/// The traces of this process that somebody may still want to see: recent ones, and for each name
/// of a request or job some of each duration and of those that failed. In bounded memory; a flood
/// of quick ones leaves the slow ones where they are. Thread safety: any thread.
class TraceTable {
 public:
  /// Upper bounds of the durations that are kept apart; after the last comes what took longer, and
  /// then what failed. They are bounds of http_server_request_duration_seconds too.
  static constexpr std::array<std::chrono::milliseconds, 6> bounds{
      std::chrono::milliseconds{5},     std::chrono::milliseconds{25},
      std::chrono::milliseconds{100},   std::chrono::milliseconds{250},
      std::chrono::milliseconds{1'000}, std::chrono::milliseconds{5'000}};
  static constexpr std::size_t failed_bucket = bounds.size() + 1;
  static constexpr std::size_t bucket_count = failed_bucket + 1;

  struct Bucket {
    std::uint64_t count = 0;             ///< Of all that were seen.
    std::vector<TraceSummary> examples;  ///< The latest first.
  };
  struct Row {
    std::string name;
    std::array<Bucket, bucket_count> buckets;
  };

  explicit TraceTable(TraceTableOptions options = {});

  void add(const SpanRecord& record);

  std::vector<Row> rows() const;             ///< By name.
  std::vector<TraceSummary> recent() const;  ///< The latest first.
  std::optional<KeptTrace> find(std::string_view trace_id) const;
  std::size_t bytes() const;

 private:
  struct Trace {
    explicit Trace(std::size_t& all) : sum(all) {}
    Trace(const Trace&) = delete;
    Trace& operator=(const Trace&) = delete;
    ~Trace() { sum -= bytes; }
    TraceId id{};
    std::vector<SpanRecord> spans;
    std::size_t omitted = 0;
    std::size_t bytes = 0;
    std::size_t& sum;
  };
  struct Example {
    TraceSummary summary;
    std::shared_ptr<Trace> trace;
    std::uint64_t number;  // the order in which they came
  };
  struct Cell {
    std::uint64_t count = 0;
    std::deque<Example> examples;  // the oldest first
  };
  using Cells = std::array<Cell, bucket_count>;

  Trace& trace_of(const SpanRecord& record);
  void add_example(const SpanRecord& record, const std::shared_ptr<Trace>& trace);
  void put(Cell& cell, Example example);
  void make_room();
  void forget_gone();
  static TraceSummary summary_of(const SpanRecord& record);

  const TraceTableOptions options_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;  // before the traces, which take from it
  std::uint64_t next_number_ = 0;
  std::map<std::string, Cells, std::less<>> rows_;
  std::deque<std::shared_ptr<Trace>> recent_;
  std::unordered_map<std::string, std::weak_ptr<Trace>> traces_;
  std::size_t forget_at_ = 1'024;  // so many are looked through for those that are gone
};

}  // namespace kit::telemetry
