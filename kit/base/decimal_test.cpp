// SPDX-License-Identifier: Apache-2.0
#include "kit/base/decimal.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace kit {
namespace {

Decimal decimal(std::string_view text) {
  auto value = Decimal::parse(text);
  EXPECT_TRUE(value) << text;
  return value.value_or(Decimal());
}

std::string shown(const std::optional<Decimal>& value) {
  return value ? value->to_string() : "nothing";
}

TEST(DecimalTest, ReadsAndWritesTheSameText) {
  for (std::string_view text :
       {"0", "-1", "12.50", "0.05", "-0.05", "0.000000000000000001", "999999999999999999",
        "-999999999999999.999", "0.999999999999999999"}) {
    EXPECT_EQ(decimal(text).to_string(), text);
  }
  EXPECT_EQ(decimal("12.50").unscaled(), 1250);
  EXPECT_EQ(decimal("12.50").scale(), 2);
  EXPECT_EQ(decimal("-0").to_string(), "0");
  EXPECT_EQ(decimal("007.10").to_string(), "7.10");
}

TEST(DecimalTest, RefusesEverythingElse) {
  for (std::string_view text :
       {"", "-", ".", "1.", ".5", "-.5", "+1", " 1", "1 ", "1e3", "1,5", "1.2.3", "--1", "0x1",
        "nan", "1000000000000000000", "0.0000000000000000001", "1.000000000000000000",
        "99999999999999999999999999"}) {
    EXPECT_FALSE(Decimal::parse(text)) << text;
  }
}

TEST(DecimalTest, WritesTheWidestNumbers) {
  EXPECT_EQ(Decimal(std::numeric_limits<std::int64_t>::min(), 18).to_string(),
            "-9.223372036854775808");
  EXPECT_EQ(Decimal(5, 18).to_string(), "0.000000000000000005");
}

TEST(DecimalTest, ComparesNumbersNotScales) {
  EXPECT_EQ(decimal("1.5"), decimal("1.50"));
  EXPECT_LT(decimal("-1.51"), decimal("-1.5"));
  EXPECT_LT(decimal("-0.1"), decimal("0.1"));
  EXPECT_GT(decimal("999999999999999999"), decimal("0.999999999999999999"));
  EXPECT_LT(decimal("1.000000001"), decimal("1.00000000100000001"));
}

TEST(DecimalTest, RescalesOnlyWithoutLoss) {
  EXPECT_EQ(shown(decimal("12.5").rescaled(2)), "12.50");
  EXPECT_EQ(shown(decimal("12.50").rescaled(1)), "12.5");
  EXPECT_EQ(shown(decimal("12.55").rescaled(1)), "nothing");
  EXPECT_EQ(shown(decimal("1").rescaled(17)), "1.00000000000000000");
  EXPECT_EQ(shown(decimal("1").rescaled(18)), "nothing");
  EXPECT_EQ(shown(decimal("1").rescaled(-1)), "nothing");
  EXPECT_EQ(shown(decimal("1").rescaled(19)), "nothing");
}

TEST(DecimalTest, FitsPrecisionAndScale) {
  EXPECT_TRUE(decimal("99999999.99").fits(10, 2));
  EXPECT_FALSE(decimal("100000000.00").fits(10, 2));
  EXPECT_FALSE(decimal("-100000000.00").fits(10, 2));
  EXPECT_TRUE(decimal("1.500").fits(10, 2));
  EXPECT_FALSE(decimal("1.501").fits(10, 2));
  EXPECT_TRUE(decimal("999999999999999999").fits(18, 0));
  EXPECT_FALSE(decimal("1").fits(19, 0));
}

TEST(DecimalTest, AddsExactly) {
  EXPECT_EQ(shown(Decimal::add(decimal("0.1"), decimal("0.20"))), "0.30");
  EXPECT_EQ(shown(Decimal::subtract(decimal("1"), decimal("0.99"))), "0.01");
  EXPECT_EQ(shown(Decimal::add(decimal("999999999999999999"), decimal("1"))), "nothing");
  EXPECT_EQ(shown(Decimal::add(decimal("99999999999999999.0"), decimal("0.10"))),
            "99999999999999999.1");
  EXPECT_EQ(shown(Decimal::add(decimal("99999999999999999.5"), decimal("0.5"))),
            "100000000000000000");
  EXPECT_EQ(shown(Decimal::add(decimal("100000000000000000"), decimal("0.01"))), "nothing");
}

TEST(DecimalTest, MultipliesExactly) {
  EXPECT_EQ(shown(Decimal::multiply(decimal("0.99"), decimal("3"))), "2.97");
  EXPECT_EQ(shown(Decimal::multiply(decimal("12.50"), decimal("2.0"))), "25.000");
  EXPECT_EQ(shown(Decimal::multiply(decimal("-0.000000001"), decimal("0.000000001"))),
            "-0.000000000000000001");
  EXPECT_EQ(shown(Decimal::multiply(decimal("0.000000001"), decimal("0.0000000001"))), "nothing");
  EXPECT_EQ(shown(Decimal::multiply(decimal("0.0000000002"), decimal("0.000000005"))),
            "0.000000000000000001");
  EXPECT_EQ(shown(Decimal::multiply(decimal("1000000000"), decimal("1000000000"))), "nothing");
  EXPECT_EQ(shown(Decimal::multiply(decimal("999999999"), decimal("1000000000"))),
            "999999999000000000");
  EXPECT_EQ(shown(Decimal::multiply(decimal("0.00"), decimal("999999999999999999"))), "0.00");
}

}  // namespace
}  // namespace kit
