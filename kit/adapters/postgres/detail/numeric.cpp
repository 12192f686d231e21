// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/numeric.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "kit/adapters/postgres/detail/big_endian.hpp"
#include "kit/base/text.hpp"

namespace kit::postgres::detail {
namespace {

/// Groups of four decimal digits; the first stands for `group * 10000^weight`.
struct Numeric {
  explicit Numeric(std::string_view bytes)
      : groups(read_number<std::int16_t>(bytes)),
        weight(read_number<std::int16_t>(bytes.substr(std::min<std::size_t>(2, bytes.size())))),
        sign(read_number<std::uint16_t>(bytes.substr(std::min<std::size_t>(4, bytes.size())))),
        scale(read_number<std::uint16_t>(bytes.substr(std::min<std::size_t>(6, bytes.size())))),
        digits(bytes.substr(std::min<std::size_t>(8, bytes.size()))) {}

  int group(int index) const {
    const auto at = static_cast<std::size_t>(index) * 2;
    if (index < 0 || index >= groups || at + 2 > digits.size()) return 0;
    return read_number<std::int16_t>(digits.substr(at));
  }

  int groups;
  int weight;
  std::uint16_t sign;
  int scale;
  std::string_view digits;
};

constexpr std::uint16_t negative = 0x4000;
constexpr std::uint16_t not_a_number = 0xC000;
constexpr std::uint16_t infinity = 0xD000;
constexpr std::uint16_t minus_infinity = 0xF000;

/// `power` of ten, up to 10^18.
std::int64_t ten_to(int power) {
  std::int64_t value = 1;
  for (; power > 0; --power) value *= 10;
  return value;
}

/// Adds `group * 10^power`. False: 64 bits can't hold it.
bool add(std::int64_t& sum, int group, int power) {
  if (group == 0) return true;
  std::int64_t part = 0;
  return power <= 18 && !__builtin_mul_overflow(ten_to(power), group, &part) &&
         !__builtin_add_overflow(sum, part, &sum);
}

}  // namespace

std::int64_t numeric_units(std::string_view bytes, int scale, Rounding rounding) {
  const Numeric number(bytes);
  using Limits = std::numeric_limits<std::int64_t>;
  if (number.sign == not_a_number) return 0;
  if (number.sign == infinity) return Limits::max();
  if (number.sign == minus_infinity) return Limits::min();
  const std::int64_t sign = number.sign == negative ? -1 : 1;
  std::int64_t sum = 0;  // with its sign: the least number has no opposite
  for (int i = 0; i < number.groups; ++i) {
    const int power = 4 * (number.weight - i) + scale;
    const int group = number.group(i) * static_cast<int>(sign);
    bool fits = true;
    if (power >= 0) {
      fits = add(sum, group, power);
    } else if (power >= -4) {
      const auto unit = static_cast<int>(ten_to(-power));
      fits = add(sum, group / unit, 0);
      const int rest = group % unit;
      if (fits && rounding == Rounding::nearest && 2 * (rest < 0 ? -rest : rest) >= unit) {
        fits = add(sum, static_cast<int>(sign), 0);
      }
    }
    if (!fits) return sign < 0 ? Limits::min() : Limits::max();
    if (power < 0) break;  // what follows is behind the last digit
  }
  return sum;
}

std::string numeric_text(std::string_view bytes) {
  const Numeric number(bytes);
  if (number.sign == not_a_number) return "NaN";
  if (number.sign == infinity) return "Infinity";
  if (number.sign == minus_infinity) return "-Infinity";
  std::string text;
  auto append_group = [&text](int group) {
    for (int unit = 1'000; unit > 0; unit /= 10) {
      text.push_back(static_cast<char>('0' + group / unit % 10));
    }
  };
  for (int i = 0; i <= number.weight; ++i) append_group(number.group(i));
  text.erase(0, std::min(text.find_first_not_of('0'), text.size()));
  if (text.empty()) text = "0";
  if (number.scale > 0) {
    const std::size_t whole = text.size();
    for (int i = number.weight + 1; 4 * (i - number.weight - 1) < number.scale; ++i) {
      append_group(number.group(i));
    }
    text.resize(whole + static_cast<std::size_t>(number.scale));
    text.insert(whole, 1, '.');
  }
  if (number.sign == negative) text.insert(0, 1, '-');
  return text;
}

std::string scaled_text(db::Scaled value) {
  std::string digits = std::to_string(value.units);
  const bool is_negative = value.units < 0;
  if (is_negative) digits.erase(0, 1);
  const auto scale = static_cast<std::size_t>(std::max(value.scale, 0));
  if (scale > 0) {
    if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
    digits.insert(digits.size() - scale, 1, '.');
  }
  if (is_negative) digits.insert(0, 1, '-');
  return digits;
}

Result<std::string> numeric_binary(std::string_view text) {
  constexpr std::size_t digits_of_group = 4;
  constexpr std::size_t most_digits = 16'383;  // after the point; before it there may be more
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  std::string_view fraction = text.substr(std::min(point + 1, text.size()));
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (digits.empty() || digits.size() > most_digits || fraction.size() > most_digits ||
      !std::ranges::all_of(digits, is_digit) || !std::ranges::all_of(fraction, is_digit)) {
    return Error(Code::invalid_argument, "a text that is no decimal").with_reason("VALUE_INVALID");
  }
  digits.insert(0, (digits_of_group - digits.size() % digits_of_group) % digits_of_group, '0');
  const std::size_t whole_groups = digits.size() / digits_of_group;
  digits.append(fraction);
  digits.append((digits_of_group - fraction.size() % digits_of_group) % digits_of_group, '0');
  std::vector<std::int16_t> groups;
  for (std::size_t i = 0; i < digits.size(); i += digits_of_group) {
    groups.push_back(static_cast<std::int16_t>(
        parse_int(std::string_view(digits).substr(i, digits_of_group)).value_or(0)));
  }
  std::size_t first = 0;
  while (first < groups.size() && groups[first] == 0) ++first;
  while (groups.size() > first && groups.back() == 0) groups.pop_back();
  std::string bytes;
  const auto put = [&bytes](std::size_t number) {
    const auto raw = write_number(static_cast<std::uint16_t>(number));
    bytes.append(raw.data(), raw.size());
  };
  put(groups.size() - first);
  put(first == groups.size() ? 0 : whole_groups - 1 - first);  // its weight, in two's complement
  put(is_negative && first < groups.size() ? std::size_t{negative} : 0);
  put(fraction.size());
  for (std::size_t i = first; i < groups.size(); ++i) put(static_cast<std::size_t>(groups[i]));
  return bytes;
}

}  // namespace kit::postgres::detail
