// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

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

inline bool is_special_byte(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// As `special_bytes`, with DEL, which JSON allows and terminals should not get.
inline std::uint64_t unprintable_bytes(std::uint64_t word) {
  const std::uint64_t del = (word ^ repeated(0x7F)) - repeated(1);
  return special_bytes(word) | (del & repeated(0x80));
}

inline bool is_unprintable_byte(char c) {
  return c == '\x7F' || is_special_byte(c);
}

/// How far `text` goes until `InWord` or `InByte` find something; `take(place, bytes)` gets what
/// lies before it, in pieces of 8 bytes and 1.
template <auto InWord, auto InByte, class Take>
std::size_t plain_prefix(std::string_view text, Take take) {
  std::size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    if (InWord(word) != 0) break;
    take(i, &word, std::integral_constant<std::size_t, 8>());
  }
  for (; i < text.size() && !InByte(text[i]); ++i) {
    take(i, &text[i], std::integral_constant<std::size_t, 1>());
  }
  return i;
}

inline constexpr auto leave = [](std::size_t, const void*, auto) {};

inline auto copy_to(char* to) {
  return
      [to](std::size_t at, const void* from, auto count) { std::memcpy(to + at, from, count()); };
}

}  // namespace detail

/// How many bytes at the start of `text` stand for themselves in a JSON string and are ASCII. Cost:
/// 8 bytes at a time.
inline std::size_t json_plain_prefix(std::string_view text) {
  return detail::plain_prefix<detail::special_bytes, detail::is_special_byte>(text, detail::leave);
}

/// Copies them to `to`, which has room for all of `text`, and returns how many there are.
inline std::size_t copy_json_plain_prefix(char* to, std::string_view text) {
  return detail::plain_prefix<detail::special_bytes, detail::is_special_byte>(text,
                                                                              detail::copy_to(to));
}

/// Like `json_plain_prefix`, but DEL, which JSON allows, stands not for itself: for texts shown on
/// terminals.
inline std::size_t printable_prefix(std::string_view text) {
  return detail::plain_prefix<detail::unprintable_bytes, detail::is_unprintable_byte>(
      text, detail::leave);
}

/// Copies them to `to`, which has room for all of `text`, and returns how many there are.
inline std::size_t copy_printable_prefix(char* to, std::string_view text) {
  return detail::plain_prefix<detail::unprintable_bytes, detail::is_unprintable_byte>(
      text, detail::copy_to(to));
}

}  // namespace kit
