// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "kit/base/text.hpp"
#include "kit/http/conditional.hpp"
#include "kit/http/detail/chars.hpp"

namespace kit::http {
namespace {

/// A number of any length; what does not fit is the largest that does.
std::optional<std::uint64_t> parse_position(std::string_view text) {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (text.empty()) return std::nullopt;
  std::uint64_t number = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    number = number > (most - digit) / 10 ? most : number * 10 + digit;
  }
  return number;
}

struct Asked {
  bool is_malformed = false;
  std::optional<ByteRange> range;  // nothing: not satisfiable
};

Asked parse_one(std::string_view text, std::uint64_t size) {
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return {true, {}};
  const std::string_view first_text = text.substr(0, dash);
  const std::string_view last_text = text.substr(dash + 1);
  if (first_text.empty()) {  // the last bytes
    const std::optional<std::uint64_t> count = parse_position(last_text);
    if (!count) return {true, {}};
    if (*count == 0 || size == 0) return {};
    return {false, ByteRange{size - std::min(*count, size), size - 1}};
  }
  const std::optional<std::uint64_t> first = parse_position(first_text);
  if (!first) return {true, {}};
  std::uint64_t last = std::numeric_limits<std::uint64_t>::max();
  if (!last_text.empty()) {
    const std::optional<std::uint64_t> given = parse_position(last_text);
    if (!given || *given < *first) return {true, {}};
    last = *given;
  }
  if (*first >= size) return {};
  return {false, ByteRange{*first, std::min(last, size - 1)}};
}

bool overlap(std::vector<ByteRange> ranges) {
  std::ranges::sort(ranges, {}, &ByteRange::first);
  return std::ranges::adjacent_find(ranges, [](const ByteRange& a, const ByteRange& b) {
           return b.first <= a.last;
         }) != ranges.end();
}

}  // namespace

std::optional<std::vector<ByteRange>> parse_byte_ranges(std::string_view field,
                                                        std::uint64_t size) {
  const std::size_t equals = field.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  if (!iequals(detail::trim_blanks(field.substr(0, equals)), "bytes")) return std::nullopt;
  std::string_view rest = field.substr(equals + 1);
  std::vector<ByteRange> ranges;
  std::size_t asked = 0;
  while (true) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view text = detail::trim_blanks(rest.substr(0, end));
    if (!text.empty()) {
      const Asked one = parse_one(text, size);
      if (one.is_malformed || ++asked > max_byte_ranges) return std::nullopt;
      if (one.range) ranges.push_back(*one.range);
    }
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  // Who asks for the same bytes twice gets them once: the amount that one request makes us send
  // stays that of the content.
  if (asked == 0 || overlap(ranges)) return std::nullopt;
  return ranges;
}

}  // namespace kit::http
