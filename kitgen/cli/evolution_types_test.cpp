// SPDX-License-Identifier: Apache-2.0
// Changes of type and of limits on a real database: what keeps its values, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kitgen/cli/test_evolving.hpp"

namespace kitgen::cli {
namespace {

using testing::HasSubstr;

/// A change of type: the values before, after and back again.
void check_conversion(const std::string& from, const std::string& to,
                      const std::vector<std::string>& given, const std::string& before,
                      const std::string& after) {
  SCOPED_TRACE(from + " -> " + to);
  Evolving shop(customer(field("x: {type: " + from + "}")));
  shop.rows("x", given);
  EXPECT_EQ(shop.values("x"), before);
  EXPECT_EQ(shop.change_to(customer(field("x: {type: " + to + "}"))), "");
  EXPECT_EQ(shop.values("x"), after);
  shop.go_back();
  EXPECT_EQ(shop.values("x"), before);
}

/// A change of type that some value does not survive.
void check_refusal(const std::string& from, const std::string& to,
                   const std::vector<std::string>& given, const std::string& message) {
  SCOPED_TRACE(from + " -> " + to);
  Evolving shop(customer(field("x: {type: " + from + "}")));
  shop.rows("x", given);
  const std::string before = shop.values("x");
  EXPECT_THAT(shop.change_to(customer(field("x: {type: " + to + "}"))), HasSubstr(message));
  EXPECT_EQ(shop.values("x"), before);
}

TEST(EvolvingRows, types_that_keep_their_values) {
  check_conversion("int32", "int64", {"-5", "7"}, "-5,7", "-5,7");
  check_conversion("int64", "'decimal(18,2)'", {"9999999999999999", "-1"}, "9999999999999999,-1",
                   "999999999999999900,-100");
  check_conversion("'decimal(6,2)'", "'decimal(18,4)'", {"123456", "-1"}, "123456,-1",
                   "12345600,-100");
  check_conversion("'decimal(18,4)'", "'decimal(6,2)'", {"12345600", "-100"}, "12345600,-100",
                   "123456,-1");
  check_conversion("'decimal(8,3)'", "string, max: 20", {"-5", "12345678", "0"}, "-5,12345678,0",
                   "-0.005,12345.678,0.000");
  check_conversion("int64", "string, max: 20", {"-9223372036854775807", "0"},
                   "-9223372036854775807,0", "-9223372036854775807,0");
  check_conversion("string, max: 20", "int64", {"'9223372036854775807'", "'-1'"},
                   "9223372036854775807,-1", "9223372036854775807,-1");
  check_conversion("string, max: 20", "'decimal(5,2)'", {"'-0.05'", "'123.45'", "'0.00'"},
                   "-0.05,123.45,0.00", "-5,12345,0");
  check_conversion("bool", "int32", {"0", "1"}, "0,1", "0,1");
  check_conversion("bool", "string, max: 5", {"0", "1"}, "0,1", "false,true");
  check_conversion("date", "timestamp", {"-1", "20000"}, "-1,20000",
                   "-86400000000,1728000000000000");
  check_conversion("timestamp", "date", {"-86400000000", "0"}, "-86400000000,0", "-1,0");
  check_conversion("string", "text", {"'a'", "''"}, "a,", "a,");
  check_conversion("string", "email", {"'a@b'"}, "a@b", "a@b");
  check_conversion("enum, values: [a, b]", "string, max: 3", {"'a'", "'b'"}, "a,b", "a,b");
  check_conversion("string, max: 3", "enum, values: [a, b]", {"'a'", "'b'"}, "a,b", "a,b");
  check_conversion("uuid", "string, max: 36", {"'01234567-89ab-7def-8123-456789abcdef'"},
                   "01234567-89ab-7def-8123-456789abcdef", "01234567-89ab-7def-8123-456789abcdef");
  check_conversion("int32", "double", {"-3"}, "-3", "-3.0");
  check_conversion("string, max: 9", "[string]", {"'a\"b'"}, "a\"b", R"(["a\"b"])");
  check_conversion("int32", "[int32]", {"4"}, "4", "[4]");
  check_conversion("json", "text", {"'{}'"}, "{}", "{}");
}

TEST(EvolvingRows, values_that_would_be_lost_are_counted) {
  check_refusal("'decimal(18,4)'", "'decimal(18,2)'", {"100", "101", "-99"},
                "change_x_in_customers.up.sql:4: 2 row(s) of customers: x has more than 2 digits");
  check_refusal("int64", "'decimal(4,2)'", {"99", "100", "9223372036854775807"},
                "2 row(s) of customers: x has too many digits for decimal(4,2)");
  check_refusal("'decimal(8,2)'", "'decimal(5,2)'", {"99999", "100000"},
                "1 row(s) of customers: x is not from -999.99 to 999.99");
  check_refusal("'decimal(8,2)'", "int32", {"100", "150"},
                "1 row(s) of customers: x has more than 0");
  for (const char* bad : {"'x'", "''", "'1.5'", "' 1'", "'+1'", "'007'", "'9223372036854775808'"})
    check_refusal("string, max: 20", "int64", {"'1'", bad}, "1 row(s) of customers: x is no whole");
  for (const char* bad : {"'x'", "''", "'-'", "'1.'", "'.5'", "'1.2.3'", "'1-2'", "'1.234'",
                          "'1e3'", "'1234.00'", "'007'", "' 1'", "'--1'"})
    check_refusal("string, max: 20", "'decimal(5,2)'", {"'1.5'", bad},
                  "1 row(s) of customers: x is no number of the type decimal(5,2)");
  check_refusal("string, max: 9", "bool", {"'true'", "'yes'"}, "x is neither true nor false");
  check_refusal("string, max: 9", "enum, values: [a, b]", {"'a'", "'c'"}, "x is not one of a, b");
  check_refusal("string, max: 40", "uuid", {"'x'"}, "x is no uuid");
  check_refusal("text", "json", {"'{'"}, "x is no JSON");
  check_refusal("timestamp", "date", {"1"}, "x is not at midnight UTC");
  check_refusal("int32", "bool", {"2"}, "x is neither 0 nor 1");
  check_refusal("double", "int64", {"1.5"}, "x is no whole number");
  check_refusal("int64", "double", {"9007199254740993"}, "x is too large to stay exact");
  check_refusal("int64", "int32", {"2147483648"}, "x is not from -2147483648 to 2147483647");
  check_refusal(
      "string, max: 9", "string, max: 2", {"'ab'", "'abc'"},
      "1 row(s) of customers: x is not of at most 2 characters (first: id 2); nothing of this");
  check_refusal("string, max: 9", "string, max: 9, min: 2", {"'a'"}, "x is not of 2 to 9 char");
  check_refusal("int32", "int32, min: 0, max: 9", {"-1", "10", "5"}, "2 row(s) of customers");
  check_refusal("'decimal(8,2)'", "'decimal(8,2)', min: 0.5", {"49"}, "x is not from 0.50 to");
  check_refusal("[string]", "string, max: 9", {"'[]'", "'[\"a\"]'"}, "x has not exactly one");
  check_refusal("enum, values: [a, b, c]", "enum, values: [a, b]", {"'c'", "'a'"},
                "1 row(s) of customers: x is not one of a, b");
  check_refusal("string, max: 9", "string, max: 9, unique: true", {"'a'", "'b'", "'a'"},
                "1 value(s) of customers: x must be unique and is not");
}

TEST(EvolvingRows, nothing_stays_nothing) {
  for (const auto& [from, to] : {std::pair{"int32", "'decimal(9,2)'"},
                                 {"bool", "string"},
                                 {"string, max: 9", "[string]"},
                                 {"'decimal(9,2)'", "string"},
                                 {"string", "int32"},
                                 {"date", "timestamp"}}) {
    Evolving shop(customer(field(std::string("x: {optional: true, type: ") + from + "}")));
    shop.rows("x", {"NULL"});
    EXPECT_EQ(shop.change_to(customer(field(std::string("x: {optional: true, type: ") + to + "}"))),
              "");
    EXPECT_EQ(shop.values("x IS NULL"), "1") << from << " -> " << to;
    shop.go_back();
    EXPECT_EQ(shop.values("x IS NULL"), "1") << to << " -> " << from;
  }
}

}  // namespace
}  // namespace kitgen::cli
