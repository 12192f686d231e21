// SPDX-License-Identifier: Apache-2.0
#include "kit/json/scalar.hpp"

#include <gtest/gtest.h>

#include "kit/json/writer.hpp"

namespace kit::json {
namespace {

/// What is wrong with `text` as an array; "" when nothing is.
template <class T>
std::string problem_of(std::string_view text, std::vector<T>& values, const Format& format = {}) {
  Reader in(text);
  std::string problem;
  const bool is_read = read_json(in, values, format, problem);
  if (is_read && !in.finish()) return "! " + in.error().message();
  if (!is_read && in.failed()) return "! " + in.error().message();
  EXPECT_EQ(is_read, problem.empty()) << text;
  return problem;
}

template <class T>
std::string round_trip(std::string_view text, const Format& format = {}) {
  std::vector<T> values;
  EXPECT_EQ(problem_of(text, values, format), "");
  std::string out;
  Writer(out).value(values);
  return out;
}

TEST(Scalar, ArraysComeBackAsTheyWere) {
  EXPECT_EQ(round_trip<std::string>(R"(["a,b", "\"", ""])"), R"(["a,b","\"",""])");
  EXPECT_EQ(round_trip<std::string>("[]"), "[]");
  EXPECT_EQ(round_trip<bool>("[true, false]"), "[true,false]");
  EXPECT_EQ(round_trip<std::int32_t>("[-1, 2147483647]"), "[-1,2147483647]");
  EXPECT_EQ(round_trip<std::int64_t>("[9223372036854775807]"), "[9223372036854775807]");
  EXPECT_EQ(round_trip<double>("[0.1, 1e300]"), "[0.1,1e+300]");
  EXPECT_EQ(round_trip<Decimal>(R"(["1.5", 2])", {.precision = 5, .scale = 2}),
            R"(["1.50","2.00"])");
  EXPECT_EQ(round_trip<Date>(R"(["2021-01-31"])"), R"(["2021-01-31"])");
}

TEST(Scalar, WhatIsWrongNamesTheElement) {
  std::vector<std::string> texts;
  EXPECT_EQ(problem_of("\"a\"", texts), "must be an array, is a string");
  EXPECT_EQ(problem_of("null", texts), "must be an array, is null");
  EXPECT_EQ(problem_of(R"(["a", 1, {"b": [2]}])", texts),
            "element 2 must be a string, is a number");
  EXPECT_EQ(problem_of(R"([null])", texts), "element 1 must be a string, is null");
  EXPECT_EQ(problem_of("[\"a\\u0000\"]", texts), "element 1 must not contain the character U+0000");
  std::vector<Decimal> prices;
  EXPECT_EQ(problem_of("[1.005]", prices, {.precision = 5, .scale = 2}),
            "element 1 must have at most 3 digits before the point and 2 after it");
  EXPECT_TRUE(problem_of("[\"a\"", texts).starts_with("! "));
  EXPECT_TRUE(problem_of("[\"a\",]", texts).starts_with("! "));
}

TEST(Scalar, TheMembersBehindABadArrayAreRead) {
  Reader in(R"({"tags": ["a", 2, [3]], "name": "x"})");
  ASSERT_TRUE(in.begin_object());
  ASSERT_EQ(in.next_key(), "tags");
  std::vector<std::string> tags;
  std::string problem;
  EXPECT_FALSE(read_json(in, tags, {}, problem));
  ASSERT_EQ(in.next_key(), "name");
  std::string name;
  EXPECT_TRUE(read_json(in, name, {}, problem));
  EXPECT_EQ(name, "x");
  EXPECT_FALSE(in.next_key());
  EXPECT_TRUE(in.finish());
}

TEST(Scalar, AnArrayHasAtMostAThousandElements) {
  const auto ones = [](std::size_t count) {
    std::string text = "[1";
    for (std::size_t i = 1; i < count; ++i) text += ",1";
    return text + "]";
  };
  std::vector<std::int32_t> values;
  EXPECT_EQ(problem_of(ones(max_elements), values), "");
  EXPECT_EQ(values.size(), max_elements);
  EXPECT_EQ(problem_of(ones(max_elements + 1), values), "must have at most 1000 elements");
}

}  // namespace
}  // namespace kit::json
