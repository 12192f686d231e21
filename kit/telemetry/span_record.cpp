// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/span_record.hpp"

#include <array>
#include <charconv>

namespace kit::telemetry {

std::string_view name(SpanKind kind) {
  switch (kind) {
    case SpanKind::server:
      return "server";
    case SpanKind::client:
      return "client";
    case SpanKind::producer:
      return "producer";
    case SpanKind::consumer:
      return "consumer";
    case SpanKind::internal:
      break;
  }
  return "internal";
}

void SpanRecord::clear() {
  parent_id = {};
  name.clear();
  trace_state.clear();
  kind = SpanKind::internal;
  status = SpanStatus::unset;
  sampled = random = parent_is_remote = is_entry = false;
  status_message.clear();
  attributes.clear();
  events.clear();
  links.clear();
  text.clear();
  dropped_attributes = dropped_events = dropped_links = 0;
}

std::string SpanRecord::value_of(std::string_view attribute) const {
  for (const SpanAttribute& one : attributes) {
    if (name_of(one) == attribute) return shown(*this, one);
  }
  return {};
}

std::size_t SpanRecord::memory() const {
  std::size_t bytes = sizeof(SpanRecord) + name.capacity() + trace_state.capacity() +
                      status_message.capacity() + text.capacity() +
                      attributes.capacity() * sizeof(SpanAttribute) +
                      events.capacity() * sizeof(SpanEvent) + links.capacity() * sizeof(SpanLink);
  for (const SpanEvent& event : events) bytes += event.name.capacity();
  return bytes;
}

std::string shown(const SpanRecord& record, const SpanAttribute& attribute) {
  switch (attribute.kind) {
    case SpanAttribute::Kind::number:
      return std::to_string(attribute.number);
    case SpanAttribute::Kind::flag:
      return attribute.number != 0 ? "true" : "false";
    case SpanAttribute::Kind::fraction: {
      std::array<char, 32> digits{};
      const auto end =
          std::to_chars(digits.data(), digits.data() + digits.size(), attribute.fraction).ptr;
      return {digits.data(), end};
    }
    case SpanAttribute::Kind::text:
      break;
  }
  return std::string(record.text_of(attribute));
}

}  // namespace kit::telemetry
