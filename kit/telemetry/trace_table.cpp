// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/trace_table.hpp"

#include <algorithm>
#include <utility>

namespace kit::telemetry {
namespace {

constexpr std::string_view other_names = "other";

std::size_t bucket_of(Clock::duration duration) {
  const auto found = std::ranges::lower_bound(TraceTable::bounds, duration);
  return static_cast<std::size_t>(found - TraceTable::bounds.begin());
}

}  // namespace

TraceTable::TraceTable(TraceTableOptions options) : options_(options) {}

TraceSummary TraceTable::summary_of(const SpanRecord& record) {
  TraceSummary summary;
  summary.trace_id = record.trace_id;
  summary.span_id = record.span_id;
  summary.name = record.name;
  summary.started = record.started;
  summary.duration = std::max(record.ended - record.started, Clock::duration::zero());
  summary.failed = record.status == SpanStatus::error;
  summary.sampled = record.sampled;
  return summary;
}

void TraceTable::forget_gone() {
  std::erase_if(traces_, [](const auto& trace) { return trace.second.expired(); });
  forget_at_ = std::max<std::size_t>(1'024, 2 * traces_.size());
}

TraceTable::Trace& TraceTable::trace_of(const SpanRecord& record) {
  const std::string id(view(record.trace_id));
  std::weak_ptr<Trace>& known = traces_[id];
  if (const auto found = known.lock()) return *found;
  const auto made = std::make_shared<Trace>(bytes_);
  made->id = record.trace_id;
  made->bytes = sizeof(Trace);
  bytes_ += made->bytes;
  known = made;
  recent_.push_back(made);
  if (recent_.size() > options_.recent) recent_.pop_front();
  return *made;
}

void TraceTable::put(Cell& cell, Example example) {
  cell.examples.push_back(std::move(example));
  if (cell.examples.size() > options_.per_bucket) cell.examples.pop_front();
}

void TraceTable::add_example(const SpanRecord& record, const std::shared_ptr<Trace>& trace) {
  auto row = rows_.find(record.name);
  if (row == rows_.end()) {
    const bool has_room = rows_.size() < options_.names;
    row = rows_.try_emplace(has_room ? record.name : std::string(other_names)).first;
  }
  const TraceSummary summary = summary_of(record);
  Cell& cell = row->second[bucket_of(summary.duration)];
  ++cell.count;
  put(cell, {summary, trace, next_number_});
  if (summary.failed) {
    Cell& failed = row->second[failed_bucket];
    ++failed.count;
    put(failed, {summary, trace, next_number_});
  }
  ++next_number_;
}

/// What is recent but quick goes first, then the oldest examples.
void TraceTable::make_room() {
  while (bytes_ > options_.bytes && recent_.size() > 1) recent_.pop_front();
  while (bytes_ > options_.bytes) {
    Cell* oldest = nullptr;
    for (auto& [name, cells] : rows_) {
      for (Cell& cell : cells) {
        if (cell.examples.empty()) continue;
        if (oldest == nullptr || cell.examples.front().number < oldest->examples.front().number) {
          oldest = &cell;
        }
      }
    }
    if (oldest == nullptr) return;
    oldest->examples.pop_front();
  }
}

void TraceTable::add(const SpanRecord& record) {
  const std::lock_guard lock(mutex_);
  Trace& trace = trace_of(record);
  // The entry ends last and is what makes sense of the others: there is always room for it.
  if (trace.spans.size() < options_.spans || record.is_entry) {
    if (trace.spans.size() >= options_.spans) {
      bytes_ -= trace.spans.back().memory();
      trace.bytes -= trace.spans.back().memory();
      trace.spans.pop_back();
      ++trace.omitted;
    }
    const std::size_t size = trace.spans.emplace_back(record).memory();
    trace.bytes += size;
    bytes_ += size;
  } else {
    ++trace.omitted;
  }
  if (record.is_entry) add_example(record, traces_[std::string(view(record.trace_id))].lock());
  make_room();
  if (traces_.size() > forget_at_) forget_gone();
}

std::vector<TraceTable::Row> TraceTable::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> all;
  for (const auto& [name, cells] : rows_) {
    Row& row = all.emplace_back();
    row.name = name;
    for (std::size_t i = 0; i < bucket_count; ++i) {
      row.buckets[i].count = cells[i].count;
      for (const Example& example : cells[i].examples) {
        row.buckets[i].examples.push_back(example.summary);
      }
      std::ranges::reverse(row.buckets[i].examples);
    }
  }
  return all;
}

std::vector<TraceSummary> TraceTable::recent() const {
  const std::lock_guard lock(mutex_);
  std::vector<TraceSummary> all;
  for (const auto& trace : recent_) {
    for (const SpanRecord& span : trace->spans) {
      if (span.is_entry) all.push_back(summary_of(span));
    }
  }
  std::ranges::sort(all, std::greater(), &TraceSummary::started);
  return all;
}

std::optional<KeptTrace> TraceTable::find(std::string_view trace_id) const {
  const std::lock_guard lock(mutex_);
  const auto known = traces_.find(std::string(trace_id));
  if (known == traces_.end()) return std::nullopt;
  const auto trace = known->second.lock();
  if (!trace) return std::nullopt;
  KeptTrace kept;
  kept.spans = trace->spans;
  kept.omitted = trace->omitted;
  std::ranges::sort(kept.spans, {}, &SpanRecord::started);
  return kept;
}

std::size_t TraceTable::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace kit::telemetry
