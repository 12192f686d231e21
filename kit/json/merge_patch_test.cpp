// SPDX-License-Identifier: Apache-2.0
#include "kit/json/merge_patch.hpp"

#include <gtest/gtest.h>

namespace kit::json {
namespace {

/// The examples of RFC 7396, appendix A.
TEST(MergePatch, IsThatOfTheStandard) {
  const struct {
    const char* target;
    const char* patch;
    const char* result;
  } cases[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", R"(null)", R"(null)"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const auto& each : cases) {
    EXPECT_EQ(merge_patch(each.target, each.patch), each.result) << each.target << each.patch;
  }
}

TEST(MergePatch, NamesAreComparedAsTheyMean) {
  EXPECT_EQ(merge_patch(R"({"a\"b":1,"\u0061":2})", R"({ "a" : null , "a\"b" : { "x" : [ 1 ] } })"),
            R"({"a\"b":{"x":[ 1 ]}})");
}

TEST(MergePatch, ManyMembersTakeNoLongerThanTheyAreMany) {
  std::string target = "{";
  std::string patch = "{";
  for (int i = 0; i < 20'000; ++i) {
    const std::string comma = i == 0 ? "" : ",";
    target += comma + "\"" + std::to_string(i) + "\":1";
    patch += comma + "\"" + std::to_string(i) + "\":null";
  }
  EXPECT_EQ(merge_patch(target + "}", patch + "}"), "{}");
}

}  // namespace
}  // namespace kit::json
