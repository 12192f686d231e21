// SPDX-License-Identifier: Apache-2.0
#include "kit/http/query.hpp"

#include <algorithm>

#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"

namespace kit::http {

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int byte = detail::percent_byte(text, i);
      if (byte <= 0) return std::nullopt;
      decoded.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      decoded.push_back(text[i] == '+' && plus_is_blank ? ' ' : text[i]);
    }
  }
  if (!is_utf8(decoded)) return std::nullopt;
  return decoded;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (char c : text) {
    const bool alphanumeric =
        (c >= '0' && c <= '9') || (detail::lower(c) >= 'a' && detail::lower(c) <= 'z');
    if (alphanumeric || c == '-' || c == '.' || c == '_' || c == '~') {
      encoded.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded.append({'%', digits[byte >> 4], digits[byte & 15]});
  }
  return encoded;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query,
                                                                     std::size_t max_parameters) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (part.empty()) continue;
    if (parameters.size() == max_parameters) {
      return Error(Code::invalid_argument,
                   "there are more than " + std::to_string(max_parameters) + " query parameters")
          .with_reason("MALFORMED_QUERY");
    }
    const std::size_t equals = std::min(part.find('='), part.size());
    auto name = percent_decode(part.substr(0, equals), true);
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), true);
    if (!name || !value) {
      return Error(Code::invalid_argument, "the query has invalid percent-encoding or is not UTF-8")
          .with_reason("MALFORMED_QUERY");
    }
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return parameters;
}

}  // namespace kit::http
