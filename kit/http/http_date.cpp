// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "kit/http/conditional.hpp"

namespace kit::http {
namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 7> long_days = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// Reads fixed pieces from the front of a text; once one is missing all that follows is.
struct Reader {
  std::string_view rest;
  bool failed = false;

  void literal(std::string_view text) {
    if (rest.starts_with(text)) {
      rest.remove_prefix(text.size());
    } else {
      failed = true;
    }
  }
  int digits(std::size_t count) {
    int number = 0;
    if (rest.size() < count) failed = true;
    for (std::size_t i = 0; i < count && !failed; ++i) {
      if (rest[i] < '0' || rest[i] > '9') failed = true;
      number = number * 10 + (rest[i] - '0');
    }
    if (!failed) rest.remove_prefix(count);
    return number;
  }
  /// asctime pads a day of one digit with a blank.
  int padded_day() {
    if (!rest.starts_with(' ')) return digits(2);
    rest.remove_prefix(1);
    return digits(1);
  }
  unsigned month() {
    for (unsigned index = 0; index < 12; ++index) {
      if (!rest.starts_with(months.substr(std::size_t{index} * 3, 3))) continue;
      rest.remove_prefix(3);
      return index + 1;
    }
    failed = true;
    return 1;
  }
  std::chrono::seconds time() {
    const int hours = digits(2);
    literal(":");
    const int minutes = digits(2);
    literal(":");
    const int seconds = digits(2);
    failed = failed || hours > 23 || minutes > 59 || seconds > 60;  // 60: a leap second
    return std::chrono::hours(hours) + std::chrono::minutes(minutes) +
           std::chrono::seconds(seconds);
  }
};

int century_of(int two_digits, sys_seconds now) {
  const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
  const int this_year = static_cast<int>(today.year());
  const int year = this_year - this_year % 100 + two_digits;
  if (year > this_year + 50) return year - 100;
  return year;
}

}  // namespace

std::optional<sys_seconds> parse_http_date(std::string_view text, sys_seconds now) {
  Reader reader{text};
  std::size_t weekday = 0;
  bool is_long = false;
  for (; weekday < long_days.size(); ++weekday) {
    is_long = text.starts_with(long_days[weekday]);
    if (is_long || text.starts_with(long_days[weekday].substr(0, 3))) break;
  }
  if (weekday == long_days.size()) return std::nullopt;
  reader.rest.remove_prefix(is_long ? long_days[weekday].size() : 3);

  int day = 0;
  unsigned month = 1;
  int year = 0;
  std::chrono::seconds time{0};
  if (!is_long && reader.rest.starts_with(' ')) {  // asctime
    reader.literal(" ");
    month = reader.month();
    reader.literal(" ");
    day = reader.padded_day();
    reader.literal(" ");
    time = reader.time();
    reader.literal(" ");
    year = reader.digits(4);
  } else {
    const std::string_view separator = is_long ? "-" : " ";
    reader.literal(", ");
    day = reader.digits(2);
    reader.literal(separator);
    month = reader.month();
    reader.literal(separator);
    year = is_long ? century_of(reader.digits(2), now) : reader.digits(4);
    reader.literal(" ");
    time = reader.time();
    reader.literal(" GMT");
  }
  if (reader.failed || !reader.rest.empty()) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year{year}, std::chrono::month{month},
                                         std::chrono::day{static_cast<unsigned>(day)});
  if (!date.ok()) return std::nullopt;
  const sys_days days(date);
  if (std::chrono::weekday(days).c_encoding() != weekday) return std::nullopt;
  return sys_seconds(days) + time;
}

std::string format_http_date(sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text(long_days[std::chrono::weekday(day).c_encoding()].substr(0, 3));
  const auto number = [&](long long value, int digits) {
    for (long long unit = digits == 4 ? 1000 : 10; unit > 0; unit /= 10)
      text.push_back(static_cast<char>('0' + value / unit % 10));
  };
  text += ", ";
  number(static_cast<unsigned>(date.day()), 2);
  text += ' ';
  text += months.substr((std::size_t{static_cast<unsigned>(date.month())} - 1) * 3, 3);
  text += ' ';
  number(static_cast<int>(date.year()), 4);
  text += ' ';
  number(clock.hours().count(), 2);
  text += ':';
  number(clock.minutes().count(), 2);
  text += ':';
  number(clock.seconds().count(), 2);
  text += " GMT";
  return text;
}

}  // namespace kit::http
