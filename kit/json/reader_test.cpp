// SPDX-License-Identifier: Apache-2.0
#include "kit/json/reader.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace kit::json {
namespace {

using std::string_view_literals::operator""sv;

/// "" when `text` is JSON, otherwise the message.
std::string problem(std::string_view text) {
  Reader reader(text);
  if (reader.finish()) return "";
  return reader.error().message();
}

std::string times(std::string_view part, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out.append(part);
  return out;
}

std::string object_of(std::size_t members, std::function<std::string(std::size_t)> name) {
  std::string out = "{";
  for (std::size_t i = 0; i < members; ++i) {
    out.append(i == 0 ? "" : ",").append("\"").append(name(i)).append("\":1");
  }
  return out + "}";
}

TEST(ReaderTest, PullsAnObject) {
  Reader reader(
      R"( { "id" : 7, "name" : "Ann", "tags" : [ "a" , "b" ], "on" : true, "x" : null } )");
  ASSERT_TRUE(reader.begin_object());
  EXPECT_EQ(reader.next_key(), "id");
  EXPECT_EQ(reader.try_int64(), 7);
  EXPECT_EQ(reader.next_key(), "name");
  EXPECT_EQ(reader.try_string(), "Ann");
  EXPECT_EQ(reader.next_key(), "tags");
  ASSERT_TRUE(reader.begin_array());
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.try_string(), "a");
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.try_string(), "b");
  EXPECT_FALSE(reader.next_element());
  EXPECT_EQ(reader.next_key(), "on");
  EXPECT_EQ(reader.try_bool(), true);
  EXPECT_EQ(reader.next_key(), "x");
  EXPECT_TRUE(reader.try_null());
  EXPECT_EQ(reader.next_key(), std::nullopt);
  EXPECT_TRUE(reader.finish());
  EXPECT_FALSE(reader.failed());
}

TEST(ReaderTest, AnotherKindGivesNothingAndStays) {
  Reader reader(R"(["text", 1.5, {"a": [1]}, 99999999999999999999])");
  ASSERT_TRUE(reader.begin_array());
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.try_int64(), std::nullopt);
  EXPECT_EQ(reader.try_bool(), std::nullopt);
  EXPECT_FALSE(reader.try_null());
  EXPECT_FALSE(reader.begin_object());
  EXPECT_FALSE(reader.begin_array());
  EXPECT_EQ(reader.peek(), Kind::string);
  EXPECT_EQ(reader.try_string(), "text");
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.try_int64(), std::nullopt);
  EXPECT_EQ(reader.try_double(), 1.5);
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.try_string(), std::nullopt);
  EXPECT_EQ(describe(reader.peek()), "an object");
  EXPECT_TRUE(reader.skip_value());
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.try_int64(), std::nullopt);
  EXPECT_EQ(reader.try_uint64(), std::nullopt);
  EXPECT_EQ(reader.number_text(), "99999999999999999999");
  EXPECT_FALSE(reader.next_element());
  EXPECT_TRUE(reader.finish());
}

TEST(ReaderTest, SkipsWhatWasNotTaken) {
  Reader reader(R"({"a": {"deep": [1, 2]}, "b": 2, "c": [3]})");
  ASSERT_TRUE(reader.begin_object());
  EXPECT_EQ(reader.next_key(), "a");
  EXPECT_EQ(reader.next_key(), "b");
  EXPECT_EQ(reader.try_int64(), 2);
  EXPECT_TRUE(reader.finish());
}

TEST(ReaderTest, FinishReadsAndChecksTheRest) {
  Reader reader(R"({"a": [1, {"b": 2, oops}]})");
  ASSERT_TRUE(reader.begin_object());
  ASSERT_TRUE(reader.next_key());
  ASSERT_TRUE(reader.begin_array());
  ASSERT_TRUE(reader.next_element());
  EXPECT_FALSE(reader.finish());
  EXPECT_EQ(reader.error().message(),
            "line 1, column 20: expected a member name in double quotes, found 'o'");
}

TEST(ReaderTest, AFailureLatches) {
  Reader reader("[1 2]");
  ASSERT_TRUE(reader.begin_array());
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.try_int64(), 1);
  EXPECT_FALSE(reader.next_element());
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.peek(), Kind::none);
  EXPECT_EQ(reader.try_int64(), std::nullopt);
  EXPECT_FALSE(reader.begin_array());
  EXPECT_FALSE(reader.next_element());
  EXPECT_FALSE(reader.skip_value());
  EXPECT_FALSE(reader.finish());
  EXPECT_EQ(reader.error().code(), Code::invalid_argument);
  EXPECT_EQ(reader.error().message(), "line 1, column 4: expected ',' or ']', found '2'");
}

TEST(ReaderTest, DecodesStrings) {
  auto check = [](std::string_view text, std::string_view wanted) {
    Reader reader(text);
    EXPECT_EQ(reader.try_string(), wanted) << text;
    EXPECT_TRUE(reader.finish()) << text;
  };
  check(R"("")", "");
  check(R"("\"\\\/\b\f\n\r\t")", "\"\\/\b\f\n\r\t");
  check(R"("a\u0041\u00e9\u20AC\ud83c\udfb5z")", "aA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xB5z");
  check(R"("\u0000")", "\0"sv);
  check(R"("\uDBFF\uDFFF")", "\xF4\x8F\xBF\xBF");
  check("\"caf\xC3\xA9 and more text after it\"", "caf\xC3\xA9 and more text after it");
  check("\"\x7F\"", "\x7F");
}

TEST(ReaderTest, DoesNotCopyPlainStrings) {
  std::string_view text = R"({"plain key":"plain value"})";
  Reader reader(text);
  ASSERT_TRUE(reader.begin_object());
  EXPECT_EQ(reader.next_key()->data(), text.data() + 2);
  EXPECT_EQ(reader.try_string()->data(), text.data() + 14);
}

TEST(ReaderTest, KeysLiveAsLongAsTheirObject) {
  Reader reader(R"({"\u0061":{"\u0062":"\u0063"},"d":1})");
  ASSERT_TRUE(reader.begin_object());
  auto key = reader.next_key();
  ASSERT_TRUE(reader.begin_object());
  EXPECT_EQ(reader.next_key(), "b");
  EXPECT_EQ(reader.try_string(), "c");
  EXPECT_EQ(reader.next_key(), std::nullopt);
  EXPECT_EQ(key, "a");
}

TEST(ReaderTest, GivesRawValues) {
  Reader reader(R"([ {"a": [1 , 2]} , "x\n", -1.50e+2 ])");
  ASSERT_TRUE(reader.begin_array());
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.raw_value(), R"({"a": [1 , 2]})");
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.raw_value(), R"("x\n")");
  ASSERT_TRUE(reader.next_element());
  EXPECT_EQ(reader.raw_value(), "-1.50e+2");
  EXPECT_TRUE(reader.finish());
}

TEST(ReaderTest, KnowsTheGrammarOfNumbers) {
  for (std::string_view text : {"0", "-0", "10", "1.0", "0.5", "1e5", "1E+5", "1e-5", "-0.0e0",
                                "123456789012345678901234567890", "1e999"}) {
    EXPECT_EQ(problem(text), "") << text;
  }
  EXPECT_EQ(problem("01"), "line 1, column 1: a number must not start with 0");
  EXPECT_EQ(problem("-01"), "line 1, column 2: a number must not start with 0");
  EXPECT_EQ(problem("-"), "line 1, column 2: expected a digit, found the end of the input");
  EXPECT_EQ(problem("1."), "line 1, column 3: expected a digit, found the end of the input");
  EXPECT_EQ(problem("1.e5"), "line 1, column 3: expected a digit, found 'e'");
  EXPECT_EQ(problem("1e"), "line 1, column 3: expected a digit, found the end of the input");
  for (std::string_view text :
       {"+1", ".5", "0x10", "1_000", "NaN", "Infinity", "-Infinity", "1e5.0"}) {
    EXPECT_NE(problem(text), "") << text;
  }
}

TEST(ReaderTest, ReadsTheEdgesOfNumbers) {
  EXPECT_EQ(Reader("9223372036854775807").try_int64(), INT64_MAX);
  EXPECT_EQ(Reader("-9223372036854775808").try_int64(), INT64_MIN);
  EXPECT_EQ(Reader("9223372036854775808").try_int64(), std::nullopt);
  EXPECT_EQ(Reader("18446744073709551615").try_uint64(), UINT64_MAX);
  EXPECT_EQ(Reader("18446744073709551616").try_uint64(), std::nullopt);
  EXPECT_EQ(Reader("-1").try_uint64(), std::nullopt);
  EXPECT_EQ(Reader("1e2").try_int64(), std::nullopt);
  EXPECT_EQ(Reader("1e2").try_double(), 100.0);
  EXPECT_EQ(Reader("1e999").try_double(), std::nullopt);
}

TEST(ReaderTest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(problem(""), "line 1, column 1: expected a value, found the end of the input");
  EXPECT_EQ(problem(" \n\t"), "line 2, column 2: expected a value, found the end of the input");
  EXPECT_EQ(problem("{\n  \"a\": 1,\n  \"b\" 2\n}"),
            "line 3, column 7: expected ':' after the member name, found '2'");
  EXPECT_EQ(problem("{\"a\":1,}"),
            "line 1, column 8: expected a member name in double quotes, found '}'");
  EXPECT_EQ(problem("[1,]"), "line 1, column 4: expected a value, found ']'");
  EXPECT_EQ(problem("[1"), "line 1, column 3: expected ',' or ']', found the end of the input");
  EXPECT_EQ(problem("{\"a\":1"),
            "line 1, column 7: expected ',' or '}', found the end of the input");
  EXPECT_EQ(problem("{a:1}"),
            "line 1, column 2: expected a member name in double quotes, found 'a'");
  EXPECT_EQ(problem("tru"), "line 1, column 1: expected true, found 't'");
  EXPECT_EQ(problem("nulL"), "line 1, column 1: expected null, found 'n'");
  EXPECT_EQ(problem("1 2"),
            "line 1, column 3: expected the end of the input after the value, found '2'");
  EXPECT_EQ(problem("'a'"), "line 1, column 1: expected a value, found '''");
  EXPECT_EQ(problem("[\"\xC3\xA9\", \xC3\xA9]"),
            "line 1, column 7: expected a value, found '\xC3\xA9'");
  EXPECT_EQ(problem("\"abc"),
            "line 1, column 5: expected a closing '\"', found the end of the input");
  EXPECT_EQ(
      problem("\"a\nb\""),
      "line 1, column 3: expected an escape such as \\n for a control character, found byte 0x0a");
  EXPECT_EQ(problem("\"\\x\""),
            "line 1, column 3: expected one of \" \\ / b f n r t u after the backslash, found 'x'");
  EXPECT_EQ(problem("\"\\u12g4\""),
            "line 1, column 6: expected four hexadecimal digits after \\u, found 'g'");
  EXPECT_EQ(problem("\xEF\xBB\xBF{}"),
            "line 1, column 1: the text starts with a byte order mark, which JSON does not allow");
}

TEST(ReaderTest, RefusesLoneSurrogates) {
  for (std::string_view text : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\n")",
                                R"("\ud800\u0041")", R"("\ud800\ud800")", R"("\udfff\ud800")"}) {
    EXPECT_EQ(problem(text),
              "line 1, column 2: a surrogate \\uD800 to \\uDFFF stands alone instead of in a pair")
        << text;
  }
  EXPECT_NE(problem(R"("\ud800\u)"), "");
  EXPECT_NE(problem(R"("\ud800\)"), "");
}

TEST(ReaderTest, RefusesBytesThatAreNoUtf8) {
  for (std::string_view text : {"\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xC3\"",
                                "\"12345678\x80\"", "{\"\xF4\x90\x80\x80\":1}", "\"\\n\xFF\""}) {
    EXPECT_NE(problem(text).find("the text is not well-formed UTF-8 here"), std::string::npos)
        << text;
  }
}

TEST(ReaderTest, LimitsDepth) {
  EXPECT_EQ(problem(times("[", 64) + times("]", 64)), "");
  EXPECT_EQ(problem(times("[", 65) + times("]", 65)),
            "line 1, column 65: nested deeper than 64 levels");
  EXPECT_EQ(problem(times("{\"a\":", 64) + "1" + times("}", 64)), "");
  EXPECT_NE(problem(times("{\"a\":", 65) + "1" + times("}", 65)), "");
  EXPECT_NE(problem(times("[", 1'000'000)), "");
}

TEST(ReaderTest, LimitsMembers) {
  auto name = [](std::size_t i) { return std::to_string(i); };
  EXPECT_EQ(problem(object_of(10'000, name)), "");
  EXPECT_NE(problem(object_of(10'001, name)).find("an object has more than 10000 members"),
            std::string::npos);
}

TEST(ReaderTest, RefusesDuplicateNamesAtEverySize) {
  for (std::size_t members : {2U, 3U, 31U, 32U, 33U, 34U, 48U, 49U, 50U, 100U, 9'999U}) {
    auto twice = [&](std::size_t i) { return "key" + std::to_string(i == members - 1 ? 0 : i); };
    EXPECT_NE(
        problem(object_of(members, twice)).find("the member \"key0\" stands twice in one object"),
        std::string::npos)
        << members;
    auto last_two = [&](std::size_t i) { return std::to_string(i == members - 1 ? i - 1 : i); };
    EXPECT_NE(problem(object_of(members, last_two)), "") << members;
  }
  EXPECT_EQ(problem(R"({"a":1,"\u0061":2})"),
            "line 1, column 8: the member \"a\" stands twice in one object");
  EXPECT_NE(problem(R"({"":1,"":2})"), "");
}

TEST(ReaderTest, NamesOfOtherObjectsAreNoDuplicates) {
  EXPECT_EQ(problem(R"({"a":{"a":{"a":1},"b":1},"b":{"a":1}})"), "");
  EXPECT_EQ(problem(R"([{"a":1},{"a":1}])"), "");
  // Objects with many names inside each other, and again after one another.
  auto name = [](std::size_t i) { return "k" + std::to_string(i); };
  std::string inner = object_of(60, name);
  std::string nested = inner;
  for (int i = 0; i < 20; ++i) {
    nested = object_of(40, name).substr(0, inner.find(":1") + 1) + nested + "," + inner.substr(8);
  }
  EXPECT_EQ(problem(nested), "") << nested.substr(0, 200);
  EXPECT_EQ(problem("[" + inner + "," + inner + "]"), "");
  EXPECT_NE(problem("[" + inner + ",{\"k1\":1,\"k1\":2}]"), "");
}

TEST(ReaderTest, ShowsLongNamesShortened) {
  std::string name(500, 'n');
  std::string message = problem("{\"" + name + "\":1,\"" + name + "\":1}");
  EXPECT_NE(message.find("nnn...\" stands twice"), std::string::npos) << message;
  EXPECT_LT(message.size(), 150U);
}

TEST(ReaderDeathTest, MixingUpContainersIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Reader reader("[1]");
  ASSERT_TRUE(reader.begin_array());
  EXPECT_DEATH(reader.next_key(), "next_key\\(\\) belongs to an object");
}

}  // namespace
}  // namespace kit::json
