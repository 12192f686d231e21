// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/message_form.hpp"

#include <gtest/gtest.h>

namespace kit::kafka::detail {
namespace {

TEST(KafkaPosition, ThereAndBack) {
  const auto position = parse_position(make_position("a.b-c_d", 7, 9'000'000'000));
  ASSERT_TRUE(position);
  EXPECT_EQ(position->topic, "a.b-c_d");
  EXPECT_EQ(position->partition, 7);
  EXPECT_EQ(position->offset, 9'000'000'000);
}

TEST(KafkaPosition, WhatIsNone) {
  for (const std::string_view text : {"", "t", "t/1", "t/1/2/3", "t/-1/2", "t/1/-2", "t/x/2",
                                      "t/1/x", "t/2147483648/1", "t/1/9223372036854775808"}) {
    EXPECT_FALSE(parse_position(text)) << text;
  }
  EXPECT_TRUE(parse_position("t/2147483647/9223372036854775807"));
}

}  // namespace
}  // namespace kit::kafka::detail
