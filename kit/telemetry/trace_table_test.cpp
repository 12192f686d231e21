// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/trace_table.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace kit::telemetry {
namespace {

using namespace std::chrono_literals;

SpanRecord span_of(const TraceId& trace, std::string name, Clock::duration took, bool is_entry) {
  SpanRecord record;
  record.trace_id = trace;
  record.span_id = new_span_id();
  record.name = std::move(name);
  record.started = Clock::time_point(1h);
  record.ended = record.started + took;
  record.is_entry = is_entry;
  record.sampled = true;
  return record;
}

TraceId add_request(TraceTable& table, const std::string& name, Clock::duration took) {
  const TraceId trace = new_trace_id();
  table.add(span_of(trace, "SELECT", took / 2, false));
  table.add(span_of(trace, name, took, true));
  return trace;
}

TEST(TraceTable, PutsRequestsWhereTheirDurationBelongs) {
  TraceTable table;
  const TraceId at = add_request(table, "GET /a", 5ms);
  const TraceId past = add_request(table, "GET /a", 5ms + 1ns);
  const TraceId slowest = add_request(table, "GET /a", 5'001ms);
  SpanRecord failed = span_of(new_trace_id(), "GET /b", 1ms, true);
  failed.status = SpanStatus::error;
  table.add(failed);
  const auto rows = table.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].name, "GET /a");
  ASSERT_EQ(rows[0].buckets[0].examples.size(), 1U);
  EXPECT_EQ(rows[0].buckets[0].examples[0].trace_id, at);
  EXPECT_EQ(rows[0].buckets[1].examples[0].trace_id, past);
  EXPECT_EQ(rows[0].buckets[TraceTable::bounds.size()].examples[0].trace_id, slowest);
  EXPECT_EQ(rows[0].buckets[TraceTable::failed_bucket].count, 0U);
  EXPECT_EQ(rows[1].buckets[TraceTable::failed_bucket].count, 1U);
  EXPECT_EQ(rows[1].buckets[0].count, 1U);
  const auto kept = table.find(view(at));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->spans.size(), 2U);
  EXPECT_FALSE(table.find("4bf92f3577b34da6a3ce929d0e0e4736"));
  EXPECT_EQ(table.recent().size(), 4U);
}

TEST(TraceTable, AFloodOfQuickOnesLeavesTheSlowOne) {
  TraceTableOptions options;
  options.recent = 8;
  options.per_bucket = 2;
  TraceTable table(options);
  const TraceId slow = add_request(table, "GET /a", 700ms);
  TraceId last{};
  for (int i = 0; i < 10'000; ++i) last = add_request(table, "GET /a", 1ms);
  const auto kept = table.find(view(slow));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->spans.size(), 2U);
  const auto rows = table.rows();
  EXPECT_EQ(rows[0].buckets[0].count, 10'000U);
  ASSERT_EQ(rows[0].buckets[0].examples.size(), 2U);
  EXPECT_EQ(rows[0].buckets[0].examples[0].trace_id, last);
  EXPECT_EQ(table.recent().size(), 8U);
}

TEST(TraceTable, StaysWithinItsMemory) {
  TraceTableOptions options;
  options.bytes = 64 << 10;
  options.names = 20;
  TraceTable table(options);
  for (int i = 0; i < 5'000; ++i) {
    add_request(table, "GET /" + std::to_string(i % 50), std::chrono::milliseconds(i % 2'000));
    ASSERT_LE(table.bytes(), options.bytes + 4'096);
  }
  EXPECT_EQ(table.rows().size(), 21U);  // with "other"
  EXPECT_FALSE(table.recent().empty());
}

TEST(TraceTable, OneTraceTakesNoMoreThanItsSpans) {
  TraceTableOptions options;
  options.spans = 3;
  TraceTable table(options);
  const TraceId trace = new_trace_id();
  for (int i = 0; i < 5; ++i) table.add(span_of(trace, "SELECT", 1ms, false));
  table.add(span_of(trace, "GET /", 9ms, true));
  const auto kept = table.find(view(trace));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->spans.size(), 3U);
  EXPECT_EQ(kept->omitted, 3U);
  EXPECT_TRUE(std::ranges::any_of(kept->spans, &SpanRecord::is_entry));
}

}  // namespace
}  // namespace kit::telemetry
