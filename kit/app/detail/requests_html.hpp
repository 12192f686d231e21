// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "kit/telemetry/trace_table.hpp"

namespace kit::app::detail {

/// A span and how deep it is below the first of its trace in this process.
struct PlacedSpan {
  const telemetry::SpanRecord* span;
  std::size_t depth;
};
/// Parents before their children, and children in the order of their start.
std::vector<PlacedSpan> placed(const telemetry::KeptTrace& trace);

/// "5 ms", of the bucket at `index` of a row: its upper bound.
std::string bucket_name(std::size_t index);
/// "1.25 s", "480 us"
std::string readable(Clock::duration duration);

/// The page of all requests. `now`: for how long ago they were.
std::string list_page(const std::vector<telemetry::TraceTable::Row>& rows,
                      const std::vector<telemetry::TraceSummary>& recent, Clock::time_point now);
/// The page of one trace.
std::string trace_page(std::string_view id, const telemetry::KeptTrace& trace,
                       const std::vector<std::string>& lines, Clock::time_point now);
std::string missing_page(std::string_view id);

}  // namespace kit::app::detail
