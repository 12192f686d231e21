// SPDX-License-Identifier: Apache-2.0
#include "kit/async/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

Task<int> immediate(int value) {
  co_return value;
}
Task<> nothing() {
  co_return;
}
Task<int> refuse() {
  co_return Error(Code::not_found, "no such thing");
}
Task<> refuse_void() {
  co_await Error(Code::aborted, "changed meanwhile");
}

Task<long> sum_of_immediates(int count) {
  long sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await immediate(1);
  co_return sum;
}

TEST(Task, MillionImmediateAwaitsUseNoStack) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, sum_of_immediates(1'000'000)), 1'000'000);
}

Task<long> sum_after_sleeps(int count) {
  long sum = 0;
  for (int i = 0; i < count; ++i) {
    co_await sleep_for(1ms);
    sum += co_await immediate(1);
  }
  co_return sum;
}

TEST(Task, HundredThousandSuspendedAwaitsUseNoStack) {
  testing::VirtualLoop loop;
  auto before = loop.now();
  EXPECT_EQ(*run(loop, sum_after_sleeps(100'000)), 100'000);
  EXPECT_EQ(loop.now() - before, 100s);
}

Task<int> outer(bool* reached) {
  int value = co_await refuse();
  *reached = true;
  co_return value;
}

TEST(Task, ErrorEndsTheAwaitingTasks) {
  testing::VirtualLoop loop;
  bool reached = false;
  auto result = run(loop, outer(&reached));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), Code::not_found);
  EXPECT_FALSE(reached);
}

Task<int> sleeps_then_refuses() {
  co_await sleep_for(5s);
  co_return Error(Code::unavailable, "later");
}
Task<int> middle() {
  co_return co_await sleeps_then_refuses() + 1;
}
Task<std::string> looks_at_it() {
  Result<int> result = co_await as_result(middle());
  if (result.ok()) co_return std::string("no error");
  co_return result.error().message();
}

TEST(Task, ErrorAfterSuspensionTravelsToWhoLooksAtIt) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, looks_at_it()), "later");
}

Task<int> awaits_results(Result<int> given) {
  int value = co_await std::move(given);
  Result<> fine;
  co_await std::move(fine);
  co_return value;
}

TEST(Task, ResultsCanBeAwaited) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, awaits_results(7)), 7);
  EXPECT_EQ(run(loop, awaits_results(Error(Code::internal, "x"))).error().code(), Code::internal);
  EXPECT_EQ(run(loop, refuse_void()).error().code(), Code::aborted);
  EXPECT_TRUE(run(loop, nothing()).ok());
}

Task<int> throws() {
  co_await sleep_for(1s);
  throw std::runtime_error("boom");
}

TEST(Task, ExceptionBecomesInternalError) {
  testing::VirtualLoop loop;
  auto result = run(loop, throws());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), Code::internal);
  EXPECT_NE(result.error().message().find("boom"), std::string::npos);
}

struct Counted {
  explicit Counted(int* counter) : count(counter) { ++*count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --*count; }
  int* count;
};

Task<int> holds(int* alive) {
  Counted counted(alive);
  co_return co_await sleeps_then_refuses();
}

TEST(Task, LocalsOfAnAbandonedTaskDieWithIt) {
  testing::VirtualLoop loop;
  int alive = 0;
  {
    EXPECT_FALSE(run(loop, holds(&alive)).ok());
  }
  EXPECT_EQ(alive, 0);
}

TEST(Task, DroppedWhileWaitingLeavesEveryQueue) {
  testing::VirtualLoop loop;
  int alive = 0;
  {
    auto task = std::make_unique<Task<int>>(holds(&alive));
    loop.post([&] { EXPECT_FALSE(task->start(nullptr, nullptr)); });
    loop.advance(1s);
    EXPECT_EQ(alive, 1);
    EXPECT_EQ(loop.timer_count(), 1U);
  }
  EXPECT_EQ(alive, 0);
  EXPECT_EQ(loop.timer_count(), 0U);
}

Task<std::unique_ptr<int>> moves_only() {
  co_return std::make_unique<int>(3);
}
Task<int> takes_moved() {
  auto value = co_await moves_only();
  co_return *value;
}

TEST(Task, CarriesMoveOnlyValues) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, takes_moved()), 3);
}

}  // namespace
}  // namespace kit
