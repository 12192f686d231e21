// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "kit/base/percent.hpp"

namespace kit::http::detail {

/// What a byte may be part of (RFC 9110 token, RFC 3986 target and authority), as bits of one
/// table.
enum CharClass : std::uint8_t {
  char_token = 1,        ///< A method or a field name.
  char_target = 2,       ///< A request target.
  char_control = 4,      ///< Must not stand in a field value: controls but tab.
  char_authority = 8,    ///< A host and port, without brackets.
  char_safe_id = 16,     ///< A request id that is taken over.
  char_name = 32,        ///< A field name that is kept: a token without '_'.
  char_plain_path = 64,  ///< A path, standing for itself: no '%', no end of the path.
};

consteval std::array<std::uint8_t, 256> make_char_classes() {
  std::array<std::uint8_t, 256> table{};
  auto mark = [&](std::string_view chars, std::uint8_t bit) {
    for (char c : chars) table[static_cast<unsigned char>(c)] |= bit;
  };
  constexpr std::string_view alphanumeric =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  mark(alphanumeric, char_token | char_authority | char_safe_id);
  mark("!#$%&'*+-.^_`|~", char_token);
  mark("-._~%!$&'()*+;=", char_authority);
  mark("-_.:/+=", char_safe_id);
  for (unsigned c = 0x21; c < 0x7F; ++c) table[c] |= char_target;
  for (char c : std::string_view("\"#<>"))
    table[static_cast<unsigned char>(c)] &= 0xFF ^ char_target;
  for (unsigned c = 0; c < 0x20; ++c) table[c] |= char_control;
  table['\t'] &= 0xFF ^ char_control;
  table[0x7F] |= char_control;
  mark("!#$%&'*+-.^`|~", char_name);
  mark(alphanumeric, char_name);
  for (std::uint8_t& bits : table) bits |= (bits & char_target) != 0 ? char_plain_path : 0;
  for (char c : std::string_view("%?\\"))
    table[static_cast<unsigned char>(c)] &= 0xFF ^ char_plain_path;
  return table;
}

inline constexpr std::array<std::uint8_t, 256> char_classes = make_char_classes();

inline std::uint8_t class_of(char c) {
  return char_classes[static_cast<unsigned char>(c)];
}

/// The first byte from `at` on that is not of `wanted` class, or `end`.
inline const char* skip_class(const char* at, const char* end, CharClass wanted) {
  while (at != end && (class_of(*at) & wanted) != 0) ++at;
  return at;
}

/// Whether all of a non-empty text is of `wanted` class.
inline bool all_of_class(std::string_view text, CharClass wanted) {
  const char* const end = text.data() + text.size();
  return !text.empty() && skip_class(text.data(), end, wanted) == end;
}

/// Whether one of eight bytes may be a control. A tab may, too: that is looked at again.
inline bool may_have_control(const char* eight) {
  constexpr std::uint64_t ones = 0x0101010101010101ULL;
  constexpr std::uint64_t high = 0x8080808080808080ULL;
  std::uint64_t word = 0;
  std::memcpy(&word, eight, 8);
  const std::uint64_t below_space = (word - ones * 0x20) & ~word;
  const std::uint64_t delete_as_zero = word ^ (ones * 0x7F);
  const std::uint64_t is_delete = (delete_as_zero - ones) & ~delete_as_zero;
  return ((below_space | is_delete) & high) != 0;
}

inline bool has_control(const char* at, const char* end) {
  for (; at != end; ++at) {
    if ((class_of(*at) & char_control) != 0) return true;
  }
  return false;
}

/// Whether `text` may be a field value: no control but tab. Eight bytes at a time.
inline bool is_field_value(std::string_view text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  if (text.size() < 8) return !has_control(at, end);
  for (; end - at > 8; at += 8) {
    if (may_have_control(at) && has_control(at, at + 8)) return false;
  }
  return !may_have_control(end - 8) || !has_control(end - 8, end);
}

inline char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// ASCII case-insensitive comparison with a text in lower case.
inline bool equals_lower(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

inline std::string_view trim_blanks(std::string_view text) {
  const char* start = text.data();
  const char* end = start + text.size();
  while (start != end && (*start == ' ' || *start == '\t')) ++start;
  while (start != end && (end[-1] == ' ' || end[-1] == '\t')) --end;
  return {start, end};
}

using kit::hex_digit;
using kit::percent_byte;

}  // namespace kit::http::detail
