// SPDX-License-Identifier: Apache-2.0
#include "kit/log/detail/ring.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace kit::log::detail {
namespace {

TEST(RingTest, GivesLinesInOrder) {
  Ring ring;
  EXPECT_TRUE(ring.is_empty());
  EXPECT_FALSE(ring.front(ring.head()));
  EXPECT_TRUE(ring.push(1, "one"));
  std::uint64_t after_one = ring.head();
  EXPECT_TRUE(ring.push(2, ""));
  auto line = ring.front(ring.head());
  ASSERT_TRUE(line);
  EXPECT_EQ(line->text, "one");
  EXPECT_EQ(line->time, 1);
  ring.pop();
  EXPECT_FALSE(ring.front(after_one));
  EXPECT_EQ(ring.front(ring.head())->text, "");
  ring.pop();
  EXPECT_TRUE(ring.is_empty());
}

TEST(RingTest, DropsTheNewestWhenFull) {
  Ring ring;
  std::string line(1000, 'x');
  std::size_t taken = 0;
  while (ring.push(0, line)) ++taken;
  EXPECT_EQ(taken, Ring::capacity / 1024);  // 1000 bytes and a header of 16, in steps of 16
  EXPECT_EQ(ring.lost(), 1U);
  EXPECT_FALSE(ring.push(0, line));
  EXPECT_EQ(ring.lost(), 2U);
  ring.front(ring.head());
  ring.pop();
  EXPECT_TRUE(ring.push(0, line));
}

TEST(RingTest, LimitsTheLine) {
  Ring ring;
  EXPECT_TRUE(ring.push(0, std::string(Ring::max_line, 'x')));
  EXPECT_FALSE(ring.push(0, std::string(Ring::max_line + 1, 'x')));
  EXPECT_EQ(ring.front(ring.head())->text.size(), Ring::max_line);
}

TEST(RingTest, KnowsWhenItIsHalfFull) {
  Ring ring;
  std::string line(Ring::max_line - 64, 'x');
  ring.push(0, line);
  ring.push(0, line);
  EXPECT_FALSE(ring.is_half_full());
  ring.push(0, line);
  EXPECT_TRUE(ring.is_half_full());
  ring.front(ring.head());
  ring.pop();
  EXPECT_FALSE(ring.is_half_full());
}

TEST(RingTest, TwoThreadsAgreeOnEveryLine) {
  Ring ring;
  constexpr std::int64_t count = 100'000;
  std::jthread thread([&] {
    std::string text;
    for (std::int64_t i = 0; i < count; ++i) {
      text.assign(static_cast<std::size_t>(i * 7919 % 3001), static_cast<char>('a' + i % 26));
      while (!ring.push(i, text)) std::this_thread::yield();
    }
  });
  for (std::int64_t i = 0; i < count;) {
    auto line = ring.front(ring.head());
    if (!line) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_EQ(line->time, i);
    ASSERT_EQ(line->text.size(), static_cast<std::size_t>(i * 7919 % 3001));
    ASSERT_EQ(line->text.find_first_not_of(static_cast<char>('a' + i % 26)), std::string::npos);
    ring.pop();
    ++i;
  }
  EXPECT_TRUE(ring.is_empty());
}

}  // namespace
}  // namespace kit::log::detail
