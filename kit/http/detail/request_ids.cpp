// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/request_ids.hpp"

#include <algorithm>

#include "kit/http/detail/chars.hpp"
#include "kit/telemetry/trace_context.hpp"
#include "kit/telemetry/trace_ids.hpp"

namespace kit::http::detail {
namespace {

void set_request_id(LogContext& log, std::string_view request_id) {
  log.request_id = is_safe_request_id(request_id)
                       ? request_id
                       : std::string_view(log.span_id.data(), log.span_id.size());
}

/// The value of a list that may come in several fields, as if it had come in one.
std::string_view list_of(const RequestHead& head, std::string_view lower_name,
                         std::string& joined) {
  std::string_view only;
  std::size_t fields = 0;
  const std::size_t before = joined.size();
  for (const Header& header : head.headers) {
    if (!equals_lower(header.name, lower_name)) continue;
    if (++fields == 2) joined.append(only);
    if (fields >= 2) joined.append(",").append(header.value);
    only = header.value;
  }
  return fields < 2 ? only : std::string_view(joined).substr(before);
}

bool has_header(const RequestHead& head, std::string_view lower_name) {
  return std::ranges::any_of(
      head.headers, [&](const Header& header) { return equals_lower(header.name, lower_name); });
}

}  // namespace

bool is_safe_request_id(std::string_view id) {
  return id.size() <= 128 && all_of_class(id, char_safe_id);
}

void identify(LogContext& log, std::string_view trace_parent, std::string_view request_id) {
  log.tracer = nullptr;
  log.threshold = {};
  log.trace_state = {};
  log.baggage = {};
  log.span_id = telemetry::new_span_id();
  if (const auto parent = telemetry::parse_trace_parent(trace_parent)) {
    parent->trace_id.copy(log.trace_id.data(), log.trace_id.size());
    log.sampled = (parent->flags & telemetry::flag_sampled) != 0;
    log.random = (parent->flags & telemetry::flag_random) != 0;
  } else {
    log.trace_id = telemetry::new_trace_id();
    log.sampled = false;
    log.random = true;
  }
  set_request_id(log, request_id);
}

void identify(LogContext& log, telemetry::Tracer& tracer, const telemetry::IncomingTrace& incoming,
              std::string_view request_id) {
  tracer.identify(log, incoming);
  set_request_id(log, request_id);
}

telemetry::IncomingTrace incoming_trace(const RequestHead& head, std::string_view peer,
                                        telemetry::Tracer& tracer, std::string& joined) {
  telemetry::IncomingTrace incoming;
  const std::string_view force_header = tracer.force_header();  // until the next call of it
  incoming.is_forced = !force_header.empty() && has_header(head, force_header);
  const bool says_nothing = head.trace_parent < 0 && head.baggage < 0 && !incoming.is_forced;
  if (says_nothing || !tracer.trusts(peer)) return {};
  incoming.is_trusted = true;
  // Views into `joined` must not move: as long as all fields together.
  std::size_t most = 0;
  for (const Header& header : head.headers) most += header.value.size() + 1;
  joined.clear();
  joined.reserve(most);
  if (head.baggage >= 0) incoming.baggage = list_of(head, "baggage", joined);
  if (head.trace_parent >= 0) {
    incoming.trace_parent = head.headers[static_cast<std::size_t>(head.trace_parent)].value;
    incoming.trace_state = list_of(head, "tracestate", joined);
  }
  return incoming;
}

}  // namespace kit::http::detail
