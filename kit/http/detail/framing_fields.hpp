// SPDX-License-Identifier: Apache-2.0
// The fields that say where a message ends, for requests and answers alike: two readings of them
// would be two framings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "kit/http/detail/chars.hpp"

namespace kit::http::detail {

/// Digits alone, at most 18: no sign, no list, no overflow. Nothing for anything else.
inline std::optional<std::uint64_t> parse_content_length(std::string_view value) {
  constexpr std::size_t most_digits = 18;
  if (value.empty() || value.size() > most_digits) return std::nullopt;
  std::uint64_t length = 0;
  for (char c : value) {
    if (c < '0' || c > '9') return std::nullopt;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return length;
}

/// Adds what a Connection field asks for.
inline void read_connection(std::string_view value, bool& asks_close, bool& asks_keep_alive) {
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    const std::string_view option = trim_blanks(value.substr(0, comma));
    asks_close |= equals_lower(option, "close");
    asks_keep_alive |= equals_lower(option, "keep-alive");
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
}

}  // namespace kit::http::detail
