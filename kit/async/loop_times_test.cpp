// SPDX-License-Identifier: Apache-2.0
#include "kit/async/loop_times.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

std::size_t index_of(std::chrono::nanoseconds duration) {
  DurationCounts counts;
  counts.record(duration);
  const auto all = counts.snapshot().counts;
  return static_cast<std::size_t>(std::ranges::find(all, std::uint64_t{1}) - all.begin());
}

TEST(DurationCountsTest, ABoundBelongsToWhatItBounds) {
  for (std::size_t i = 0; i < DurationCounts::bound_count; ++i) {
    EXPECT_EQ(index_of(DurationCounts::bound(i) - 1ns), i);
    EXPECT_EQ(index_of(DurationCounts::bound(i)), i);
    EXPECT_EQ(index_of(DurationCounts::bound(i) + 1ns), i + 1);
  }
  EXPECT_EQ(index_of(-5ns), 0U);
  EXPECT_EQ(index_of(std::chrono::nanoseconds::max()), DurationCounts::bound_count);
}

/// How many turns took longer than `bound(i)`.
std::uint64_t longer_than(const DurationCounts& counts, std::size_t i) {
  const auto all = counts.snapshot().counts;
  return std::accumulate(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end(),
                         std::uint64_t{0});
}

Task<> block_for_a_while() {
  co_await sleep_for(1ms);
  const auto end = Clock::now() + 40ms;
  while (Clock::now() < end) {
  }
  co_await sleep_for(1ms);
}

TEST(LoopTimesTest, ATurnThatTakesLongIsSeen) {
  constexpr std::size_t long_turn = 9;  // 32.768 ms
  static_assert(DurationCounts::bound(long_turn) == 32'768us);
  const std::uint64_t turns = longer_than(loop_turns, long_turn);
  const auto busy = loop_turns.snapshot().sum;
  const auto loop = make_epoll_loop();
  ASSERT_TRUE(run(**loop, block_for_a_while()));
  EXPECT_GE(longer_than(loop_turns, long_turn), turns + 1);
  EXPECT_GE(loop_turns.snapshot().sum - busy, 40ms);
}

Task<> only_sleep() {
  co_await sleep_for(80ms);
}

TEST(LoopTimesTest, TheWaitIsNoPartOfATurn) {
  const auto before = loop_turns.snapshot();
  const auto loop = make_epoll_loop();
  ASSERT_TRUE(run(**loop, only_sleep()));
  const auto after = loop_turns.snapshot();
  EXPECT_LT(after.sum - before.sum, 60ms);
}

Task<> be_late() {
  // Two timers, the second of which is due while the first one's task holds the loop up.
  Task<> blocking = block_for_a_while();
  co_await std::move(blocking);
}

TEST(LoopTimesTest, TimersThatAreLateAreSeen) {
  const std::uint64_t late = longer_than(timer_delays, 7);  // 8.192 ms
  const auto loop = make_epoll_loop();
  Timer timer;
  timer.set_action([](void*) {}, nullptr);
  (*loop)->post([&] { (*loop)->start(timer, Clock::now() + 15ms); });
  ASSERT_TRUE(run(**loop, be_late()));
  EXPECT_GE(longer_than(timer_delays, 7), late + 1);
}

}  // namespace
}  // namespace kit
