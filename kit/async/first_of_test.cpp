// SPDX-License-Identifier: Apache-2.0
#include "kit/async/first_of.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

Task<int> after(Clock::duration wait, int value, std::string* log) {
  Result<> slept = co_await as_result(sleep_for(wait));
  log->append(std::to_string(value)).append(slept ? "+ " : "- ");
  if (!slept) co_return std::move(slept).error();
  if (value < 0) co_return Error(Code::unavailable, "negative");
  co_return value;
}

/// Goes on for a second after it was cancelled.
Task<int> ends_slowly(std::string* log) {
  Result<> slept = co_await as_result(sleep_for(1h));
  Context outside{Context::Detached{}};
  Context::Scope scope(outside);
  co_await sleep_for(1s);
  log->append("slow ");
  co_return 9;
}

Task<> second_wins(std::string* log) {
  First<int> first = co_await first_of(after(3s, 1, log), after(2s, 2, log), ends_slowly(log));
  EXPECT_EQ(first.index, 1U);
  EXPECT_EQ(*first.result, 2);
}

TEST(FirstOf, YieldsTheFirstAndAwaitsTheCancelledOthers) {
  testing::VirtualLoop loop;
  std::string log;
  const auto before = loop.now();
  EXPECT_TRUE(run(loop, second_wins(&log)).ok());
  EXPECT_EQ(log, "2+ 1- slow ");
  EXPECT_EQ(loop.now() - before, 3s);
}

Task<> error_is_first(std::string* log) {
  std::vector<Task<int>> tasks;
  tasks.push_back(after(1h, 1, log));
  tasks.push_back(after(1s, -1, log));
  First<int> first = co_await first_of(std::move(tasks));
  EXPECT_EQ(first.index, 1U);
  EXPECT_EQ(first.result.error().message(), "negative");
}

TEST(FirstOf, AnErrorCanBeFirst) {
  testing::VirtualLoop loop;
  std::string log;
  EXPECT_TRUE(run(loop, error_is_first(&log)).ok());
  EXPECT_EQ(log, "-1+ 1- ");
}

Task<int> at_once(int value) {
  co_return value;
}

Task<> immediate(std::string* log) {
  First<int> first = co_await first_of(after(1h, 1, log), at_once(2), after(1h, 3, log));
  EXPECT_EQ(first.index, 1U);
  EXPECT_EQ(*first.result, 2);
}

TEST(FirstOf, WhatIsBehindAnImmediateOneDoesNotStart) {
  testing::VirtualLoop loop;
  std::string log;
  EXPECT_TRUE(run(loop, immediate(&log)).ok());
  EXPECT_EQ(log, "1- ");
}

Task<int> raced(std::string* log) {
  First<int> first = co_await first_of(after(1h, 1, log), after(2h, 2, log));
  co_return std::move(first.result);
}

TEST(FirstOf, CancelledFromOutsideItAwaitsAllAndFails) {
  testing::VirtualLoop loop;
  std::string log;
  auto result = run(loop, with_deadline(1s, raced(&log)));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(log, "1- 2- ");
}

Task<int> value_then_slow(std::string* log) {
  First<int> first = co_await first_of(after(1s, 1, log), ends_slowly(log));
  co_return std::move(first.result);
}

TEST(FirstOf, AValueThatWasThereBeforeTheCancellationIsKept) {
  testing::VirtualLoop loop;
  std::string log;
  auto result = run(loop, with_deadline(1500ms, value_then_slow(&log)));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, 1);
  EXPECT_EQ(log, "1+ slow ");
}

Task<> sleeps(Clock::duration wait) {
  co_await sleep_for(wait);
}
Task<> without_values() {
  First<void> first = co_await first_of(sleeps(2s), sleeps(1s));
  EXPECT_EQ(first.index, 1U);
  EXPECT_TRUE(first.result.ok());
}

TEST(FirstOf, TasksWithoutAValue) {
  testing::VirtualLoop loop;
  EXPECT_TRUE(run(loop, without_values()).ok());
}

TEST(FirstOf, DroppedWhileItWaitsItEndsItsTasks) {
  testing::VirtualLoop loop;
  std::string log;
  {
    Task<int> task = raced(&log);
    loop.post([&] { EXPECT_FALSE(task.start(nullptr, nullptr)); });
    loop.advance(1s);
  }
  loop.advance(3h);
  EXPECT_EQ(log, "");
}

}  // namespace
}  // namespace kit
