// SPDX-License-Identifier: Apache-2.0
#include "kit/base/cron.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <random>
#include <string>
#include <vector>

namespace kit {
namespace {

Timestamp at(std::string_view text) {
  return Timestamp::parse(text).value();
}

/// The next `count` times, without their dates' last parts that are always the same.
std::string nexts(std::string_view cron, std::string_view from, int count = 3) {
  auto parsed = Cron::parse(cron);
  if (!parsed) return parsed.error().message();
  std::string all;
  Timestamp time = at(from);
  for (int i = 0; i < count; ++i) {
    const auto next = parsed->next(time);
    if (!next) return all + " end";
    time = *next;
    all += (all.empty() ? "" : ", ") + time.to_string().substr(0, 16);
  }
  return all;
}

TEST(Cron, SaysWhen) {
  EXPECT_EQ(nexts("0 3 * * *", "2024-02-28T02:59:59.999999Z"),
            "2024-02-28T03:00, 2024-02-29T03:00, 2024-03-01T03:00");
  EXPECT_EQ(nexts("0 3 * * *", "2024-02-28T03:00:00Z", 1), "2024-02-29T03:00");
  EXPECT_EQ(nexts("*/20 8-9 * * mon-fri", "2024-03-01T09:30:00Z", 4),
            "2024-03-01T09:40, 2024-03-04T08:00, 2024-03-04T08:20, 2024-03-04T08:40");
  EXPECT_EQ(nexts("59 23 31 DEC *", "2024-01-01T00:00:00Z", 2),
            "2024-12-31T23:59, 2025-12-31T23:59");
  EXPECT_EQ(nexts("0 0 29 2 *", "2096-02-29T00:00:00Z", 2), "2104-02-29T00:00, 2108-02-29T00:00");
  EXPECT_EQ(nexts("1,2,5-7/2 0 1 1 *", "2024-01-01T00:00:00Z", 5),
            "2024-01-01T00:01, 2024-01-01T00:02, 2024-01-01T00:05, 2024-01-01T00:07, "
            "2025-01-01T00:01");
  EXPECT_EQ(nexts("0 0 * * 7", "2024-03-01T00:00:00Z", 1),
            nexts("0 0 * * 0", "2024-03-01T00:00:00Z", 1));
  EXPECT_EQ(nexts("0 0 * * fri-sun", "2024-03-01T00:00:00Z"),
            "2024-03-02T00:00, 2024-03-03T00:00, 2024-03-08T00:00");
}

TEST(Cron, EitherDayIsEnoughWhenBothAreLimited) {
  EXPECT_EQ(nexts("0 0 13 * fri", "2024-09-06T00:00:00Z"),
            "2024-09-13T00:00, 2024-09-20T00:00, 2024-09-27T00:00");
  EXPECT_EQ(nexts("0 0 13 * fri", "2024-10-05T00:00:00Z"),
            "2024-10-11T00:00, 2024-10-13T00:00, 2024-10-18T00:00");
  EXPECT_EQ(nexts("0 0 30 2 fri", "2024-01-05T00:00:00Z", 1), "2024-02-02T00:00");
}

TEST(Cron, KnowsShorthands) {
  const std::string_view from = "2024-03-01T12:30:00Z";
  EXPECT_EQ(nexts("@hourly", from, 1), "2024-03-01T13:00");
  EXPECT_EQ(nexts("@Daily", from, 1), "2024-03-02T00:00");
  EXPECT_EQ(nexts("@midnight", from, 1), "2024-03-02T00:00");
  EXPECT_EQ(nexts("@weekly", from, 1), "2024-03-03T00:00");
  EXPECT_EQ(nexts("@monthly", from, 1), "2024-04-01T00:00");
  EXPECT_EQ(nexts("@yearly", from, 1), "2025-01-01T00:00");
  EXPECT_EQ(nexts("@annually", from, 1), "2025-01-01T00:00");
}

TEST(Cron, EndsWithTheCalendar) {
  EXPECT_EQ(nexts("0 0 1 1 *", "9998-12-31T00:00:00Z", 2), "9999-01-01T00:00 end");
}

TEST(Cron, SaysWhatIsWrong) {
  const std::string_view from = "2024-03-01T12:30:00Z";
  EXPECT_EQ(nexts("60 * * * *", from), "the minute '60' is no number from 0 to 59");
  EXPECT_EQ(nexts("* 24 * * *", from), "the hour '24' is no number from 0 to 23");
  EXPECT_EQ(nexts("* * 0 * *", from), "the day of the month '0' is no number from 1 to 31");
  EXPECT_EQ(nexts("* * * 13 *", from), "the month '13' is no number from 1 to 12");
  EXPECT_EQ(nexts("* * * * 8", from), "the day of the week '8' is no number from 0 to 7");
  EXPECT_EQ(nexts("* * * * monday", from), "the day of the week 'monday' is no number from 0 to 7");
  EXPECT_EQ(nexts("*/0 * * * *", from), "the minute '*/0' has no step from 1 to 59");
  EXPECT_EQ(nexts("*/x * * * *", from), "the minute '*/x' has no step from 1 to 59");
  EXPECT_EQ(nexts("*/ * * * *", from), "the minute '*/' has no step from 1 to 59");
  EXPECT_EQ(nexts("5-1 * * * *", from), "the minute '5-1' ends before it begins");
  EXPECT_EQ(nexts("5/2 * * * *", from),
            "the minute '5/2' has a step without a range: write '*/2' or '5-59/2'");
  EXPECT_EQ(nexts("1,,2 * * * *", from), "the minute '' is no number from 0 to 59");
  EXPECT_EQ(nexts("-1 * * * *", from), "the minute '' is no number from 0 to 59");
  EXPECT_EQ(nexts("+1 * * * *", from), "the minute '+1' is no number from 0 to 59");
  EXPECT_EQ(nexts("0 0 30 feb *", from),
            "the day of the month '30' is in none of the months 'feb'");
  EXPECT_EQ(nexts("0 0 31 2,4,6,9,11 *", from),
            "the day of the month '31' is in none of the months '2,4,6,9,11'");
  for (const std::string_view wrong : {"", "* * * *", "* * * * * *", "@never", "0 3 * * * UTC"}) {
    EXPECT_NE(nexts(wrong, from).find("is no schedule"), std::string::npos) << wrong;
  }
  EXPECT_EQ(nexts(std::string(192, ' ') + "* * * * *", from).find("is no"), std::string::npos);
  EXPECT_EQ(nexts(std::string(192, ' ') + "0 * * * * ", from),
            "a schedule has at most 200 characters");
}

TEST(Cron, FindsTheLastAndCounts) {
  const Cron cron = *Cron::parse("0 3 * * *");
  const Timestamp from = at("2024-01-01T03:00:00Z");
  EXPECT_EQ(cron.last(from, at("2024-01-02T02:59:00Z")), std::nullopt);
  EXPECT_EQ(cron.last(from, at("2024-01-02T03:00:00Z")), at("2024-01-02T03:00:00Z"));
  EXPECT_EQ(cron.last(from, at("2025-01-01T02:00:00Z")), at("2024-12-31T03:00:00Z"));
  EXPECT_EQ(cron.last(from, from), std::nullopt);
  EXPECT_EQ(cron.last(at("2025-01-01T00:00:00Z"), from), std::nullopt);
  EXPECT_EQ(cron.count(from, at("2025-01-01T02:00:00Z"), 1'000), 365);
  EXPECT_EQ(cron.count(from, at("2025-01-01T02:00:00Z"), 7), 7);
  EXPECT_EQ(cron.count(from, from, 7), 0);
}

/// A schedule as the oracle knows it: which numbers fit each field, and how it is written.
struct Made {
  std::array<std::vector<int>, 5> fits;
  std::array<bool, 5> star{};
  std::string text;
};

Made make(std::mt19937& random) {
  constexpr std::array<std::pair<int, int>, 5> bounds = {
      {{0, 59}, {0, 23}, {1, 31}, {1, 12}, {0, 7}}};
  Made made;
  auto below = [&](int most) { return static_cast<int>(random() % static_cast<unsigned>(most)); };
  for (std::size_t field = 0; field < 5; ++field) {
    const auto [least, most] = bounds[field];
    const int parts = 1 + below(3);
    for (int part = 0; part < parts; ++part) {
      int first = least;
      int last = most;
      int step = 1;
      std::string text = "*";
      const int kind = part > 0 ? 1 + below(2) : below(field == 1 || field == 0 ? 3 : 5);
      if (kind == 1) first = last = least + below(most - least + 1);
      if (kind == 2) {
        first = least + below(most - least + 1);
        last = first + below(most - first + 1);
      }
      if (kind == 1) text = std::to_string(first);
      if (kind == 2) text = std::to_string(first) + "-" + std::to_string(last);
      if (kind != 1 && below(3) == 0) {
        step = 1 + below(most);
        text += "/" + std::to_string(step);
      }
      if (part == 0) made.star[field] = kind != 1 && kind != 2;
      for (int value = first; value <= last; value += step) made.fits[field].push_back(value);
      made.text += (part > 0 ? "," : field > 0 ? " " : "") + text;
    }
  }
  return made;
}

bool has(const std::vector<int>& values, int value) {
  return std::ranges::find(values, value) != values.end();
}

bool fits(const Made& made, std::time_t time) {
  std::tm parts{};
  gmtime_r(&time, &parts);
  const bool day = has(made.fits[2], parts.tm_mday);
  const bool weekday =
      has(made.fits[4], parts.tm_wday) || (parts.tm_wday == 0 && has(made.fits[4], 7));
  return has(made.fits[0], parts.tm_min) && has(made.fits[1], parts.tm_hour) &&
         has(made.fits[3], parts.tm_mon + 1) &&
         (made.star[2] || made.star[4] ? day && weekday : day || weekday);
}

/// Minute by minute, for at most `days`; -1: none of them fits.
std::time_t next_by_trying(const Made& made, std::time_t from, int days) {
  std::time_t time = from - from % 60 + 60;
  for (const std::time_t end = time + std::time_t{86'400} * days; time < end; time += 60) {
    if (fits(made, time)) return time;
  }
  return -1;
}

TEST(CronOracle, IsTheFirstMinuteThatFits) {
  std::mt19937 random(20'240'229);
  int compared = 0;
  int far = 0;
  for (int round = 0; round < 200; ++round) {
    const Made made = make(random);
    const auto cron = Cron::parse(made.text);
    if (!cron) {  // only for what no day fits
      EXPECT_NE(cron.error().message().find("is in none of the months"), std::string::npos)
          << made.text << ": " << cron.error().message();
      EXPECT_EQ(next_by_trying(made, 1'704'067'200, 366 * 2), -1) << made.text;
      continue;
    }
    std::time_t time = 1'700'000'000 + static_cast<std::time_t>(random() % 100'000'000);
    for (int step = 0; step < 3; ++step) {
      const std::time_t expected = next_by_trying(made, time, 32);
      const auto found = cron->next(Timestamp{std::chrono::seconds(time)});
      ASSERT_TRUE(found) << made.text;
      const std::time_t next = found->since_epoch.count() / 1'000'000;
      if (expected == -1) {  // too far to try every minute
        ++far;
        ASSERT_GT(next, time + 31 * 86'400) << made.text << " after " << time;
        ASSERT_TRUE(fits(made, next)) << made.text << " after " << time;
      } else {
        ++compared;
        ASSERT_EQ(next, expected) << made.text << " after " << time;
      }
      time = next;
    }
  }
  EXPECT_GT(compared, 300);
  EXPECT_GT(far, 20);
}

}  // namespace
}  // namespace kit
