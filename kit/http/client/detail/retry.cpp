// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/detail/retry.hpp"

#include <chrono>

#include "kit/base/text.hpp"
#include "kit/http/client/client.hpp"

namespace kit::http::detail {

bool is_idempotent(const Outgoing& outgoing) {
  switch (outgoing.method) {
    case Method::get:
    case Method::head:
    case Method::put:
    case Method::delete_:
    case Method::options:
      return true;
    case Method::post:
    case Method::patch:
    case Method::other:
      break;
  }
  return outgoing.method_name == "TRACE";
}

bool is_transient(const Error& error) {
  const std::string& reason = error.reason();
  return error.code() == Code::unavailable && reason != "MALFORMED_RESPONSE" &&
         reason != "HOST_NOT_FOUND" && !reason.starts_with("TLS_");
}

bool is_failing(const Response& response) {
  return response.status == 500 || (response.status >= 502 && response.status <= 504);
}

std::optional<Clock::duration> retry_after(const Response& response) {
  constexpr long long longest = resilience::longest_retry_after.count();
  auto value = header(response, "retry-after");
  if (!value) return std::nullopt;
  auto seconds = parse_int(*value);
  if (!seconds || *seconds < 0 || *seconds > longest) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

}  // namespace kit::http::detail
