// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/detail/cell_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include "kit/base/text.hpp"
#include "kit/base/time.hpp"
#include "kit/xlsx/detail/utf8.hpp"
#include "kit/xlsx/limits.hpp"

namespace kit::xlsx::detail {
namespace {

constexpr double exact_whole = 9'007'199'254'740'992.0;  // 2^53
constexpr int shown_digits = 15;
constexpr std::string_view decimal_digits = "0123456789";

/// "d.ddde+X" without the exponent: digits, and where the point stands.
std::string in_full(std::string_view scientific) {
  const bool is_negative = scientific.starts_with('-');
  if (is_negative) scientific.remove_prefix(1);
  const std::size_t e = scientific.find('e');
  int exponent = 0;
  const std::string_view power = scientific.substr(e + (scientific[e + 1] == '+' ? 2 : 1));
  std::from_chars(power.data(), power.data() + power.size(), exponent);
  std::string digits(1, scientific[0]);
  if (e > 2) digits += scientific.substr(2, e - 2);
  digits.resize(std::max<std::size_t>(digits.find_last_not_of('0') + 1, 1));
  std::string text = is_negative ? "-" : "";
  if (exponent < 0) {
    text.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
    return text;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return text.append(digits).append(whole - digits.size(), '0');
  return text.append(digits, 0, whole).append(".").append(digits, whole);
}

/// The escape `_xHHHH_` that `text` begins with, or nothing.
std::optional<std::uint32_t> escape_at(std::string_view text) {
  constexpr std::size_t length = 7;
  if (text.size() < length || !text.starts_with("_x") || text[length - 1] != '_')
    return std::nullopt;
  return parse_code(text.substr(2, 4), 16);
}

}  // namespace

std::optional<std::string> number_text(std::string_view number) {
  const std::optional<double> value = parse_double(number);
  if (!value || !std::isfinite(*value)) return std::nullopt;
  if (*value == 0) return "0";
  const double size = std::abs(*value);
  if (size <= exact_whole && std::trunc(*value) == *value)
    return std::to_string(static_cast<long long>(*value));
  std::array<char, 64> text{};
  char* const end = std::to_chars(text.data(), text.data() + text.size(), *value,
                                  std::chars_format::scientific, shown_digits - 1)
                        .ptr;
  const std::string_view scientific(text.data(), static_cast<std::size_t>(end - text.data()));
  if (size >= 1e-18 && size < 1e21) return in_full(scientific);
  return std::string(scientific);
}

bool is_exact_number(std::string_view text) {
  const std::optional<double> value = parse_double(text);
  if (!value || !std::isfinite(*value) || (*value == 0 && text.starts_with('-'))) return false;
  const std::string_view mantissa = text.substr(0, text.find_first_of("eE"));
  const auto digits = static_cast<std::size_t>(
      std::ranges::count_if(mantissa, [](char c) { return c >= '0' && c <= '9'; }));
  const std::size_t zeros = std::min(mantissa.find_first_of("123456789"), mantissa.size());
  const auto leading = static_cast<std::size_t>(std::ranges::count(mantissa.substr(0, zeros), '0'));
  if (digits - leading <= static_cast<std::size_t>(shown_digits)) return true;
  return text.find_first_not_of("-0123456789") == std::string_view::npos &&
         std::abs(*value) <= exact_whole && number_text(text) == text;
}

NumberStyle style_of_code(std::string_view code) {
  bool has_date = false;
  bool has_time = false;
  bool has_month = false;
  for (std::size_t at = 0; at < code.size() && code[at] != ';'; ++at) {
    const char c = code[at];
    if (c == '"' || c == '[') {
      const std::size_t end = std::min(code.find(c == '"' ? '"' : ']', at + 1), code.size());
      const std::string inside = to_lower(code.substr(at + 1, end - at - 1));
      // [h]:mm counts hours; [Red], [$-409] and [>100] show nothing.
      if (c == '[' && !inside.empty() && inside.find_first_not_of(inside[0]) == std::string::npos)
        has_time = has_time || std::string_view("hms").find(inside[0]) != std::string_view::npos;
      at = end;
    } else if (c == '\\' || c == '_' || c == '*') {
      ++at;
    } else if (iequals(code.substr(at, 7), "general")) {
      at += 6;
    } else {
      const std::string letter = to_lower(code.substr(at, 1));
      has_date = has_date || letter == "y" || letter == "d";
      has_time = has_time || letter == "h" || letter == "s";
      has_month = has_month || letter == "m";
    }
  }
  has_date = has_date || (has_month && !has_time);
  if (has_date) return has_time ? NumberStyle::date_time : NumberStyle::date;
  return has_time ? NumberStyle::time : NumberStyle::plain;
}

NumberStyle style_of_builtin(std::uint32_t id) {
  const auto is_in = [id](std::uint32_t first, std::uint32_t last) {
    return id >= first && id <= last;
  };
  if (id == 22) return NumberStyle::date_time;
  if (is_in(18, 21) || is_in(32, 35) || is_in(45, 47) || is_in(55, 56)) return NumberStyle::time;
  if (is_in(14, 17) || is_in(27, 31) || id == 36 || is_in(50, 58)) return NumberStyle::date;
  return NumberStyle::plain;
}

std::optional<std::string> date_text(std::string_view number, NumberStyle style, bool from_1904) {
  constexpr double last = 2'958'466;  // the first day of the year 10000
  constexpr std::int64_t day_ms = 86'400'000;
  const std::optional<double> days = parse_double(number);
  if (!days || !(*days >= 0) || *days >= last) return std::nullopt;
  const auto ms = static_cast<std::int64_t>(std::llround(*days * static_cast<double>(day_ms)));
  const bool may_be_time = style == NumberStyle::time || ms != 0;
  if (ms < day_ms && !from_1904) {
    if (!may_be_time) return std::nullopt;
    return TimeOfDay{std::chrono::milliseconds{ms}}.to_string();
  }
  if (ms < day_ms && style == NumberStyle::time)
    return TimeOfDay{std::chrono::milliseconds{ms}}.to_string();
  std::int64_t day = ms / day_ms;
  if (!from_1904 && day == 60) return std::nullopt;
  if (from_1904) {
    day += 1'462;
  } else if (day < 60) {
    ++day;
  }
  constexpr std::chrono::sys_days begin =
      std::chrono::year{1899} / std::chrono::December / std::chrono::day{30};
  const std::chrono::sys_days date = begin + std::chrono::days{day};
  if (date >= std::chrono::sys_days(std::chrono::year{10000} / std::chrono::January / 1))
    return std::nullopt;
  if (style == NumberStyle::date && ms % day_ms == 0) return Date{date}.to_string();
  return Timestamp{date.time_since_epoch() + std::chrono::milliseconds{ms % day_ms}}.to_string();
}

std::optional<std::int64_t> day_number(std::string_view text) {
  const std::optional<Date> date = Date::parse(text);
  constexpr std::chrono::sys_days begin =
      std::chrono::year{1899} / std::chrono::December / std::chrono::day{30};
  constexpr std::int64_t first = 61;
  if (!date) return std::nullopt;
  const std::int64_t number = (date->day - begin).count();
  return number < first ? std::nullopt : std::optional(number);
}

std::string encode_text(std::string_view text) {
  // Covers the empty text.
  if (text.find_first_not_of('\'') == std::string_view::npos) return std::string(text) + "'";
  std::string out;
  out.reserve(text.size());
  const auto escape = [&out](std::string_view hex) { out.append("_x").append(hex).append("_"); };
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x20 && byte != '\t' && byte != '\n') {
      constexpr std::string_view hex = "0123456789ABCDEF";
      escape(std::string("00") + hex[byte >> 4] + hex[byte & 15]);
    } else if (text.substr(at).starts_with("\xef\xbf\xbe") ||
               text.substr(at).starts_with("\xef\xbf\xbf")) {
      escape(text[at + 2] == '\xbe' ? "FFFE" : "FFFF");
      at += 2;
    } else if (escape_at(text.substr(at))) {
      escape("005F");  // the underline, so that the rest is none
    } else {
      out.push_back(text[at]);
    }
  }
  return out;
}

std::string decode_text(std::string_view text) {
  if (!text.empty() && text.find_first_not_of('\'') == std::string_view::npos)
    return std::string(text.substr(1));
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::optional<std::uint32_t> code =
        text[at] == '_' ? escape_at(text.substr(at)) : std::nullopt;
    // Half a surrogate pair is no character.
    if (!code || (*code >= 0xd800 && *code <= 0xdfff)) {
      out.push_back(text[at]);
    } else {
      append_utf8(out, *code);
      at += 6;
    }
  }
  return out;
}

std::size_t utf16_length(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) != 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}

std::optional<Place> parse_place(std::string_view text) {
  Place place;
  std::size_t at = 0;
  for (; at < text.size() && at < 3 && text[at] >= 'A' && text[at] <= 'Z'; ++at)
    place.column = place.column * 26 + static_cast<std::size_t>(text[at] - 'A') + 1;
  const std::string_view digits = text.substr(at);
  const bool is_number = !digits.empty() && digits.front() != '0' && digits.size() <= 7 &&
                         digits.find_first_not_of(decimal_digits) == std::string_view::npos;
  if (place.column == 0 || place.column > max_columns || !is_number) return std::nullopt;
  std::from_chars(digits.data(), digits.data() + digits.size(), place.row);
  if (place.row > max_rows) return std::nullopt;
  --place.column;
  return place;
}

std::string column_name(std::size_t column) {
  std::string name;
  for (++column; column > 0; column = (column - 1) / 26)
    name.insert(name.begin(), static_cast<char>('A' + (column - 1) % 26));
  return name;
}

}  // namespace kit::xlsx::detail
