// SPDX-License-Identifier: Apache-2.0
#include "kit/log/detail/repeats.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace kit::log::detail {
namespace {

class RepeatTableTest : public ::testing::Test {
 protected:
  RepeatTable::Decision decide(std::string_view message, std::int64_t second) {
    return table_->decide(&module_, message, second, 2, 3);
  }
  const int module_ = 0;
  const std::unique_ptr<RepeatTable> table_ = std::make_unique<RepeatTable>();
};

TEST_F(RepeatTableTest, TheFirstAreWrittenAndThenOneInSoMany) {
  std::string written;
  for (int i = 0; i < 9; ++i) written.push_back(decide("m", 1).is_written ? '+' : '-');
  EXPECT_EQ(written, "++--+--+-");
  EXPECT_EQ(table_->left_out(), 5U);
  EXPECT_EQ(decide("m", 2).left_out, 1U);
  EXPECT_EQ(decide("m", 2).left_out, 0U);
}

TEST_F(RepeatTableTest, TextsAreToldApartByAllTheyAre) {
  for (const std::string_view text : {"", "a", "ab", "abcdefgh", "abcdefghi", "abcdefghj"}) {
    EXPECT_TRUE(decide(text, 1).is_written);
    EXPECT_TRUE(decide(text, 1).is_written);
    EXPECT_FALSE(decide(text, 1).is_written) << text;
  }
  // The place of a text says nothing.
  const std::string copy = "abcdefghj";
  EXPECT_FALSE(decide(copy, 1).is_written);
}

TEST_F(RepeatTableTest, TextsThatFindNoPlaceAreWritten) {
  for (int i = 0; i < 10'000; ++i) {
    const std::string text = "text " + std::to_string(i);
    ASSERT_TRUE(decide(text, 1).is_written);
    ASSERT_TRUE(decide(text, 1).is_written);
  }
  EXPECT_EQ(table_->left_out(), 0U);
}

TEST_F(RepeatTableTest, PlacesOfQuietTextsAreGivenAway) {
  for (int i = 0; i < 10'000; ++i) decide("text " + std::to_string(i), 1);
  for (int i = 0; i < 3; ++i) decide("new", 2);
  EXPECT_EQ(table_->left_out(), 1U);
}

TEST_F(RepeatTableTest, WhatWasLeftOutIsNeverToldOfAnotherText) {
  for (int i = 0; i < 3; ++i) decide("old", 1);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(decide("text " + std::to_string(i), i + 2).left_out, 0U);
  }
  EXPECT_EQ(decide("old", 20'000).left_out, 1U);
}

TEST_F(RepeatTableTest, AClockThatIsSetBackBeginsAnew) {
  for (int i = 0; i < 3; ++i) decide("m", 100);
  EXPECT_TRUE(decide("m", 99).is_written);
}

}  // namespace
}  // namespace kit::log::detail
