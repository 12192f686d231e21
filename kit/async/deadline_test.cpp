// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

Task<int> sleeps(Clock::duration wait) {
  co_await sleep_for(wait);
  co_return 1;
}

Task<int> nested() {
  // The inner deadline is later than the inherited one, which counts.
  co_return co_await with_deadline(10s, sleeps(5s));
}

TEST(Deadline, InTimeAndTooLate) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, with_deadline(2s, sleeps(1s))), 1);
  auto late = run(loop, with_deadline(1s, sleeps(2s)));
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(loop.timer_count(), 0U);
}

TEST(Deadline, IsInherited) {
  testing::VirtualLoop loop;
  auto before = loop.now();
  auto late = run(loop, with_deadline(1s, nested()));
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(loop.now() - before, 1s);
}

Task<Clock::duration> remaining() {
  co_return Context::current_deadline() - Loop::current().now();
}
Task<bool> deadline_is_gone_afterwards() {
  auto left = co_await with_deadline(3s, remaining());
  EXPECT_EQ(left, 3s);
  auto late = co_await as_result(with_deadline(1s, sleeps(2s)));
  EXPECT_FALSE(late.ok());
  co_return Context::current_deadline() == Clock::time_point::max();
}

TEST(Deadline, EndsWithItsScope) {
  testing::VirtualLoop loop;
  EXPECT_TRUE(*run(loop, deadline_is_gone_afterwards()));
  EXPECT_EQ(Context::current(), nullptr);
}

Task<int> starts_cancelled() {
  auto slept = co_await as_result(sleep_for(2s));
  EXPECT_FALSE(slept.ok());
  co_return co_await sleeps(1s);
}

TEST(Deadline, OperationsBegunAfterItEndAtOnce) {
  testing::VirtualLoop loop;
  auto before = loop.now();
  EXPECT_FALSE(run(loop, with_deadline(1s, starts_cancelled())).ok());
  EXPECT_EQ(loop.now() - before, 1s);
}

TEST(Deadline, AsAPointInTime) {
  testing::VirtualLoop loop;
  const auto before = loop.now();
  EXPECT_EQ(*run(loop, with_deadline(before + 2s, sleeps(1s))), 1);
  EXPECT_FALSE(run(loop, with_deadline(before + 2s, sleeps(1h))).ok());
  EXPECT_EQ(loop.now() - before, 2s);
  // In the past: what waits ends at once.
  EXPECT_FALSE(run(loop, with_deadline(before, sleeps(1s))).ok());
  EXPECT_EQ(loop.now() - before, 2s);
}

TEST(Deadline, NoLimitIsTooLong) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, with_deadline(Clock::duration::max(), sleeps(1s))), 1);
  EXPECT_EQ(*run(loop, with_deadline(Clock::time_point::max(), sleeps(1s))), 1);
}

Task<int> begins_later(Task<int> task) {
  co_await sleep_for(5s);
  co_return co_await std::move(task);
}

TEST(Deadline, ALimitCountsFromWhereTheTaskIsAwaited) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, begins_later(with_deadline(2s, sleeps(1s)))), 1);
}

Task<int> inner_first() {
  Result<int> inner = co_await as_result(with_deadline(1s, sleeps(1h)));
  EXPECT_EQ(inner.error().code(), Code::deadline_exceeded);
  co_return co_await sleeps(1s);  // the outer one still holds
}

TEST(Deadline, TheInnerOneEndsOnlyWhatIsInside) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, with_deadline(3s, inner_first())), 1);
  EXPECT_EQ(run(loop, with_deadline(1500ms, inner_first())).error().code(),
            Code::deadline_exceeded);
  EXPECT_EQ(loop.timer_count(), 0U);
}

}  // namespace
}  // namespace kit
