// SPDX-License-Identifier: Apache-2.0
#include "kit/base/time.hpp"

#include <algorithm>
#include <array>

#include "kit/base/digits.hpp"

namespace kit {
namespace {

using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr microseconds day_length = std::chrono::days{1};
constexpr sys_days first_day{std::chrono::year{1} / 1 / 1};
constexpr sys_days last_day{std::chrono::year{9999} / 12 / 31};
constexpr microseconds first_instant = first_day.time_since_epoch();
constexpr microseconds last_instant = last_day.time_since_epoch() + day_length - microseconds{1};
constexpr std::int64_t max_duration_seconds = 315'576'000'000;

/// Reads fixed-width pieces off the front of a text; the first miss latches.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  int digits(std::size_t count) {
    int value = 0;
    if (rest_.size() < count) return miss();
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') return miss();
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }

  bool accept(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void expect(char wanted) {
    if (!accept(wanted)) ok_ = false;
  }

  /// ".25" as microseconds, 1 to 9 digits, those past the sixth cut; zero when there is no point.
  microseconds fraction() {
    if (!accept('.')) return microseconds{0};
    std::int64_t value = 0;
    std::size_t count = 0;
    for (; count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count) {
      if (count < 6) value = value * 10 + (rest_[count] - '0');
    }
    if (count < 1 || count > 9) ok_ = false;
    rest_.remove_prefix(count);
    for (; count < 6; ++count) value *= 10;
    return microseconds{value};
  }

  bool at_end() const { return rest_.empty(); }
  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

 private:
  int miss() {
    ok_ = false;
    return 0;
  }
  std::string_view rest_;
  bool ok_ = true;
};

std::optional<sys_days> scan_day(Scanner& scanner) {
  int year = scanner.digits(4);
  scanner.expect('-');
  int month = scanner.digits(2);
  scanner.expect('-');
  int day = scanner.digits(2);
  year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                      std::chrono::day{static_cast<unsigned>(day)}};
  if (!scanner.ok() || year < 1 || !date.ok()) return std::nullopt;
  return sys_days{date};
}

std::optional<microseconds> scan_time(Scanner& scanner) {
  int hours = scanner.digits(2);
  scanner.expect(':');
  int minutes = scanner.digits(2);
  scanner.expect(':');
  int seconds = scanner.digits(2);
  microseconds fraction = scanner.fraction();
  if (!scanner.ok() || hours > 23 || minutes > 59 || seconds > 59) return std::nullopt;
  return std::chrono::hours{hours} + std::chrono::minutes{minutes} + std::chrono::seconds{seconds} +
         fraction;
}

/// "Z", "+02:00" or, when allowed, nothing: how far local time is ahead of UTC.
std::optional<microseconds> scan_offset(Scanner& scanner, bool optional) {
  if (optional && scanner.at_end()) return microseconds{0};
  if (scanner.accept('Z') || scanner.accept('z')) return microseconds{0};
  bool behind = scanner.accept('-');
  if (!behind && !scanner.accept('+')) return std::nullopt;
  int hours = scanner.digits(2);
  scanner.expect(':');
  int minutes = scanner.digits(2);
  if (!scanner.ok() || hours > 23 || minutes > 59) return std::nullopt;
  microseconds offset = std::chrono::hours{hours} + std::chrono::minutes{minutes};
  return behind ? -offset : offset;
}

char* put_day(char* to, sys_days day) {
  const year_month_day date{std::clamp(day, first_day, last_day)};
  to = put_digits<4>(to, static_cast<std::uint32_t>(static_cast<int>(date.year())));
  *to++ = '-';
  to = put_digits<2>(to, static_cast<unsigned>(date.month()));
  *to++ = '-';
  return put_digits<2>(to, static_cast<unsigned>(date.day()));
}

/// "hh:mm:ss.ffffff"
char* put_time(char* to, microseconds since_midnight) {
  const auto micros = static_cast<std::uint64_t>(since_midnight.count());
  const auto seconds = static_cast<std::uint32_t>(micros / 1'000'000);
  to = put_digits<2>(to, seconds / 3600);
  *to++ = ':';
  to = put_digits<2>(to, seconds / 60 % 60);
  *to++ = ':';
  to = put_digits<2>(to, seconds % 60);
  *to++ = '.';
  return put_digits<6>(to, static_cast<std::uint32_t>(micros % 1'000'000));
}

}  // namespace

Timestamp Timestamp::now() {
  return {std::chrono::floor<microseconds>(std::chrono::system_clock::now().time_since_epoch())};
}

std::optional<Timestamp> Timestamp::parse(std::string_view text, bool assume_utc) {
  Scanner scanner(text);
  auto day = scan_day(scanner);
  if (!day) return std::nullopt;
  if (!scanner.accept('T') && !scanner.accept('t') && !scanner.accept(' ')) return std::nullopt;
  auto time = scan_time(scanner);
  if (!time) return std::nullopt;
  auto offset = scan_offset(scanner, assume_utc);
  if (!offset || !scanner.at_end()) return std::nullopt;
  microseconds instant = day->time_since_epoch() + *time - *offset;
  if (instant < first_instant || instant > last_instant) return std::nullopt;
  return Timestamp{instant};
}

char* Timestamp::write_to(char* to) const {
  const auto instant = std::clamp(since_epoch, first_instant, last_instant);
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  to = put_day(to, sys_days{day});
  *to++ = 'T';
  to = put_time(to, instant - day);
  *to++ = 'Z';
  return to;
}

std::string Timestamp::to_string() const {
  std::string out(text_size, '\0');
  write_to(out.data());
  return out;
}

std::optional<Date> Date::parse(std::string_view text) {
  Scanner scanner(text);
  auto day = scan_day(scanner);
  if (!day || !scanner.at_end()) return std::nullopt;
  return Date{*day};
}

std::string Date::to_string() const {
  std::string out(10, '-');
  put_day(out.data(), day);
  return out;
}

std::optional<TimeOfDay> TimeOfDay::parse(std::string_view text) {
  Scanner scanner(text);
  auto time = scan_time(scanner);
  if (!time || !scanner.at_end()) return std::nullopt;
  return TimeOfDay{*time};
}

std::string TimeOfDay::to_string() const {
  std::string out(15, '0');
  put_time(out.data(), std::clamp(since_midnight, microseconds{0}, day_length - microseconds{1}));
  if (out.ends_with(".000000")) out.resize(8);
  return out;
}

std::optional<std::chrono::microseconds> parse_duration(std::string_view text) {
  Scanner scanner(text);
  bool negative = scanner.accept('-');
  std::string_view rest = scanner.rest();
  std::size_t count = 0;
  std::int64_t seconds = 0;
  for (; count < rest.size() && rest[count] >= '0' && rest[count] <= '9'; ++count) {
    seconds = seconds * 10 + (rest[count] - '0');
    if (seconds > max_duration_seconds) return std::nullopt;
  }
  if (count == 0) return std::nullopt;
  Scanner tail(rest.substr(count));
  microseconds fraction = tail.fraction();
  tail.expect('s');
  if (!tail.ok() || !tail.at_end()) return std::nullopt;
  microseconds duration = std::chrono::seconds{seconds} + fraction;
  if (duration > std::chrono::seconds{max_duration_seconds}) return std::nullopt;
  return negative ? -duration : duration;
}

std::string format_duration(std::chrono::microseconds duration) {
  bool negative = duration.count() < 0;
  auto micros = static_cast<std::uint64_t>(duration.count());
  if (negative) micros = 0 - micros;
  std::string out = negative ? "-" : "";
  out.append(std::to_string(micros / 1'000'000));
  if (std::uint64_t fraction = micros % 1'000'000; fraction != 0) {
    std::array<char, 6> digits;
    put_digits<6>(digits.data(), static_cast<std::uint32_t>(fraction));
    std::string_view shown(digits.data(), 6);
    out.append(".").append(shown.substr(0, shown.find_last_not_of('0') + 1));
  }
  return out.append("s");
}

}  // namespace kit
