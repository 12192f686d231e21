// SPDX-License-Identifier: Apache-2.0
#include "kit/base/compute.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace kit::compute {
namespace {

constexpr std::int64_t greatest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();

Number number(std::string_view text) {
  return of(Decimal::parse(text));
}

template <class T>
std::string show(const Value<T>& result) {
  if (result.failed) return result.value ? "both" : "failed";
  if (!result.value) return "null";
  if constexpr (std::is_same_v<T, Decimal>) {
    return result.value->to_string();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return *result.value;
  } else {
    return std::to_string(*result.value);
  }
}

TEST(Compute, IntegersAtAndPastTheirLimits) {
  EXPECT_EQ(show(add(of(greatest - 1), of(1))), std::to_string(greatest));
  EXPECT_EQ(show(add(of(greatest), of(1))), "failed");
  EXPECT_EQ(show(subtract(of(least + 1), of(1))), std::to_string(least));
  EXPECT_EQ(show(subtract(of(least), of(1))), "failed");
  EXPECT_EQ(show(multiply(of(greatest), of(-1))), std::to_string(-greatest));
  EXPECT_EQ(show(multiply(of(least), of(-1))), "failed");
  EXPECT_EQ(show(negate(of(least))), "failed");
  EXPECT_EQ(show(to_int32(of(std::int64_t{2'147'483'647}))), "2147483647");
  EXPECT_EQ(show(to_int32(of(std::int64_t{2'147'483'648}))), "failed");
  EXPECT_EQ(show(decimal(of(std::int64_t{999'999'999'999'999'999}))), "999999999999999999");
  EXPECT_EQ(show(decimal(of(std::int64_t{1'000'000'000'000'000'000}))), "failed");
}

TEST(Compute, DecimalsAreExact) {
  EXPECT_EQ(show(add(number("0.1"), number("0.20"))), "0.30");
  EXPECT_EQ(show(multiply(number("12.50"), decimal(of(3)))), "37.50");
  EXPECT_EQ(show(negate(number("1.5"))), "-1.5");
  EXPECT_EQ(show(add(number("999999999999999999"), number("1"))), "failed");
  EXPECT_EQ(show(to_decimal(number("99.9"), 4, 2)), "99.90");
  EXPECT_EQ(show(to_decimal(number("100"), 4, 2)), "failed");
  EXPECT_EQ(show(to_int64(number("7.00"))), "7");
}

TEST(Compute, DivisionRoundsHalfAwayFromZero) {
  EXPECT_EQ(show(divide(number("1"), number("3"), 4)), "0.3333");
  EXPECT_EQ(show(divide(number("2"), number("3"), 2)), "0.67");
  EXPECT_EQ(show(divide(number("-1"), number("8"), 2)), "-0.13");
  EXPECT_EQ(show(divide(number("1"), number("0"), 2)), "failed");
  EXPECT_EQ(show(divide(number("0.000000000000000001"), number("999999999999999999"), 18)),
            "0.000000000000000000");
  EXPECT_EQ(show(divide(number("999999999999999999"), number("0.000000000000000001"), 0)),
            "failed");
  EXPECT_EQ(show(divide(number("999999999999999999"), number("1"), 0)), "999999999999999999");
  EXPECT_EQ(show(divide(number("0.999999999999999999"), number("0.5"), 0)), "2");
  EXPECT_EQ(show(round(number("2.345"), 2)), "2.35");
  EXPECT_EQ(show(round(number("-2.5"), 0)), "-3");
  EXPECT_EQ(show(round(number("2.4"), 3)), "2.400");
  EXPECT_EQ(show(round(number("999999999999999999"), 1)), "failed");
}

TEST(Compute, NullsAndFailuresArePassedOn) {
  const Integer nothing = null<std::int64_t>();
  const Integer broken{std::nullopt, true};
  EXPECT_EQ(show(add(of(1), nothing)), "null");
  EXPECT_EQ(show(add(nothing, broken)), "failed");
  EXPECT_EQ(show(concat(of("a"), of(std::optional<std::string>()))), "null");
  EXPECT_EQ(show(length(null<std::string>())), "null");
  EXPECT_EQ(show(equal(of(1), nothing)), "null");
  EXPECT_EQ(show(is_null(nothing)), "1");
  EXPECT_EQ(show(is_null(broken)), "failed");
  EXPECT_EQ(show(coalesce(nothing, of(2))), "2");
  EXPECT_EQ(show(coalesce(of(1), broken)), "1");
  EXPECT_EQ(show(coalesce(broken, of(1))), "failed");
  EXPECT_EQ(show(choose(of(true), of(1), broken)), "1");
  EXPECT_EQ(show(choose(null<bool>(), of(1), of(2))), "2");
  EXPECT_EQ(show(choose(Flag{std::nullopt, true}, of(1), of(2))), "failed");
}

TEST(Compute, TruthHasThreeValues) {
  const Flag unknown = null<bool>();
  EXPECT_EQ(show(both(of(false), unknown)), "0");
  EXPECT_EQ(show(both(unknown, of(true))), "null");
  EXPECT_EQ(show(either(of(true), unknown)), "1");
  EXPECT_EQ(show(either(of(false), unknown)), "null");
  EXPECT_EQ(show(negation(unknown)), "null");
  EXPECT_EQ(show(less(of(1), of(2))), "1");
  EXPECT_EQ(show(less_equal(of(2), of(2))), "1");
  EXPECT_EQ(show(less_equal(of(3), of(2))), "0");
  EXPECT_EQ(show(equal(number("1.5"), number("1.50"))), "1");
}

TEST(Compute, Texts) {
  EXPECT_EQ(show(concat(of("Ada "), of(std::string("Lovelace")))), "Ada Lovelace");
  EXPECT_EQ(show(lower(of("ÄBc"))), "Äbc");
  EXPECT_EQ(show(upper(of("äbC"))), "äBC");
  EXPECT_EQ(show(length(of("caf\xC3\xA9"))), "4");
  EXPECT_EQ(show(length(of(std::vector<std::string>{"a", "b"}))), "2");
}

}  // namespace
}  // namespace kit::compute
