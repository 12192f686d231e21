// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/base/time.hpp"

namespace kit {

/// When something is done again and again, as crontab(5) writes it: minute, hour, day of the month,
/// month and day of the week, each `*`, numbers, ranges `1-5`, steps `*/15` or `8-18/2`, and lists
/// of these with commas; months and days of the week by three letters too (`mon-fri`), 0 and 7 both
/// are Sunday. Or one of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually. When
/// both the day of the month and the day of the week are limited (do not begin with `*`), a day
/// that fits one of them is enough. Times are UTC: no hour of a day is missing or there twice.
class Cron {
 public:
  /// Fails with `invalid_argument`, which says which of the five is wrong and why, also for what no
  /// day ever fits (February 30).
  static Result<Cron> parse(std::string_view text);

  /// The first time after `time`; nothing behind the year 9999. Cost: microseconds at most.
  std::optional<Timestamp> next(Timestamp time) const;
  /// The last one of (`after`, `until`].
  std::optional<Timestamp> last(Timestamp after, Timestamp until) const;
  /// How many there are in (`after`, `until`], counted up to `most`.
  std::int64_t count(Timestamp after, Timestamp until, std::int64_t most) const;

 private:
  bool fits(std::chrono::year_month_day date, std::chrono::sys_days day) const;

  // A bit for each number that fits.
  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0;
  std::uint32_t days_ = 0;
  std::uint32_t months_ = 0;
  std::uint32_t weekdays_ = 0;
  bool either_day_ = false;
};

}  // namespace kit
