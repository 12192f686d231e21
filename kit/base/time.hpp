// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kit {

/// For time-outs and measuring: never jumps.
using Clock = std::chrono::steady_clock;

/// An instant in UTC with microseconds, years 0001 to 9999. RFC 3339 on the wire:
/// "2021-01-01T00:00:00.000000Z".
struct Timestamp {
  std::chrono::microseconds since_epoch{0};

  static Timestamp now();
  /// RFC 3339 with any offset (converted to UTC), 'T' or a blank between day and time, and up to 9
  /// fraction digits (cut to 6); without an offset only when `assume_utc`. Nothing for anything
  /// else, leap second 60 included.
  static std::optional<Timestamp> parse(std::string_view text, bool assume_utc = false);
  /// Always 27 characters: six fraction digits and 'Z'. A day out of range is shown as the nearest
  /// one in it.
  std::string to_string() const;
  static constexpr std::size_t text_size = 27;
  /// The same, written to `to`; returns the place behind it.
  char* write_to(char* to) const;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

/// A calendar day, years 0001 to 9999. "2021-01-31" on the wire.
struct Date {
  std::chrono::sys_days day{};

  static std::optional<Date> parse(std::string_view text);
  std::string to_string() const;
  friend auto operator<=>(const Date&, const Date&) = default;
};

/// A time of day without a zone, with microseconds. "13:45:00" or "13:45:00.250000" on the wire.
struct TimeOfDay {
  std::chrono::microseconds since_midnight{0};

  static std::optional<TimeOfDay> parse(std::string_view text);
  std::string to_string() const;
  friend auto operator<=>(const TimeOfDay&, const TimeOfDay&) = default;
};

/// A length of time with microseconds, as protobuf's JSON writes it: "3.5s", "-0.000001s". At most
/// +-315 576 000 000 s.
std::optional<std::chrono::microseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::microseconds duration);

}  // namespace kit
