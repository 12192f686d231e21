// SPDX-License-Identifier: Apache-2.0
// Field numbers: opentelemetry-proto, trace/v1/trace.proto, common/v1/common.proto,
// resource/v1/resource.proto and collector/trace/v1/trace_service.proto.
#include "kit/adapters/otlp/encode.hpp"

#include <algorithm>
#include <array>

#include "kit/adapters/otlp/detail/protobuf.hpp"
#include "kit/base/text.hpp"

namespace kit::otlp {
namespace {

using detail::ProtobufReader;
using detail::ProtobufWriter;
using telemetry::SpanAttribute;
using telemetry::SpanRecord;

constexpr std::string_view schema_url = "https://opentelemetry.io/schemas/1.44.0";
constexpr std::string_view scope_name = "kit";
constexpr std::uint32_t has_is_remote = 0x100;
constexpr std::uint32_t is_remote = 0x200;

void put_text(ProtobufWriter& out, std::uint32_t field, std::string_view text) {
  if (is_utf8(text)) {
    out.bytes(field, text);
  } else {
    out.bytes(field, valid_utf8(text));
  }
}

void put_text_if_any(ProtobufWriter& out, std::uint32_t field, std::string_view text) {
  if (!text.empty()) put_text(out, field, text);
}

/// `from` is hex of ids, which are made of nothing else.
template <std::size_t Size>
void put_id(ProtobufWriter& out, std::uint32_t field, const std::array<char, Size>& id) {
  std::array<char, Size / 2> bytes;
  const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(nibble(id[2 * i]) << 4 | nibble(id[2 * i + 1]));
  }
  out.bytes(field, {bytes.data(), bytes.size()});
}

/// KeyValue{key 1, value 2}; AnyValue{string 1, bool 2, int 3, double 4}.
template <class Value>
void put_attribute(ProtobufWriter& out, std::uint32_t field, std::string_view key, Value value) {
  out.message(field, [&] {
    put_text(out, 1, key);
    out.message(2, [&] { value(); });
  });
}

void put_text_attribute(ProtobufWriter& out, std::uint32_t field, std::string_view key,
                        std::string_view value) {
  put_attribute(out, field, key, [&] { put_text(out, 1, value); });
}

void put_attribute_of(ProtobufWriter& out, const SpanRecord& span, const SpanAttribute& one) {
  put_attribute(out, 9, span.name_of(one), [&] {
    switch (one.kind) {
      case SpanAttribute::Kind::text:
        put_text(out, 1, span.text_of(one));
        break;
      case SpanAttribute::Kind::flag:
        out.varint(2, one.number != 0 ? 1 : 0);
        break;
      case SpanAttribute::Kind::number:
        out.varint(3, static_cast<std::uint64_t>(one.number));
        break;
      case SpanAttribute::Kind::fraction:
        out.number(4, one.fraction);
        break;
    }
  });
}

std::uint64_t unix_nanoseconds(Clock::time_point at, std::chrono::nanoseconds epoch) {
  const auto since = std::chrono::nanoseconds(at.time_since_epoch()) + epoch;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0));
}

void put_events_and_links(ProtobufWriter& out, const SpanRecord& span,
                          std::chrono::nanoseconds epoch) {
  for (const telemetry::SpanEvent& event : span.events) {
    out.message(11, [&] {
      out.fixed64(1, unix_nanoseconds(event.at, epoch));
      put_text(out, 2, event.name);
    });
  }
  if (span.dropped_events > 0) out.varint(12, span.dropped_events);
  for (const telemetry::SpanLink& link : span.links) {
    out.message(13, [&] {
      put_id(out, 1, link.trace_id);
      put_id(out, 2, link.span_id);
    });
  }
  if (span.dropped_links > 0) out.varint(14, span.dropped_links);
}

void put_span(ProtobufWriter& out, const SpanRecord& span, std::chrono::nanoseconds epoch) {
  put_id(out, 1, span.trace_id);
  put_id(out, 2, span.span_id);
  put_text_if_any(out, 3, span.trace_state);
  if (telemetry::is_set(span.parent_id)) put_id(out, 4, span.parent_id);
  put_text(out, 5, span.name);
  out.varint(6, static_cast<std::uint64_t>(span.kind));
  out.fixed64(7, unix_nanoseconds(span.started, epoch));
  out.fixed64(8, unix_nanoseconds(std::max(span.ended, span.started), epoch));
  for (const SpanAttribute& one : span.attributes) put_attribute_of(out, span, one);
  if (span.dropped_attributes > 0) out.varint(10, span.dropped_attributes);
  put_events_and_links(out, span, epoch);
  if (span.status != telemetry::SpanStatus::unset) {
    out.message(15, [&] {
      put_text_if_any(out, 2, span.status_message);
      out.varint(3, static_cast<std::uint64_t>(span.status));
    });
  }
  const std::uint32_t flags = (span.sampled ? 1U : 0U) | (span.random ? 2U : 0U) | has_is_remote |
                              (span.parent_is_remote ? is_remote : 0U);
  out.fixed32(16, flags);
}

void put_resource(ProtobufWriter& out, const Resource& resource) {
  put_text_attribute(out, 1, "service.name", resource.service_name);
  if (!resource.service_version.empty()) {
    put_text_attribute(out, 1, "service.version", resource.service_version);
  }
  if (!resource.service_instance_id.empty()) {
    put_text_attribute(out, 1, "service.instance.id", resource.service_instance_id);
  }
  put_text_attribute(out, 1, "telemetry.sdk.language", "cpp");
  put_text_attribute(out, 1, "telemetry.sdk.name", "kit");
  put_text_attribute(out, 1, "telemetry.sdk.version", KIT_VERSION);
  for (const auto& [key, value] : resource.attributes) put_text_attribute(out, 1, key, value);
}

}  // namespace

std::chrono::nanoseconds since_epoch_of_clock() {
  const auto steady = Clock::now().time_since_epoch();
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::nanoseconds(wall) - std::chrono::nanoseconds(steady);
}

std::string encode_traces(std::span<const std::unique_ptr<SpanRecord>> spans,
                          const Resource& resource, std::chrono::nanoseconds epoch) {
  std::string request;
  constexpr std::size_t usual_span = 400;
  request.reserve(spans.size() * usual_span);
  ProtobufWriter out(request);
  out.message(1, [&] {                                     // resource_spans
    out.message(1, [&] { put_resource(out, resource); });  // resource
    out.message(2, [&] {                                   // scope_spans
      out.message(1, [&] {                                 // scope
        out.bytes(1, scope_name);
        out.bytes(2, KIT_VERSION);
      });
      for (const auto& span : spans) {
        out.message(2, [&] { put_span(out, *span, epoch); });
      }
      out.bytes(3, schema_url);
    });
    out.bytes(3, schema_url);
  });
  return request;
}

Result<PartialSuccess> decode_response(std::string_view body) {
  PartialSuccess partial;
  ProtobufReader response(body);
  ProtobufReader::Field field;
  bool is_good = true;
  while (response.next(field)) {
    if (field.number != 1) continue;
    ProtobufReader inner(field.bytes);
    ProtobufReader::Field part;
    while (inner.next(part)) {
      if (part.number == 1) partial.rejected = static_cast<std::int64_t>(part.value);
      if (part.number == 2) partial.message = valid_utf8(part.bytes.substr(0, 1'000));
    }
    is_good &= inner.is_good();
  }
  if (!is_good || !response.is_good()) {
    return invalid("response", "is no ExportTraceServiceResponse");
  }
  return partial;
}

}  // namespace kit::otlp
