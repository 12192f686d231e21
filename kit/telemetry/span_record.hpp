// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/time.hpp"
#include "kit/telemetry/trace_ids.hpp"

namespace kit::telemetry {

/// Limits of one span; what is past them is left out and counted (texts are cut).
inline constexpr std::size_t most_attributes = 128;
inline constexpr std::size_t most_events = 128;
inline constexpr std::size_t most_links = 128;
inline constexpr std::size_t most_text_bytes = 1'024;
inline constexpr std::size_t most_name_bytes = 256;

/// As OTLP numbers them.
enum class SpanKind : std::uint8_t {
  internal = 1,
  server = 2,
  client = 3,
  producer = 4,
  consumer = 5
};
enum class SpanStatus : std::uint8_t { unset = 0, ok = 1, error = 2 };

std::string_view name(SpanKind kind);  ///< "server"

struct SpanAttribute {
  enum class Kind : std::uint8_t { text, number, fraction, flag };
  const char* name = nullptr;  ///< A literal; null: `name_at` in the record's text.
  std::uint32_t name_at = 0;
  std::uint32_t name_size = 0;
  Kind kind = Kind::text;
  std::int64_t number = 0;  ///< Also a flag: 0 or 1.
  double fraction = 0;
  std::uint32_t text_at = 0;
  std::uint32_t text_size = 0;
};

struct SpanEvent {
  Clock::time_point at;
  std::string name;
};

struct SpanLink {
  TraceId trace_id{};
  SpanId span_id{};
};

/// What is known of a span that has ended. Used again and again: emptied, it keeps its memory.
struct SpanRecord {
  TraceId trace_id{};
  SpanId span_id{};
  SpanId parent_id{};  ///< All zero bytes: the root of its trace.
  std::string name;
  std::string trace_state;  ///< W3C tracestate, `ot=th:` included.
  Clock::time_point started;
  Clock::time_point ended;
  SpanKind kind = SpanKind::internal;
  SpanStatus status = SpanStatus::unset;
  bool sampled = false;           ///< Else it is for the pages of this process only.
  bool random = false;            ///< W3C flag 02.
  bool parent_is_remote = false;  ///< Another process has it.
  bool is_entry = false;  ///< The first span of its trace in this process: a request, a job.
  std::string status_message;
  std::vector<SpanAttribute> attributes;
  std::vector<SpanEvent> events;
  std::vector<SpanLink> links;
  std::string text;  ///< What attributes point into.
  std::uint32_t dropped_attributes = 0;
  std::uint32_t dropped_events = 0;
  std::uint32_t dropped_links = 0;

  void clear();
  std::string_view name_of(const SpanAttribute& attribute) const {
    if (attribute.name != nullptr) return {attribute.name, attribute.name_size};
    return std::string_view(text).substr(attribute.name_at, attribute.name_size);
  }
  std::string_view text_of(const SpanAttribute& attribute) const {
    return std::string_view(text).substr(attribute.text_at, attribute.text_size);
  }
  /// The value of the attribute of this name as text; empty when there is none.
  std::string value_of(std::string_view attribute) const;
  /// About how much memory it takes.
  std::size_t memory() const;
};

/// The value as it is shown.
std::string shown(const SpanRecord& record, const SpanAttribute& attribute);

}  // namespace kit::telemetry
