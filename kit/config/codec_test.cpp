// SPDX-License-Identifier: Apache-2.0
#include "kit/config/codec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kit::config {
namespace {

using std::chrono::nanoseconds;
using testing::ElementsAre;

Raw text(std::string value) {
  Raw raw;
  raw.text = std::move(value);
  return raw;
}

Raw one_line(std::string value) {
  Raw raw = text(std::move(value));
  raw.is_one_line = true;
  return raw;
}

TEST(CodecTest, Booleans) {
  EXPECT_EQ(Codec<bool>::parse(text("true")), true);
  EXPECT_EQ(Codec<bool>::parse(text("false")), false);
  for (const char* bad : {"", "yes", "on", "True", "1"})
    EXPECT_FALSE(Codec<bool>::parse(text(bad))) << bad;
}

TEST(CodecTest, Integers) {
  EXPECT_EQ(Codec<std::uint16_t>::parse(text("65535")), 65535);
  EXPECT_EQ(Codec<std::uint16_t>::parse(text("65536")), std::nullopt);
  EXPECT_EQ(Codec<std::uint16_t>::parse(text("-1")), std::nullopt);
  EXPECT_EQ(Codec<std::int8_t>::parse(text("-128")), -128);
  EXPECT_EQ(Codec<std::uint64_t>::parse(text("18446744073709551615")), UINT64_MAX);
  for (const char* bad : {"", " 1", "1 ", "+1", "0x10", "1.0", "1e3", "18446744073709551616"}) {
    EXPECT_FALSE(Codec<std::uint64_t>::parse(text(bad))) << bad;
  }
}

TEST(CodecTest, Numbers) {
  EXPECT_EQ(Codec<double>::parse(text("0.25")), 0.25);
  EXPECT_EQ(Codec<double>::parse(text("inf")), std::nullopt);
  EXPECT_EQ(Codec<double>::format(0.1), "0.1");
}

TEST(CodecTest, Durations) {
  auto check = [](const char* shown, nanoseconds wanted) {
    EXPECT_EQ(parse_span(text(shown)), wanted) << shown;
    EXPECT_EQ(format_span(wanted), shown);
  };
  check("250ms", std::chrono::milliseconds(250));
  check("5s", std::chrono::seconds(5));
  check("2m", std::chrono::minutes(2));
  check("1h", std::chrono::hours(1));
  check("7d", std::chrono::hours(7 * 24));
  check("3us", std::chrono::microseconds(3));
  check("9ns", nanoseconds(9));
  EXPECT_EQ(parse_span(text("1h30m")), std::chrono::minutes(90));
  EXPECT_EQ(parse_span(text("0")), nanoseconds(0));
  EXPECT_EQ(format_span(nanoseconds(0)), "0s");
  EXPECT_EQ(parse_span(text("9223372036854775807ns")), nanoseconds::max());
  for (const char* bad : {"", "5", "s", "5 s", "-5s", "1.5s", "5sec", "9223372036854775808ns",
                          "106752d", "9223372036854775807ns1ns", "5s "}) {
    EXPECT_FALSE(parse_span(text(bad))) << bad;
  }
}

TEST(CodecTest, DurationsFinerThanTheSettingAreRefused) {
  EXPECT_EQ(Codec<std::chrono::seconds>::parse(text("2000ms")), std::chrono::seconds(2));
  EXPECT_EQ(Codec<std::chrono::seconds>::parse(text("2500ms")), std::nullopt);
}

TEST(CodecTest, Sizes) {
  EXPECT_EQ(parse_bytes(text("512")), Bytes{512});
  EXPECT_EQ(parse_bytes(text("512B")), Bytes{512});
  EXPECT_EQ(parse_bytes(text("64KiB")), Bytes{65536});
  EXPECT_EQ(parse_bytes(text("1MiB")), Bytes{1 << 20});
  EXPECT_EQ(parse_bytes(text("10MB")), Bytes{10'000'000});
  EXPECT_EQ(parse_bytes(text("16777215TiB")), Bytes{16777215ULL << 40});
  EXPECT_EQ(format_bytes({1 << 20}), "1MiB");
  EXPECT_EQ(format_bytes({1000}), "1000");
  EXPECT_EQ(format_bytes({0}), "0");
  for (const char* bad : {"", "MiB", "1 MiB", "1mb", "1.5MiB", "-1", "16777216TiB", "1MiBx"}) {
    EXPECT_FALSE(parse_bytes(text(bad))) << bad;
  }
}

TEST(CodecTest, Lists) {
  EXPECT_THAT(*parse_list(one_line("a, b,c")), ElementsAre("a", "b", "c"));
  EXPECT_TRUE(parse_list(one_line(""))->empty());
  EXPECT_FALSE(parse_list(text("a,b")));
  Raw list;
  list.kind = Raw::Kind::list;
  list.items = {"x,y", "z"};
  EXPECT_THAT(*parse_list(list), ElementsAre("x,y", "z"));
  EXPECT_FALSE(parse_text(list));
}

TEST(CodecTest, Maps) {
  EXPECT_EQ(format_map(*parse_map(one_line("http=debug, db=warn"))), "db=warn,http=debug");
  EXPECT_FALSE(parse_map(one_line("http")));
  EXPECT_FALSE(parse_map(one_line("a=1,a=2")));
  EXPECT_FALSE(parse_map(text("a=1")));
}

TEST(CodecTest, SecretsAreNeverFormatted) {
  auto secret = Codec<Secret<std::string>>::parse(text("hunter2"));
  ASSERT_TRUE(secret);
  EXPECT_EQ(secret->reveal(), "hunter2");
  EXPECT_EQ(Codec<Secret<std::string>>::format(*secret), "***");
  EXPECT_EQ(Codec<Secret<std::string>>::format({}), "");
}

TEST(CodecTest, ShowsRawValuesSafely) {
  EXPECT_EQ(text("80a").shown(), "'80a'");
  EXPECT_EQ(text("a\nb\x1B").shown(), "'a?b?'");
  EXPECT_EQ(text(std::string(60, 'x')).shown(), "'" + std::string(60, 'x') + "'");
  EXPECT_EQ(text(std::string(59, 'x') + "\xC3\xA9").shown(), "'" + std::string(59, 'x') + "...'");
  Raw map;
  map.kind = Raw::Kind::map;
  EXPECT_EQ(map.shown(), "a mapping");
}

}  // namespace
}  // namespace kit::config
