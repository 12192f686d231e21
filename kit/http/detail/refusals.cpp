// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/refusals.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"

namespace kit::http::detail {
namespace {

struct Meaning {
  Code code;
  std::string_view reason;
};

Meaning meaning_of(int status) {
  switch (status) {
    case 401:
      return {Code::unauthenticated, "UNAUTHENTICATED"};
    case 403:
      return {Code::permission_denied, "CROSS_SITE_REQUEST"};
    case 404:
      return {Code::not_found, "ROUTE_NOT_FOUND"};
    case 405:
      return {Code::unimplemented, "METHOD_NOT_ALLOWED"};
    case 408:
      return {Code::deadline_exceeded, "REQUEST_TIMEOUT"};
    case 413:
      return {Code::invalid_argument, "BODY_TOO_LARGE"};
    case 414:
      return {Code::invalid_argument, "URI_TOO_LONG"};
    case 415:
      return {Code::invalid_argument, "UNSUPPORTED_MEDIA_TYPE"};
    case 417:
      return {Code::invalid_argument, "EXPECTATION_FAILED"};
    case 431:
      return {Code::invalid_argument, "HEADERS_TOO_LARGE"};
    case 503:
      return {Code::unavailable, "TOO_MANY_CONNECTIONS"};
    case 504:
      return {Code::deadline_exceeded, "HANDLER_TIMEOUT"};
    case 505:
      return {Code::unimplemented, "HTTP_VERSION_NOT_SUPPORTED"};
    default:
      return {Code::invalid_argument, "MALFORMED_REQUEST"};
  }
}

}  // namespace

Error refusal(int status, std::string_view problem) {
  const Meaning meaning = meaning_of(status);
  return Error(meaning.code, std::string(problem))
      .with_reason(std::string(meaning.reason))
      .with_http_status(status);
}

bool is_own_origin(const Request& request, std::string_view origin) {
  const std::size_t scheme_end = origin.find("://");
  if (scheme_end == origin.npos) return false;
  if (request.tls != nullptr && !iequals(origin.substr(0, scheme_end), "https")) return false;
  const auto host = request.header("host");
  return host && iequals(origin.substr(scheme_end + 3), *host);
}

bool is_cross_site(const Request& request) {
  if (request.method == Method::get || request.method == Method::head ||
      request.method == Method::options) {
    return false;
  }
  if (const auto site = request.header("sec-fetch-site")) {
    return *site != "same-origin" && *site != "none";
  }
  const auto origin = request.header("origin");
  return origin && !is_own_origin(request, *origin);
}

std::optional<std::chrono::nanoseconds> requested_timeout(const Header& field) {
  using namespace std::chrono;
  constexpr std::size_t most_digits = 8;
  std::string_view digits = field.value;
  nanoseconds unit = milliseconds(1);
  if (iequals(field.name, "grpc-timeout")) {
    if (digits.empty()) return std::nullopt;
    switch (digits.back()) {
      case 'H':
        unit = hours(1);
        break;
      case 'M':
        unit = minutes(1);
        break;
      case 'S':
        unit = seconds(1);
        break;
      case 'm':
        break;
      case 'u':
        unit = microseconds(1);
        break;
      case 'n':
        unit = nanoseconds(1);
        break;
      default:
        return std::nullopt;
    }
    digits.remove_suffix(1);
  }
  if (digits.empty() || digits.size() > most_digits) return std::nullopt;
  std::int64_t count = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    count = count * 10 + (c - '0');
  }
  return std::min(count, nanoseconds(hours(24)) / unit) * unit;
}

bool is_media_type(std::string_view content_type, std::string_view wanted) {
  return iequals(trim_blanks(content_type.substr(0, content_type.find(';'))), wanted);
}

}  // namespace kit::http::detail
