// SPDX-License-Identifier: Apache-2.0
#include "kit/base/percent.hpp"

#include <gtest/gtest.h>

namespace kit {
namespace {

TEST(Percent, DecodesBytesOfAnyKind) {
  EXPECT_EQ(percent_decode_bytes(""), "");
  EXPECT_EQ(percent_decode_bytes("a+b"), "a+b");
  EXPECT_EQ(percent_decode_bytes("se%2Fcr%40t%3f"), "se/cr@t?");
  EXPECT_EQ(percent_decode_bytes("%00%fF"), std::string("\0\xff", 2));
}

TEST(Percent, RefusesWhatIsNoCode) {
  for (const char* bad : {"%", "%4", "a%", "%4g", "%g4", "% 4", "%%40"}) {
    EXPECT_EQ(percent_decode_bytes(bad), std::nullopt) << bad;
  }
}

TEST(Percent, HexadecimalDigitsAreThoseOnly) {
  int digits = 0;
  for (int c = 0; c < 256; ++c) {
    const int value = hex_digit(static_cast<char>(c));
    if (value >= 0) ++digits;
    EXPECT_LT(value, 16);
  }
  EXPECT_EQ(digits, 22);
  EXPECT_EQ(hex_digit('A'), 10);
  EXPECT_EQ(hex_digit('f'), 15);
}

}  // namespace
}  // namespace kit
