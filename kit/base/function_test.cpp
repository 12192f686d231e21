// SPDX-License-Identifier: Apache-2.0
#include "kit/base/function.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace kit {
namespace {

/// Counts how many of its kind live.
struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(Counted&& /*other*/) noexcept { ++alive; }
  ~Counted() { --alive; }
};

TEST(FunctionRefTest, BorrowsACallable) {
  int sum = 0;
  auto add = [&](int number) { return sum += number; };
  FunctionRef<int(int)> call = add;
  EXPECT_EQ(call(2), 2);
  EXPECT_EQ(call(3), 5);
}

TEST(FunctionTest, OwnsAMoveOnlyCallable) {
  Function<int()> call = [value = std::make_unique<int>(3)] { return *value; };
  Function<int()> moved = std::move(call);
  EXPECT_EQ(moved(), 3);
}

TEST(FunctionTest, IsEmptyUntilItHasACallable) {
  Function<void()> call;
  EXPECT_FALSE(call);
  EXPECT_FALSE(Function<void()>(nullptr));
  call = [] {};
  EXPECT_TRUE(call);
  call = nullptr;
  EXPECT_FALSE(call);
}

TEST(FunctionTest, EndsWhatItOwnsOnce) {
  {
    Function<void()> small = [counted = Counted()] {};
    Function<void()> large = [counted = Counted(), more = std::array<char, 100>()] {
      return static_cast<void>(more);
    };
    EXPECT_EQ(Counted::alive, 2);
    Function<void()> moved = std::move(small);
    Function<void()> also = std::move(large);
    EXPECT_EQ(Counted::alive, 2);
    moved = std::move(also);
    EXPECT_EQ(Counted::alive, 1);
    Function<void()>& itself = moved;
    moved = std::move(itself);
    EXPECT_EQ(Counted::alive, 1);
    EXPECT_TRUE(moved);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(FunctionTest, PassesAndReturnsWithoutCopies) {
  Function<std::unique_ptr<int>(std::unique_ptr<int>, int&)> call = [](std::unique_ptr<int> value,
                                                                       int& seen) {
    seen = *value;
    return value;
  };
  int seen = 0;
  auto back = call(std::make_unique<int>(7), seen);
  EXPECT_EQ(seen, 7);
  EXPECT_EQ(*back, 7);
}

TEST(FunctionTest, CallsAConstantOneAsAConstant) {
  struct Both {
    std::string operator()() { return "changing"; }
    std::string operator()() const { return "constant"; }
  };
  const Function<std::string() const> constant = Both();
  Function<std::string()> changing = Both();
  EXPECT_EQ(constant(), "constant");
  EXPECT_EQ(changing(), "changing");
  const Function<std::string() const> large = [text = std::string("long enough for the heap")] {
    return text;
  };
  EXPECT_EQ(large(), "long enough for the heap");
}

}  // namespace
}  // namespace kit
