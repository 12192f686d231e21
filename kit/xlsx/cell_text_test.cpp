// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/detail/cell_text.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace kit::xlsx::detail {
namespace {

TEST(NumberText, HasFifteenDigitsAndNoExponentWhereThatIsReadable) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"5", "5"},
      {"-5.0", "-5"},
      {"0", "0"},
      {"-0", "0"},
      {"1E+5", "100000"},
      {"1.1000000000000001", "1.1"},
      {"0.30000000000000004", "0.3"},
      {"12.5", "12.5"},
      {"9007199254740992", "9007199254740992"},
      {"-9007199254740991", "-9007199254740991"},
      {"9007199254740993", "9007199254740992"},
      {"12345678901234567890", "12345678901234600000"},
      {"1e-7", "0.0000001"},
      {"1e20", "100000000000000000000"},
      {"1e21", "1.00000000000000e+21"},
      {"1e-19", "1.00000000000000e-19"},
      {"0.1", "0.1"},
      {"-123.456", "-123.456"}};
  for (const auto& [number, text] : cases) EXPECT_EQ(number_text(number), text) << number;
  for (const std::string_view none : {"", "x", "1 ", "nan", "inf", "1e999", "0x10"})
    EXPECT_EQ(number_text(none), std::nullopt) << none;
}

TEST(ExactNumber, IsWhatReadsAsTheSameValue) {
  for (const std::string_view text :
       {"0", "-1", "9007199254740992", "123456789012345", "0.00", "12.50", "0.123456789012345",
        "-99999999999999.9", "1e+300", "2.5e-308", "00.5"}) {
    EXPECT_TRUE(is_exact_number(text)) << text;
  }
  for (const std::string_view text :
       {"9007199254740993", "1234567890123456.7", "0.1234567890123456", "-0", "-0.0", "nan", "inf",
        "", "12345678901234567890", "0.30000000000000004"}) {
    EXPECT_FALSE(is_exact_number(text)) << text;
  }
}

TEST(StyleOfCode, KnowsDatesAndTimes) {
  const std::pair<std::string_view, NumberStyle> cases[] = {
      {"yyyy-mm-dd", NumberStyle::date},
      {"General", NumberStyle::plain},
      {"0.00", NumberStyle::plain},
      {"#,##0 \"days\"", NumberStyle::plain},
      {"[$-409]d\\-mmm\\-yy;@", NumberStyle::date},
      {"hh:mm:ss", NumberStyle::time},
      {"[h]:mm", NumberStyle::time},
      {"mm:ss.0", NumberStyle::time},
      {"mmm", NumberStyle::date},
      {"yyyy-mm-dd h:mm", NumberStyle::date_time},
      {"[Red]0.0", NumberStyle::plain},
      {"_-* #,##0_d", NumberStyle::plain},
      {"\"", NumberStyle::plain},
      {"[", NumberStyle::plain},
      {"\\", NumberStyle::plain},
      {"", NumberStyle::plain}};
  for (const auto& [code, style] : cases) EXPECT_EQ(style_of_code(code), style) << code;
  EXPECT_EQ(style_of_builtin(14), NumberStyle::date);
  EXPECT_EQ(style_of_builtin(22), NumberStyle::date_time);
  EXPECT_EQ(style_of_builtin(46), NumberStyle::time);
  EXPECT_EQ(style_of_builtin(2), NumberStyle::plain);
}

TEST(DateText, IsTheDayOrTheTimeToTheMillisecond) {
  EXPECT_EQ(date_text("44227", NumberStyle::date, false), "2021-01-31");
  EXPECT_EQ(date_text("44227", NumberStyle::date_time, false), "2021-01-31T00:00:00.000000Z");
  EXPECT_EQ(date_text("44227.572916666664", NumberStyle::date, false),
            "2021-01-31T13:45:00.000000Z");
  EXPECT_EQ(date_text("0.5", NumberStyle::time, false), "12:00:00");
  EXPECT_EQ(date_text("0", NumberStyle::time, false), "00:00:00");
  EXPECT_EQ(date_text("1", NumberStyle::date, false), "1900-01-01");
  EXPECT_EQ(date_text("59", NumberStyle::date, false), "1900-02-28");
  EXPECT_EQ(date_text("61", NumberStyle::date, false), "1900-03-01");
  EXPECT_EQ(date_text("2958465", NumberStyle::date, false), "9999-12-31");
  EXPECT_EQ(date_text("0", NumberStyle::date, true), "1904-01-01");
  EXPECT_EQ(date_text("42765", NumberStyle::date, true), "2021-01-31");
  for (const std::string_view none : {"60", "0", "-1", "2958466", "x", "1e99"})
    EXPECT_EQ(date_text(none, NumberStyle::date, false), std::nullopt) << none;
  EXPECT_EQ(date_text("2957004", NumberStyle::date, true), std::nullopt);
}

TEST(DayNumber, BeginsWithMarch1900) {
  EXPECT_EQ(day_number("1900-03-01"), 61);
  EXPECT_EQ(day_number("2021-01-31"), 44227);
  EXPECT_EQ(day_number("1900-02-28"), std::nullopt);
  EXPECT_EQ(day_number("yesterday"), std::nullopt);
}

TEST(EncodeText, ComesBackWhateverItIs) {
  const std::string all[] = {"",
                             "'",
                             "''",
                             "'x",
                             "plain",
                             " blanks ",
                             "two\nlines\r\n\ttab",
                             "\x01\x1f",
                             "_x0041_",
                             "_x005F_x0041_",
                             "_x005F__x0041_",
                             "_x",
                             "_xZZZZ_",
                             "\xef\xbf\xbe\xef\xbf\xbf",
                             "\xf0\x9f\x98\x80",
                             "=1+1"};
  for (const std::string& text : all) {
    const std::string encoded = encode_text(text);
    EXPECT_EQ(decode_text(encoded), text) << encoded;
    EXPECT_FALSE(encoded.empty());
    for (const char c : encoded) EXPECT_TRUE(c < 0 || c >= 0x20 || c == '\n' || c == '\t');
  }
  EXPECT_EQ(encode_text("\r"), "_x000D_");
  EXPECT_EQ(decode_text("_xd800_"), "_xd800_");
  EXPECT_EQ(utf16_length("a\xc3\xa4\xf0\x9f\x98\x80"), 4U);
}

TEST(ParsePlace, IsWithinTheSheet) {
  ASSERT_TRUE(parse_place("XFD1048576"));
  EXPECT_EQ(parse_place("XFD1048576")->column, 16'383U);
  EXPECT_EQ(parse_place("AB12")->column, 27U);
  EXPECT_EQ(parse_place("AB12")->row, 12U);
  for (const std::string_view none :
       {"XFE1", "A1048577", "A0", "A01", "1", "A", "", "AAAA1", "a1", "A1x", "A99999999"})
    EXPECT_FALSE(parse_place(none)) << none;
  for (const std::size_t column : {0U, 25U, 26U, 701U, 702U, 16'383U})
    EXPECT_EQ(parse_place(column_name(column) + "1")->column, column);
}

}  // namespace
}  // namespace kit::xlsx::detail
