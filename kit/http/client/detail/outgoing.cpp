// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/context.hpp"
#include "kit/base/text.hpp"
#include "kit/http/client/detail/core.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/telemetry/trace_context.hpp"

namespace kit::http::detail {
namespace {

using namespace std::string_view_literals;

/// Fields that the client writes itself.
constexpr std::array own_fields = {"connection"sv,
                                   "content-length"sv,
                                   "expect"sv,
                                   "host"sv,
                                   "keep-alive"sv,
                                   "proxy-authorization"sv,
                                   "proxy-connection"sv,
                                   "request-timeout-ms"sv,
                                   "te"sv,
                                   "trailer"sv,
                                   "transfer-encoding"sv,
                                   "upgrade"sv};
/// Fields that are not told to another origin than they were meant for: those that browsers know,
/// and the usual names of keys.
constexpr std::array private_fields = {"authorization"sv, "baggage"sv,      "cookie"sv,
                                       "cookie2"sv,       "x-api-key"sv,    "x-auth-token"sv,
                                       "x-csrf-token"sv,  "x-xsrf-token"sv, "www-authenticate"sv};

template <std::size_t Size>
bool is_one_of(std::string_view name, const std::array<std::string_view, Size>& names) {
  return std::ranges::any_of(names, [&](std::string_view one) { return equals_lower(name, one); });
}

bool has_field(const Outgoing& outgoing, std::string_view lower_name) {
  return std::ranges::any_of(
      outgoing.headers, [&](const auto& field) { return equals_lower(field.first, lower_name); });
}

Result<> add_field(Outgoing& outgoing, std::string name, std::string value) {
  if (!all_of_class(name, char_token)) return invalid("headers", "has a name that is no token");
  if (!is_field_value(value)) return invalid("headers." + name, "has a control character");
  outgoing.headers.emplace_back(std::move(name), std::move(value));
  return {};
}

/// Whether a Connection field of `request` names this field.
bool is_connection_option(const Request& request, std::string_view field) {
  for (const Header& header : request.headers) {
    if (!equals_lower(header.name, "connection")) continue;
    for (std::string_view option : split(header.value, ',')) {
      if (iequals(trim_blanks(option), field)) return true;
    }
  }
  return false;
}

void become_get(Outgoing& outgoing) {
  outgoing.method = Method::get;
  outgoing.method_name = "GET";
  outgoing.payload = std::make_shared<Payload>();
  std::erase_if(outgoing.headers, [](const auto& field) {
    return equals_lower(std::string_view(field.first).substr(0, 8), "content-");
  });
}

}  // namespace

Result<Outgoing> make_outgoing(ClientRequest request) {
  if (request.method == Method::other) return invalid("method", "must be a known one");
  if (request.stream && !request.body.empty()) {
    return invalid("body", "must not come with a stream");
  }
  auto url = Url::parse(request.url);
  if (!url.ok()) return std::move(url).error();
  Outgoing outgoing;
  outgoing.method = request.method;
  outgoing.method_name = name(request.method);
  outgoing.url = std::move(*url);
  for (auto& [field, value] : request.headers) {
    if (is_one_of(field, own_fields)) {
      return invalid("headers." + field, "is written by the client itself");
    }
    KIT_TRY(add_field(outgoing, std::move(field), std::move(value)));
  }
  outgoing.payload = std::make_shared<Payload>();
  outgoing.payload->owned = std::move(request.body);
  outgoing.payload->bytes = outgoing.payload->owned;
  outgoing.payload->owned_stream = std::move(request.stream);
  outgoing.payload->stream = outgoing.payload->owned_stream.get();
  return outgoing;
}

Result<Outgoing> make_outgoing(const Request& request, const Url* origin) {
  const bool named = request.method != Method::other;
  const std::string_view method = named ? name(request.method) : request.method_name;
  if (!all_of_class(method, char_token) || method == "CONNECT") {
    return invalid("method", "must be a token other than CONNECT");
  }
  if (origin != nullptr && !request.target.starts_with('/')) {
    return invalid("target", "must be a path");
  }
  auto url = Url::parse(origin != nullptr ? origin->origin() + std::string(request.target)
                                          : std::string(request.target));
  if (!url.ok()) return std::move(url).error();
  Outgoing outgoing;
  outgoing.method = request.method;
  outgoing.method_name = method;
  outgoing.url = std::move(*url);
  outgoing.borrowed = true;
  for (const Header& header : request.headers) {
    if (is_one_of(header.name, own_fields) || is_connection_option(request, header.name)) continue;
    KIT_TRY(add_field(outgoing, std::string(header.name), std::string(header.value)));
  }
  outgoing.payload = std::make_shared<Payload>();
  outgoing.payload->bytes = request.body;
  outgoing.payload->stream = request.stream;
  return outgoing;
}

void propagate_ids(Outgoing& outgoing, const telemetry::Span& span) {
  const LogContext* context = current_log_context;
  if (context == nullptr) return;
  // Whoever set it may not have thought of header fields.
  const bool usable = !context->request_id.empty() && is_field_value(context->request_id);
  if (usable && !has_field(outgoing, "x-request-id")) {
    outgoing.headers.emplace_back("X-Request-Id", context->request_id);
  }
  if (!telemetry::is_set(context->trace_id) || !telemetry::is_set(context->span_id)) return;
  if (has_field(outgoing, "traceparent")) return;
  outgoing.headers.emplace_back("traceparent",
                                telemetry::trace_parent(*context, span.id_or(*context)));
  std::string state = telemetry::trace_state(*context);
  if (!state.empty() && !has_field(outgoing, "tracestate")) {
    outgoing.headers.emplace_back("tracestate", std::move(state));
  }
  std::string baggage = telemetry::limited_baggage(context->baggage);
  if (!baggage.empty() && !has_field(outgoing, "baggage")) {
    outgoing.headers.emplace_back("baggage", std::move(baggage));
  }
}

void describe(telemetry::Span& span, const Outgoing& outgoing) {
  if (!span.is_recording()) return;
  const bool is_known = outgoing.method != Method::other;
  span.set(telemetry::attribute::http_method, is_known ? outgoing.method_name : "_OTHER");
  if (!is_known) span.set(telemetry::attribute::http_method_original, outgoing.method_name);
  span.set(telemetry::attribute::server_address, outgoing.url.host);
  span.set(telemetry::attribute::server_port, outgoing.url.port);
  // Without the query, which may carry keys and what people search for.
  span.set(telemetry::attribute::url_full, outgoing.url.origin() + outgoing.url.path);
}

Result<bool> redirect(Outgoing& outgoing, const Response& response, const SendOptions& options) {
  switch (response.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      break;
    default:
      return false;
  }
  auto location = header(response, "location");
  if (!location) return false;
  auto url = outgoing.url.resolve(*location);
  if (!url.ok()) {
    return Error(Code::unavailable, "the Location of a redirect is malformed")
        .with_reason("MALFORMED_RESPONSE")
        .with_http_status(502)
        .with_cause(std::move(url).error());
  }
  if (outgoing.url.tls() && !url->tls() && !options.allow_downgrade) return false;
  const bool changes = response.status == 303
                           ? outgoing.method != Method::head
                           : response.status <= 302 && outgoing.method == Method::post;
  if (!changes && outgoing.payload->begun) return false;  // what was read is gone
  if (changes) become_get(outgoing);
  if (!outgoing.url.same_origin(*url)) {
    std::erase_if(outgoing.headers,
                  [](const auto& field) { return is_one_of(field.first, private_fields); });
  }
  outgoing.url = std::move(*url);
  return true;
}

}  // namespace kit::http::detail
