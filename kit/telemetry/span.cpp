// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/span.hpp"

#include <algorithm>

#include "kit/log/key.hpp"
#include "kit/telemetry/tracer.hpp"

namespace kit::telemetry {
namespace {

constexpr std::size_t most_own_name_bytes = 128;
/// Of all attributes of a span, those that were set again included.
constexpr std::size_t most_span_text_bytes = most_attributes * most_text_bytes;

}  // namespace

Span& Span::operator=(Span&& other) noexcept {
  if (this == &other) return *this;
  if (record_) drop();
  record_ = std::move(other.record_);
  tracer_ = std::exchange(other.tracer_, nullptr);
  return *this;
}

void Span::begin(const LogContext& parent, std::string_view name, SpanKind kind) {
  tracer_ = parent.tracer;
  record_ = tracer_->acquire();
  record_->trace_id = parent.trace_id;
  record_->span_id = new_span_id();
  record_->parent_id = parent.span_id;
  record_->kind = kind;
  record_->sampled = true;
  record_->random = parent.random;
  if (parent.threshold[0] != '\0' || !parent.trace_state.empty()) {
    record_->trace_state = trace_state(parent);
  }
  set_name(name);
  record_->started = Clock::now();
}

Span Span::entry(const LogContext& log, std::string_view name, SpanKind kind, const SpanId& parent,
                 Clock::time_point started) {
  Span span;
  if (log.tracer == nullptr) return span;
  span.tracer_ = log.tracer;
  span.record_ = log.tracer->acquire();
  SpanRecord& record = *span.record_;
  record.trace_id = log.trace_id;
  record.span_id = log.span_id;
  record.parent_id = parent;
  record.kind = kind;
  record.sampled = log.sampled;
  record.random = log.random;
  record.parent_is_remote = is_set(parent);
  record.is_entry = true;
  if (log.sampled) record.trace_state = trace_state(log);
  span.set_name(name);
  record.started = started;
  return span;
}

void Span::set_name(std::string_view name) {
  record_->name = name.substr(0, most_name_bytes);
}

SpanAttribute* Span::add_attribute(std::string_view name) {
  // The last value of a name counts; there are few of them.
  for (SpanAttribute& known : record_->attributes) {
    if (record_->name_of(known) == name) return &known;
  }
  if (record_->attributes.size() == most_attributes) {
    ++record_->dropped_attributes;
    return nullptr;
  }
  SpanAttribute& attribute = record_->attributes.emplace_back();
  attribute.name = name.data();
  attribute.name_size = static_cast<std::uint32_t>(name.size());
  return &attribute;
}

/// Its name is copied.
SpanAttribute* Span::add_own_attribute(std::string_view name) {
  name = name.substr(0, most_own_name_bytes);
  SpanAttribute* const attribute = name.empty() ? nullptr : add_attribute(name);
  if (attribute == nullptr || attribute->name != name.data()) return attribute;
  attribute->name = nullptr;
  attribute->name_at = static_cast<std::uint32_t>(record_->text.size());
  record_->text.append(name);
  return attribute;
}

void Span::put_text(SpanAttribute& attribute, std::string_view value) {
  value = value.substr(0, most_text_bytes);
  if (record_->text.size() + value.size() > most_span_text_bytes) {
    ++record_->dropped_attributes;
    value = {};
  }
  attribute.kind = SpanAttribute::Kind::text;
  attribute.text_at = static_cast<std::uint32_t>(record_->text.size());
  attribute.text_size = static_cast<std::uint32_t>(value.size());
  record_->text.append(value);
}

void Span::add(std::string_view name, std::string_view value) {
  if (SpanAttribute* const attribute = add_attribute(name)) put_text(*attribute, value);
}

void Span::add(std::string_view name, std::int64_t value) {
  SpanAttribute* const attribute = add_attribute(name);
  if (attribute == nullptr) return;
  attribute->kind = SpanAttribute::Kind::number;
  attribute->number = value;
}

void Span::add(std::string_view name, bool value) {
  SpanAttribute* const attribute = add_attribute(name);
  if (attribute == nullptr) return;
  attribute->kind = SpanAttribute::Kind::flag;
  attribute->number = value ? 1 : 0;
}

void Span::add_own(std::string_view name, std::string_view value) {
  SpanAttribute* const attribute = add_own_attribute(name);
  if (attribute == nullptr) return;
  put_text(*attribute, log::is_secret_key(name) ? hidden_secret : value);
}

void Span::add_own_number(std::string_view name, std::int64_t value) {
  SpanAttribute* const attribute = add_own_attribute(name);
  if (attribute == nullptr) return;
  attribute->kind = SpanAttribute::Kind::number;
  attribute->number = value;
}

void Span::add_own_fraction(std::string_view name, double value) {
  SpanAttribute* const attribute = add_own_attribute(name);
  if (attribute == nullptr) return;
  attribute->kind = SpanAttribute::Kind::fraction;
  attribute->fraction = value;
}

void Span::add_own_flag(std::string_view name, bool value) {
  SpanAttribute* const attribute = add_own_attribute(name);
  if (attribute == nullptr) return;
  attribute->kind = SpanAttribute::Kind::flag;
  attribute->number = value ? 1 : 0;
}

void Span::add_event_now(std::string_view name) {
  if (record_->events.size() == most_events) {
    ++record_->dropped_events;
    return;
  }
  record_->events.push_back({Clock::now(), std::string(name.substr(0, most_name_bytes))});
}

void Span::add_link_to(std::string_view trace_id, std::string_view span_id) {
  SpanLink link;
  if (!is_trace_id(trace_id) || trace_id.size() != link.trace_id.size()) return;
  if (!is_trace_id(span_id) || span_id.size() != link.span_id.size()) return;
  if (record_->links.size() == most_links) {
    ++record_->dropped_links;
    return;
  }
  std::ranges::copy(trace_id, link.trace_id.begin());
  std::ranges::copy(span_id, link.span_id.begin());
  record_->links.push_back(link);
}

void Span::set_error(const Error& why) {
  set_error(why.reason().empty() ? kit::name(why.code()) : std::string_view(why.reason()));
}

void Span::set_error(std::string_view type) {
  record_->status = SpanStatus::error;
  add(attribute::error_type.name, type);
}

void Span::end_at(Clock::time_point ended) {
  if (!record_) return;
  record_->ended = ended;
  if (!record_->sampled) {
    const auto slow = tracer_->slow();
    const bool is_slow = slow.count() > 0 && ended - record_->started >= slow;
    const bool is_failed = slow.count() > 0 && record_->status == SpanStatus::error;
    if (!is_slow && !is_failed) return tracer_->reuse(std::move(record_));
  }
  tracer_->submit(std::move(record_));
}

void Span::finish() {
  end_at(Clock::now());
}

void Span::drop() {
  set_error(kit::name(Code::cancelled));
  finish();
}

SpanScope::SpanScope(std::string_view name, SpanKind kind) : span_(name, kind) {
  if (!span_.is_recording()) return;
  LogContext log = *current_log_context;
  log.span_id = span_.record()->span_id;
  inside_.emplace(log);
}

SpanScope::SpanScope(const Begin& begin) {
  LogContext log;
  IncomingTrace incoming;
  incoming.trace_parent = begin.trace_parent;
  incoming.is_trusted = true;
  SpanId parent{};
  if (begin.tracer != nullptr) {
    begin.tracer->identify(log, incoming);
    begin.tracer->decide(log, begin.name, incoming);
  } else {
    log.trace_id = new_trace_id();
    log.span_id = new_span_id();
    log.random = true;
  }
  if (const auto named = parse_trace_parent(begin.trace_parent);
      named && named->trace_id == view(log.trace_id)) {
    std::ranges::copy(named->span_id, parent.begin());
  }
  span_ = Span::entry(log, begin.name, begin.kind, parent, Clock::now());
  log.request_id = begin.request_id;
  inside_.emplace(log);
  if (begin.request_id.empty()) inside_->log.request_id = view(inside_->log.span_id);
}

void SpanScope::leave() {
  if (!inside_) return;
  inside_->scope.leave();
  inside_.reset();
}

void SpanScope::end() {
  span_.end();
  leave();
}

void SpanScope::end(const Result<>& how) {
  if (!how) span_.fail(how.error());
  end();
}

}  // namespace kit::telemetry
