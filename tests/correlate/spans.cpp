// SPDX-License-Identifier: Apache-2.0
// Writes an OTLP request with every field that kit ever sends, always the same bytes.
#include <cstdio>
#include <limits>

#include "kit/adapters/otlp/encode.hpp"

namespace {

using kit::telemetry::SpanAttribute;
using kit::telemetry::SpanRecord;

SpanAttribute& add(SpanRecord& span, std::string_view name, SpanAttribute::Kind kind) {
  SpanAttribute& attribute = span.attributes.emplace_back();
  attribute.name_at = static_cast<std::uint32_t>(span.text.size());
  attribute.name_size = static_cast<std::uint32_t>(name.size());
  attribute.kind = kind;
  span.text.append(name);
  return attribute;
}

void add_text(SpanRecord& span, std::string_view name, std::string_view value) {
  SpanAttribute& attribute = add(span, name, SpanAttribute::Kind::text);
  attribute.text_at = static_cast<std::uint32_t>(span.text.size());
  attribute.text_size = static_cast<std::uint32_t>(value.size());
  span.text.append(value);
}

std::unique_ptr<SpanRecord> request() {
  auto span = std::make_unique<SpanRecord>();
  kit::telemetry::write_hex(0x4bf92f3577b34da6, span->trace_id.data());
  kit::telemetry::write_hex(0xa3ce929d0e0e4736, span->trace_id.data() + 16);
  kit::telemetry::write_hex(0x00f067aa0ba902b7, span->span_id.data());
  span->name = "GET /tracks/{id}";
  span->kind = kit::telemetry::SpanKind::server;
  span->started = kit::Clock::time_point(std::chrono::seconds(1));
  span->ended = span->started + std::chrono::milliseconds(250);
  span->sampled = span->random = span->is_entry = true;
  span->trace_state = "ot=th:fd70a3d70a3d7";
  return span;
}

std::unique_ptr<SpanRecord> everything() {
  auto span = request();
  kit::telemetry::write_hex(0xb7ad6b7169203331, span->span_id.data());
  kit::telemetry::write_hex(0x00f067aa0ba902b7, span->parent_id.data());
  span->name = "caf\xE9 \xF0\x9F\x8E\xB5";  // half of it is no UTF-8
  span->kind = kit::telemetry::SpanKind::client;
  span->parent_is_remote = true;
  span->status = kit::telemetry::SpanStatus::error;
  span->status_message = "UNAVAILABLE";
  add_text(*span, "db.system.name", "sqlite");
  add_text(*span, "empty", "");
  add(*span, "least", SpanAttribute::Kind::number).number =
      std::numeric_limits<std::int64_t>::min();
  add(*span, "most", SpanAttribute::Kind::number).number = std::numeric_limits<std::int64_t>::max();
  add(*span, "half", SpanAttribute::Kind::fraction).fraction = 0.5;
  add(*span, "yes", SpanAttribute::Kind::flag).number = 1;
  add(*span, "no", SpanAttribute::Kind::flag);
  add_text(*span, "long", std::string(300, 'x'));
  span->dropped_attributes = 1;
  span->events.push_back({span->started + std::chrono::milliseconds(5), "first byte"});
  span->dropped_events = 2;
  span->links.push_back({span->trace_id, span->parent_id});
  span->dropped_links = 3;
  return span;
}

}  // namespace

int main() {
  std::vector<std::unique_ptr<SpanRecord>> spans;
  spans.push_back(request());
  spans.push_back(everything());
  kit::otlp::Resource resource;
  resource.service_name = "store";
  resource.service_version = "1.2";
  resource.service_instance_id = "instance-1";
  resource.attributes = {{"deployment.environment.name", "test"}};
  const std::string bytes =
      kit::otlp::encode_traces(spans, resource, std::chrono::seconds(1'700'000'000));
  return std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() ? 0 : 1;
}
