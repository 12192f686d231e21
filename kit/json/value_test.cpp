// SPDX-License-Identifier: Apache-2.0
#include "kit/json/value.hpp"

#include <gtest/gtest.h>

namespace kit::json {
namespace {

std::string rewritten(std::string_view text) {
  auto value = Value::parse(text);
  return value ? value->to_text() : value.error().message();
}

TEST(ValueTest, ReadsAndWritesEveryKind) {
  constexpr std::string_view text =
      R"({"null":null,"flag":true,"whole":-7,"real":2.5,"text":"a\nb","list":[1,[],{}],"object":{"z":1,"a":2}})";
  EXPECT_EQ(rewritten(text), text);
  EXPECT_EQ(rewritten(" [ 1 , 2 ] "), "[1,2]");
  EXPECT_EQ(rewritten("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(rewritten("-0"), "-0");
  EXPECT_EQ(rewritten("1e2"), "100");
}

TEST(ValueTest, LooksIntoDocuments) {
  Value value = *Value::parse(R"({"error":{"code":400,"details":["x"]},"ratio":0.5,"ok":false})");
  EXPECT_EQ(*value["error"]["code"].int64(), 400);
  EXPECT_EQ(*value["error"]["details"][0].string(), "x");
  EXPECT_EQ(value["ratio"].number(), 0.5);
  EXPECT_EQ(value["error"]["code"].number(), 400.0);
  EXPECT_FALSE(*value["ok"].boolean());
  EXPECT_TRUE(value["missing"]["deeper"][3].is_null());
  EXPECT_EQ(value.find("missing"), nullptr);
  EXPECT_EQ(value["ok"].string(), nullptr);
  EXPECT_EQ(value["ok"].number(), std::nullopt);
  EXPECT_EQ(value.object()->size(), 3U);
  EXPECT_EQ(value.kind(), Kind::object);
}

TEST(ValueTest, IsBuiltByHand) {
  Value value(Value::Object{{"name", "Ann"},
                            {"age", 41},
                            {"tags", Value::Array{"a", true, nullptr, 1.5}},
                            {"text", std::string("s")}});
  EXPECT_EQ(value.to_text(), R"({"name":"Ann","age":41,"tags":["a",true,null,1.5],"text":"s"})");
  Value copy = value;
  EXPECT_EQ(copy, value);
  (*copy.object())[1].value = 42;
  EXPECT_FALSE(copy == value);
  EXPECT_EQ(value["tags"][1], Value(true));
}

TEST(ValueTest, RefusesWhatIsNoJson) {
  EXPECT_EQ(rewritten("[1,2"), "line 1, column 5: expected ',' or ']', found the end of the input");
  EXPECT_EQ(rewritten("[1]]"),
            "line 1, column 4: expected the end of the input after the value, found ']'");
  EXPECT_EQ(rewritten("[1e999]"), "a number is beyond the range of a double");
  EXPECT_EQ(rewritten("[1e999,"), "a number is beyond the range of a double");
}

TEST(CompactTest, KeepsNumbersAndOrder) {
  auto compacted = [](std::string_view text) {
    auto result = compact(text);
    return result ? *result : result.error().message();
  };
  EXPECT_EQ(compacted(" { \"z\" : 1.50 , \"a\" : [ 123456789012345678901234567890 , -0, 1E5 ] } "),
            R"({"z":1.50,"a":[123456789012345678901234567890,-0,1E5]})");
  EXPECT_EQ(compacted(R"("\u0041\/\u000a")"), R"("A/\n")");
  EXPECT_EQ(compacted("[null, true , false]"), "[null,true,false]");
  EXPECT_EQ(compacted("{\"a\" 1}"),
            "line 1, column 6: expected ':' after the member name, found '1'");
}

}  // namespace
}  // namespace kit::json
