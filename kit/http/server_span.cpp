// SPDX-License-Identifier: Apache-2.0
#include "kit/http/server_span.hpp"

#include <algorithm>
#include <string>

#include "kit/telemetry/span.hpp"
#include "kit/telemetry/trace_context.hpp"
#include "kit/telemetry/tracer.hpp"

namespace kit::http {
namespace {

namespace attribute = telemetry::attribute;

void describe(telemetry::Span& span, const RequestObserver::Finished& finished) {
  const Request& request = finished.request;
  const bool is_known = request.method != Method::other;
  span.set(attribute::http_method, is_known ? name(request.method) : "_OTHER");
  if (!is_known) span.set(attribute::http_method_original, request.method_name);
  // The query is left out: it may carry what people search for.
  span.set(attribute::url_path, request.path);
  span.set(attribute::url_scheme, request.tls != nullptr ? "https" : "http");
  if (!request.route.empty()) span.set(attribute::http_route, request.route);
  span.set(attribute::http_status, finished.status);
  span.set(attribute::http_response_size, static_cast<std::int64_t>(finished.response_bytes));
  span.set(attribute::client_address, request.peer);
  if (const auto agent = request.header("user-agent")) span.set(attribute::user_agent, *agent);
  span.set(attribute::request_id, request.request_id);
  if (!request.log_context->user.empty()) {
    span.set(attribute::user_id, request.log_context->user);
  }
  // What a client did wrong is no error of the server's.
  if (finished.status < 500) return;
  if (finished.error != nullptr) {
    span.fail(*finished.error);
  } else {
    span.fail(std::to_string(finished.status));
  }
}

}  // namespace

void record_server_span(const RequestObserver::Finished& finished) {
  const Request& request = finished.request;
  const LogContext* const log = request.log_context;
  if (log == nullptr || log->tracer == nullptr) return;
  if (!log->sampled) {
    const auto slow = log->tracer->slow();
    if (slow.count() == 0 || (finished.duration < slow && finished.status < 500)) return;
  }
  const bool is_known = request.method != Method::other;
  std::string title(is_known ? name(request.method) : "HTTP");
  if (!request.route.empty()) title.append(" ").append(request.route);
  // Whom it continues, or would have, had it been trusted.
  telemetry::SpanId parent{};
  const auto named = telemetry::parse_trace_parent(request.header("traceparent").value_or(""));
  const bool continues = named && named->trace_id == telemetry::view(log->trace_id);
  if (continues) std::ranges::copy(named->span_id, parent.begin());
  const Clock::time_point now = Clock::now();
  telemetry::Span span = telemetry::Span::entry(*log, title, telemetry::SpanKind::server, parent,
                                                now - finished.duration);
  describe(span, finished);
  if (named && !continues) span.add_link(named->trace_id, named->span_id);
  span.end_at(now);
}

}  // namespace kit::http
