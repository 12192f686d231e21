// SPDX-License-Identifier: Apache-2.0
#include "kit/base/cron.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <span>
#include <utility>
#include <vector>

#include "kit/base/text.hpp"

namespace kit {
namespace {

using std::chrono::days;
using std::chrono::minutes;
using std::chrono::sys_days;

constexpr std::size_t longest_text = 200;
/// Between two 29ths of February around a year like 2100 are eight years.
constexpr days longest_gap{9 * 366};
constexpr int sunday = 7;

constexpr std::string_view month_names[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                            "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::string_view weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  int least;
  int most;
  std::span<const std::string_view> names = {};
};
constexpr std::array<Field, 5> fields = {{
    {"minute", 0, 59},
    {"hour", 0, 23},
    {"day of the month", 1, 31},
    {"month", 1, 12, month_names},
    {"day of the week", 0, sunday, weekday_names},
}};

constexpr std::pair<std::string_view, std::string_view> shorthands[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find_first_of(separators);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Error wrong(const Field& field, std::string_view part, std::string why) {
  std::string message = "the ";
  message.append(field.name).append(" '").append(part).append("' ").append(why);
  return Error(Code::invalid_argument, std::move(message));
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lowered;
}

Result<int> number(const Field& field, std::string_view text) {
  const auto named = std::ranges::find(field.names, lower(text));
  if (named != field.names.end()) {
    return field.least + static_cast<int>(named - field.names.begin());
  }
  const bool digits = !text.empty() && text.size() <= 2 &&
                      std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  const auto value = digits ? parse_int(text) : std::nullopt;
  if (!value || *value < field.least || *value > field.most) {
    return wrong(
        field, text,
        "is no number from " + std::to_string(field.least) + " to " + std::to_string(field.most));
  }
  return static_cast<int>(*value);
}

/// `*`, `5`, `1-5`, each perhaps with `/2`.
Result<std::uint64_t> read_part(const Field& field, std::string_view part) {
  const std::size_t slash = part.find('/');
  const std::string_view range = part.substr(0, slash);
  int step = 1;
  if (slash != std::string_view::npos) {
    const std::string_view text = part.substr(slash + 1);
    const auto value = parse_int(text);
    if (!value || *value < 1 || *value > field.most || text.front() == '+') {
      return wrong(field, part, "has no step from 1 to " + std::to_string(field.most));
    }
    step = static_cast<int>(*value);
  }
  int first = field.least;
  int last = field.most;
  if (range != "*") {
    const std::size_t dash = range.find('-');
    auto from = number(field, range.substr(0, dash));
    if (!from) return std::move(from).error();
    first = last = *from;
    if (dash != std::string_view::npos) {
      auto to = number(field, range.substr(dash + 1));
      if (!to) return std::move(to).error();
      // `fri-sun`
      last = field.most == sunday && *to == 0 && first > 0 ? sunday : *to;
      if (last < first) return wrong(field, part, "ends before it begins");
    } else if (slash != std::string_view::npos) {
      return wrong(field, part,
                   "has a step without a range: write '*/" + std::to_string(step) + "' or '" +
                       std::string(range) + "-" + std::to_string(field.most) + "/" +
                       std::to_string(step) + "'");
    }
  }
  std::uint64_t bits = 0;
  for (int value = first; value <= last; value += step) bits |= std::uint64_t{1} << value;
  return bits;
}

Result<std::uint64_t> read_field(const Field& field, std::string_view text) {
  std::uint64_t bits = 0;
  for (const std::string_view part : split(text, ",")) {
    auto read = read_part(field, part);
    if (!read) return std::move(read).error();
    bits |= *read;
  }
  return bits;
}

/// Whether some month has such a day, February its 29th.
bool has_date(std::uint64_t days_of_month, std::uint64_t months) {
  constexpr int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int first = std::countr_zero(days_of_month);
  for (int month = 1; month <= 12; ++month) {
    if ((months >> month & 1) != 0 && first <= lengths[month - 1]) return true;
  }
  return false;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  if (text.size() > longest_text) {
    return Error(Code::invalid_argument,
                 "a schedule has at most " + std::to_string(longest_text) + " characters");
  }
  const auto* const shorthand =
      std::ranges::find(shorthands, lower(text), [](const auto& pair) { return pair.first; });
  if (shorthand != std::end(shorthands)) text = shorthand->second;
  std::vector<std::string_view> parts = split(text, " \t");
  std::erase(parts, std::string_view());
  if (parts.size() != fields.size()) {
    return Error(Code::invalid_argument,
                 "'" + std::string(text) +
                     "' is no schedule: it takes minute, hour, day of the month, month and day of "
                     "the week, as in '0 3 * * mon-fri', or @hourly, @daily, @weekly, @monthly or "
                     "@yearly");
  }
  std::array<std::uint64_t, fields.size()> bits{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    auto read = read_field(fields[i], parts[i]);
    if (!read) return std::move(read).error();
    bits[i] = *read;
  }
  Cron cron;
  cron.minutes_ = bits[0];
  cron.hours_ = static_cast<std::uint32_t>(bits[1]);
  cron.days_ = static_cast<std::uint32_t>(bits[2]);
  cron.months_ = static_cast<std::uint32_t>(bits[3]);
  cron.weekdays_ = static_cast<std::uint32_t>((bits[4] | bits[4] >> sunday) & 0x7F);
  cron.either_day_ = !parts[2].starts_with('*') && !parts[4].starts_with('*');
  if (!cron.either_day_ && !has_date(bits[2], bits[3])) {
    return wrong(fields[2], parts[2], "is in none of the months '" + std::string(parts[3]) + "'");
  }
  return cron;
}

bool Cron::fits(std::chrono::year_month_day date, sys_days day) const {
  const unsigned month = static_cast<unsigned>(date.month());
  if ((months_ >> month & 1) == 0) return false;
  const bool day_fits = (days_ >> static_cast<unsigned>(date.day()) & 1) != 0;
  const bool weekday_fits = (weekdays_ >> std::chrono::weekday(day).c_encoding() & 1) != 0;
  return either_day_ ? day_fits || weekday_fits : day_fits && weekday_fits;
}

std::optional<Timestamp> Cron::next(Timestamp time) const {
  const std::chrono::sys_time<std::chrono::microseconds> from(time.since_epoch);
  const auto first = std::chrono::floor<minutes>(from) + minutes(1);
  sys_days day = std::chrono::floor<days>(first);
  auto minute = static_cast<unsigned>((first - day).count());  // of the day
  for (const sys_days end = day + longest_gap; day < end; day += days(1), minute = 0) {
    const std::chrono::year_month_day date(day);
    if (date.year() > std::chrono::year(9999)) return std::nullopt;
    if (!fits(date, day)) continue;
    for (unsigned hour = minute / 60; hour < 24; ++hour, minute = 0) {
      if ((hours_ >> hour & 1) == 0) continue;
      const std::uint64_t left = minutes_ >> (minute % 60);
      if (left == 0) continue;
      const auto at = hour * 60 + minute % 60 + static_cast<unsigned>(std::countr_zero(left));
      return Timestamp{(day + minutes(at)).time_since_epoch()};
    }
  }
  return std::nullopt;
}

std::optional<Timestamp> Cron::last(Timestamp after, Timestamp until) const {
  std::optional<Timestamp> found;
  // Back in steps that double, so that what is near is found fast and no time is passed over twice.
  std::chrono::microseconds back = std::chrono::minutes(1);
  while (!found) {
    const bool whole = until.since_epoch - back <= after.since_epoch;
    const std::optional<Timestamp> first =
        next(whole ? after : Timestamp{until.since_epoch - back});
    if (first && *first <= until) found = first;
    if (whole) break;
    back *= 2;
  }
  while (found) {
    const std::optional<Timestamp> later = next(*found);
    if (!later || *later > until) break;
    found = later;
  }
  return found;
}

std::int64_t Cron::count(Timestamp after, Timestamp until, std::int64_t most) const {
  std::int64_t number = 0;
  std::optional<Timestamp> time = next(after);
  while (time && *time <= until && number < most) {
    ++number;
    time = next(*time);
  }
  return number;
}

}  // namespace kit
