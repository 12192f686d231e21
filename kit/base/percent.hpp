// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kit {

/// The value of a hexadecimal digit of either case, or -1.
inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = static_cast<char>(c | 0x20);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

/// The byte that "%xy" at `at` stands for, or -1.
inline int percent_byte(std::string_view text, std::size_t at) {
  if (text.size() - at < 3) return -1;
  const int above = hex_digit(text[at + 1]);
  const int below = hex_digit(text[at + 2]);
  return above < 0 || below < 0 ? -1 : above * 16 + below;
}

/// What a part of a URL stands for (RFC 3986 section 2.1), bytes of any kind. Nothing for a '%'
/// without two digits.
std::optional<std::string> percent_decode_bytes(std::string_view text);

}  // namespace kit
