// SPDX-License-Identifier: Apache-2.0
#include "kit/base/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace kit {
namespace {

using std::string_view_literals::operator""sv;
using testing::ElementsAre;

TEST(TextTest, KnowsWellFormedUtf8) {
  for (std::string_view text :
       {""sv, "plain"sv, "\0"sv, "\xC2\x80"sv, "\xDF\xBF"sv, "\xE0\xA0\x80"sv, "\xED\x9F\xBF"sv,
        "\xEE\x80\x80"sv, "\xEF\xBF\xBF"sv, "\xF0\x90\x80\x80"sv, "\xF4\x8F\xBF\xBF"sv,
        "twelve ascii bytes and \xC3\xA9"sv}) {
    EXPECT_TRUE(is_utf8(text)) << testing::PrintToString(text);
  }
}

TEST(TextTest, KnowsIllFormedUtf8) {
  for (std::string_view text :
       {"\x80"sv, "\xBF"sv, "\xC0\xAF"sv, "\xC1\xBF"sv, "\xC3"sv, "\xE0\x9F\xBF"sv, "\xE2\x82"sv,
        "\xED\xA0\x80"sv, "\xF0\x8F\xBF\xBF"sv, "\xF0\x90\x80"sv, "\xF4\x90\x80\x80"sv,
        "\xF5\x80\x80\x80"sv, "\xFE"sv, "\xFF"sv, "1234567\xC3\x28"sv, "12345678\xC3"sv}) {
    EXPECT_FALSE(is_utf8(text)) << testing::PrintToString(text);
  }
}

TEST(TextTest, MeasuresTheFirstSequence) {
  EXPECT_EQ(utf8_sequence(""), 0U);
  EXPECT_EQ(utf8_sequence("ab"), 1U);
  EXPECT_EQ(utf8_sequence("\xC3\xA9t"), 2U);
  EXPECT_EQ(utf8_sequence("\xE2\x82\xAC"), 3U);
  EXPECT_EQ(utf8_sequence("\xF0\x9F\x8E\xB5"), 4U);
  EXPECT_EQ(utf8_sequence("\xC3"), 0U);
}

TEST(TextTest, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(valid_utf8("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(valid_utf8("a\xFFz\xC3"), "a\xEF\xBF\xBDz\xEF\xBF\xBD");
}

TEST(TextTest, CountsCodePoints) {
  EXPECT_EQ(utf8_length(""), 0U);
  EXPECT_EQ(utf8_length("caf\xC3\xA9"), 4U);
  EXPECT_EQ(utf8_length("\xF0\x9F\x8E\xB5"), 1U);
}

TEST(TextTest, MeasuresEditDistance) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("alhpa", "alpha"), 1U);
  EXPECT_EQ(edit_distance("ab", "ba"), 1U);
  EXPECT_EQ(edit_distance("ca", "abc"), 3U);
  EXPECT_EQ(edit_distance("same", "same"), 0U);
  EXPECT_EQ(edit_distance("abcdef", "uvwxyz", 2), 3U);
  EXPECT_EQ(edit_distance("a", "abcdefgh", 2), 3U);
}

TEST(TextTest, SuggestsTheNearestWord) {
  constexpr std::array candidates = {"string"sv, "integer"sv, "decimal"sv};
  EXPECT_EQ(nearest("strng", candidates), "string");
  EXPECT_EQ(nearest("DECIMAL", candidates), "decimal");
  EXPECT_EQ(nearest("blob", candidates), std::nullopt);
  EXPECT_EQ(nearest(std::string(200, 'x'), candidates), std::nullopt);
  EXPECT_EQ(did_you_mean("intger", candidates), " (did you mean 'integer'?)");
  EXPECT_EQ(did_you_mean("blob", candidates), "");
}

TEST(TextTest, SuggestsALongerNameThatBeginsWithTheWord) {
  constexpr std::string_view known[] = {"name", "album_id", "genre_id", "genre_name"};
  EXPECT_EQ(nearest("genre", known), "genre_id");
  EXPECT_EQ(nearest("Album", known), "album_id");
  EXPECT_EQ(nearest("gen", known), std::nullopt);
  EXPECT_EQ(nearest("al", known), std::nullopt);
}

TEST(TextTest, EncodesBase64url) {
  auto check = [](std::string_view bytes, std::string_view encoded) {
    EXPECT_EQ(base64url_encode(bytes), encoded);
    EXPECT_EQ(base64url_decode(encoded), bytes);
  };
  check("", "");
  check("f", "Zg");
  check("fo", "Zm8");
  check("foo", "Zm9v");
  check("\xFB\xFF\xFE", "-__-");
  for (std::string_view bad : {"Z", "Zg==", "Zh", "Zm9", "+/+/", "Zm 9v", "Zm9vZ"}) {
    EXPECT_FALSE(base64url_decode(bad)) << bad;
  }
}

TEST(TextTest, SplitsAndTrims) {
  EXPECT_THAT(split("a,b,,c", ','), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split(",", ','), ElementsAre("", ""));
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim("   "), "");
}

TEST(TextTest, ComparesWithoutCase) {
  EXPECT_EQ(to_lower("Content-TYPE"), "content-type");
  EXPECT_TRUE(iequals("Keep-Alive", "keep-alive"));
  EXPECT_FALSE(iequals("close", "closed"));
  EXPECT_FALSE(iequals("@", "`"));
}

TEST(TextTest, ReadsWholeNumbers) {
  EXPECT_EQ(parse_int("-42"), -42);
  EXPECT_EQ(parse_int("9223372036854775807"), 9223372036854775807LL);
  for (std::string_view bad : {"", "+1", " 1", "1 ", "1.0", "9223372036854775808", "0x1", "-"}) {
    EXPECT_FALSE(parse_int(bad)) << bad;
  }
}

TEST(TextTest, ReadsWholeDoubles) {
  EXPECT_EQ(parse_double("-1.5e3"), -1500.0);
  for (std::string_view bad : {"", "+1", "1 ", "inf", "nan", "1e999", "1..2"}) {
    EXPECT_FALSE(parse_double(bad)) << bad;
  }
}

TEST(TextTest, CutTakesWhatIsBeforeTheMark) {
  std::string_view text = "a=b=";
  EXPECT_EQ(cut(text, '='), "a");
  EXPECT_EQ(text, "b=");
  EXPECT_EQ(cut(text, '='), "b");
  EXPECT_EQ(text, "");
  EXPECT_EQ(cut(text, '='), "");
  text = "whole";
  EXPECT_EQ(cut(text, '='), "whole");
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace kit
