// SPDX-License-Identifier: Apache-2.0
#include "kit/base/time.hpp"

#include <gtest/gtest.h>

namespace kit {
namespace {

using std::chrono::microseconds;

std::string normalised(std::string_view text, bool assume_utc = false) {
  auto value = Timestamp::parse(text, assume_utc);
  return value ? value->to_string() : "nothing";
}

TEST(TimestampTest, ReadsRfc3339) {
  EXPECT_EQ(normalised("2021-01-01T00:00:00.000000Z"), "2021-01-01T00:00:00.000000Z");
  EXPECT_EQ(normalised("2021-01-01T00:00:00Z"), "2021-01-01T00:00:00.000000Z");
  EXPECT_EQ(normalised("2021-01-01t00:00:00z"), "2021-01-01T00:00:00.000000Z");
  EXPECT_EQ(normalised("2021-01-01 00:00:00Z"), "2021-01-01T00:00:00.000000Z");
  EXPECT_EQ(normalised("2021-01-01T01:30:00+02:00"), "2020-12-31T23:30:00.000000Z");
  EXPECT_EQ(normalised("2021-01-01T00:00:00-00:30"), "2021-01-01T00:30:00.000000Z");
  EXPECT_EQ(normalised("2021-01-01T00:00:00.5Z"), "2021-01-01T00:00:00.500000Z");
  EXPECT_EQ(normalised("2021-01-01T00:00:00.123456789Z"), "2021-01-01T00:00:00.123456Z");
  EXPECT_EQ(normalised("2024-02-29T23:59:59Z"), "2024-02-29T23:59:59.000000Z");
  EXPECT_EQ(normalised("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00.000000Z");
  EXPECT_EQ(normalised("1969-12-31T23:59:59.999999Z"), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(normalised("9999-12-31T23:59:59.999999Z"), "9999-12-31T23:59:59.999999Z");
}

TEST(TimestampTest, RefusesEverythingElse) {
  for (std::string_view text : {"",
                                "2021-01-01",
                                "2021-01-01T00:00:00",
                                "2021-01-01T00:00Z",
                                "2021-02-29T00:00:00Z",
                                "2021-13-01T00:00:00Z",
                                "2021-00-01T00:00:00Z",
                                "2021-01-32T00:00:00Z",
                                "2021-01-01T24:00:00Z",
                                "2021-01-01T00:60:00Z",
                                "2021-01-01T00:00:60Z",
                                "2021-01-01T00:00:00.Z",
                                "2021-01-01T00:00:00.1234567890Z",
                                "2021-01-01T00:00:00+24:00",
                                "2021-01-01T00:00:00+0200",
                                "2021-01-01T00:00:00ZZ",
                                "0000-01-01T00:00:00Z",
                                "0001-01-01T00:00:00+00:01",
                                "9999-12-31T23:59:59-00:01",
                                " 2021-01-01T00:00:00Z",
                                "2021-1-01T00:00:00Z",
                                "+2021-01-01T00:00:00Z"}) {
    EXPECT_EQ(normalised(text), "nothing") << text;
  }
}

TEST(TimestampTest, AssumesUtcOnlyWhenTold) {
  EXPECT_EQ(normalised("2021-01-01 10:00:00", true), "2021-01-01T10:00:00.000000Z");
  EXPECT_EQ(normalised("2021-01-01T10:00:00+01:00", true), "2021-01-01T09:00:00.000000Z");
  EXPECT_EQ(normalised("2021-01-01T10:00:00+", true), "nothing");
}

TEST(TimestampTest, NowIsOfThisAge) {
  Timestamp now = Timestamp::now();
  EXPECT_GT(now, Timestamp::parse("2024-01-01T00:00:00Z").value());
  EXPECT_EQ(Timestamp::parse(now.to_string()), now);
}

TEST(TimestampTest, ShowsInstantsOutOfRangeAsTheNearestDay) {
  EXPECT_TRUE(Timestamp{microseconds::max()}.to_string().starts_with("9999-12-31T"));
  EXPECT_TRUE(Timestamp{microseconds::min()}.to_string().starts_with("0001-01-01T"));
}

TEST(DateTest, ReadsAndWrites) {
  EXPECT_EQ(Date::parse("2024-02-29")->to_string(), "2024-02-29");
  EXPECT_EQ(Date::parse("0001-01-01")->to_string(), "0001-01-01");
  EXPECT_LT(*Date::parse("1969-12-31"), *Date::parse("1970-01-01"));
  for (std::string_view text : {"", "2023-02-29", "2024-2-9", "2024-02-30", "0000-01-01",
                                "2024-02-29T", "24-02-29", "2024/02/29"}) {
    EXPECT_FALSE(Date::parse(text)) << text;
  }
}

TEST(TimeOfDayTest, ReadsAndWrites) {
  EXPECT_EQ(TimeOfDay::parse("13:45:00")->to_string(), "13:45:00");
  EXPECT_EQ(TimeOfDay::parse("13:45:00.25")->to_string(), "13:45:00.250000");
  EXPECT_EQ(TimeOfDay::parse("00:00:00")->since_midnight, microseconds{0});
  EXPECT_EQ(TimeOfDay::parse("23:59:59.999999")->to_string(), "23:59:59.999999");
  for (std::string_view text :
       {"", "13:45", "24:00:00", "13:60:00", "13:45:60", "1:45:00", "13:45:00Z", "13:45:00."}) {
    EXPECT_FALSE(TimeOfDay::parse(text)) << text;
  }
}

TEST(DurationTest, ReadsAndWrites) {
  auto check = [](std::string_view text, microseconds wanted, std::string_view shown) {
    EXPECT_EQ(parse_duration(text), wanted) << text;
    EXPECT_EQ(format_duration(wanted), shown);
  };
  check("3.5s", microseconds{3'500'000}, "3.5s");
  check("0s", microseconds{0}, "0s");
  check("-0.000001s", microseconds{-1}, "-0.000001s");
  check("1.000000s", microseconds{1'000'000}, "1s");
  check("1.000000999s", microseconds{1'000'000}, "1s");
  check("315576000000s", std::chrono::seconds{315'576'000'000}, "315576000000s");
  check("-315576000000s", std::chrono::seconds{-315'576'000'000}, "-315576000000s");
  EXPECT_EQ(format_duration(microseconds::min()), "-9223372036854.775808s");
}

TEST(DurationTest, RefusesEverythingElse) {
  for (std::string_view text :
       {"", "s", "3", "3.5", ".5s", "3.s", "+3s", "3 s", "3m", "3ss", "--3s", "1e3s",
        "315576000001s", "315576000000.000001s", "99999999999999999999s", "1.0000000000s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

}  // namespace
}  // namespace kit
