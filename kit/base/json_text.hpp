// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kit {
namespace detail {

constexpr std::uint64_t repeated(std::uint8_t byte) {
  return 0x0101010101010101ULL * byte;
}

/// The top bit of the first byte that is a control, a quote, a backslash or no ASCII; bits of later
/// bytes mean nothing. Zero when there is none. The first byte is the lowest: little endian.
inline std::uint64_t special_bytes(std::uint64_t word) {
  // "less than n" for bytes below 0x80 is the borrow out of (byte - n); bytes from 0x80 up are
  // special anyway.
  std::uint64_t quote = word ^ repeated('"');
  std::uint64_t backslash = word ^ repeated('\\');
  std::uint64_t borrow =
      (word - repeated(0x20)) | (quote - repeated(1)) | (backslash - repeated(1));
  return (borrow | word) & repeated(0x80);
}
static_assert(std::endian::native == std::endian::little);

inline bool is_special_byte(unsigned char c) {
  return c < 0x20 || c == '"' || c == '\\' || c >= 0x80;
}

}  // namespace detail

/// How many bytes at the start of `text` stand for themselves in a JSON string and are ASCII. Cost:
/// 8 bytes at a time.
inline std::size_t json_plain_prefix(std::string_view text) {
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    if (std::uint64_t special = detail::special_bytes(word); special != 0) {
      return i + static_cast<std::size_t>(std::countr_zero(special)) / 8;
    }
  }
  while (i < text.size() && !detail::is_special_byte(static_cast<unsigned char>(text[i]))) ++i;
  return i;
}

/// Like `json_plain_prefix`, but DEL, which JSON allows, stands not for itself: for texts shown on
/// terminals.
inline std::size_t printable_prefix(std::string_view text) {
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    std::uint64_t del = (word ^ detail::repeated(0x7F)) - detail::repeated(1);
    std::uint64_t special = detail::special_bytes(word) | (del & detail::repeated(0x80));
    if (special != 0) return i + static_cast<std::size_t>(std::countr_zero(special)) / 8;
  }
  while (i < text.size() && text[i] != '\x7F' &&
         !detail::is_special_byte(static_cast<unsigned char>(text[i]))) {
    ++i;
  }
  return i;
}

}  // namespace kit
