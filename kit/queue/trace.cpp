// SPDX-License-Identifier: Apache-2.0
#include "kit/queue/trace.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "kit/telemetry/trace_context.hpp"

namespace kit::queue {
namespace {

namespace attribute = telemetry::attribute;

constexpr std::string_view trace_parent_header = "traceparent";

/// Below what `message` says it belongs to, when that is recorded.
telemetry::Span span_of(const Message& message, std::string_view title, telemetry::Tracer* tracer) {
  const auto named = telemetry::parse_trace_parent(header(message, trace_parent_header));
  if (!named) return {title, telemetry::SpanKind::producer};
  LogContext work;
  std::ranges::copy(named->trace_id, work.trace_id.begin());
  std::ranges::copy(named->span_id, work.span_id.begin());
  work.sampled = (named->flags & telemetry::flag_sampled) != 0;
  work.random = (named->flags & telemetry::flag_random) != 0;
  work.tracer = tracer;
  return {&work, title, telemetry::SpanKind::producer};
}

void set_header(Message& message, std::string value) {
  for (auto& [name, known] : message.headers) {
    if (name != trace_parent_header) continue;
    known = std::move(value);
    return;
  }
  message.headers.emplace_back(trace_parent_header, std::move(value));
}

/// The header of a message whose span is `span`; nothing where there is no trace.
std::string header_for(const telemetry::Span& span) {
  LogContext work;
  if (span.is_recording()) {
    work.trace_id = span.record()->trace_id;
    work.sampled = true;
    work.random = span.record()->random;
    return telemetry::trace_parent(work, span.record()->span_id);
  }
  const LogContext* const around = current_log_context;
  if (around == nullptr || !telemetry::is_set(around->trace_id)) return {};
  return telemetry::trace_parent(*around, around->span_id);
}

}  // namespace

std::string_view header(const Message& message, std::string_view name) {
  const auto found = std::ranges::find(message.headers, name,
                                       [](const auto& one) { return std::string_view(one.first); });
  return found == message.headers.end() ? std::string_view() : std::string_view(found->second);
}

std::vector<telemetry::Span> trace_messages(std::span<Message> messages,
                                            telemetry::Tracer* tracer) {
  std::vector<telemetry::Span> spans;
  for (Message& message : messages) {
    telemetry::Span span = span_of(message, "send " + message.topic, tracer);
    const bool has_own = !header(message, trace_parent_header).empty();
    std::string value = span.is_recording() || !has_own ? header_for(span) : std::string();
    if (!value.empty()) set_header(message, std::move(value));
    if (!span.is_recording()) continue;
    span.set(attribute::messaging_operation, "send");
    span.set(attribute::messaging_operation_type, "send");
    span.set(attribute::messaging_destination, message.topic);
    span.set(attribute::messaging_message_id, message.id);
    spans.push_back(std::move(span));
  }
  return spans;
}

void end_spans(std::vector<telemetry::Span>& spans, const Result<>& how) {
  for (telemetry::Span& span : spans) {
    if (!how) span.fail(how.error());
    span.end();
  }
  spans.clear();
}

telemetry::SpanScope message_scope(telemetry::Tracer* tracer, const Message& message) {
  const std::string title = "process " + message.topic;
  telemetry::SpanScope::Begin begin;
  begin.tracer = tracer;
  begin.name = title;
  begin.kind = telemetry::SpanKind::consumer;
  begin.trace_parent = header(message, trace_parent_header);
  return telemetry::SpanScope(begin);
}

Task<> TracedPublisher::publish(std::span<const Message> messages) {
  std::vector<Message> told(messages.begin(), messages.end());
  std::vector<telemetry::Span> spans = trace_messages(told, tracer_);
  Task<> publishing = inner_.publish(told);
  const Result<> published = co_await as_result(std::move(publishing));
  end_spans(spans, published);
  if (!published) co_await published.error().clone();
}

}  // namespace kit::queue
