// SPDX-License-Identifier: Apache-2.0
#include "kit/async/signal.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

Task<> wait(Signal& signal, std::uint64_t seen) {
  co_await signal.changed(seen);
}

Task<> note(Signal& signal, std::string& order, char name) {
  co_await signal.changed(0);
  order += name;
}

TEST(SignalTest, WhatChangedBeforeTheWaitIsNotMissed) {
  testing::VirtualLoop loop;
  Signal signal;
  const std::uint64_t seen = signal.count();
  signal.notify();
  EXPECT_TRUE(run(loop, wait(signal, seen)).ok());
}

Task<> wake_two(Signal& signal, std::string& order) {
  TaskGroup group("two");
  group.spawn(note(signal, order, 'a'));
  group.spawn(note(signal, order, 'b'));
  signal.notify();
  EXPECT_EQ(order, "");  // nobody is resumed inside the call
  co_await group.join();
}

TEST(SignalTest, WakesAllInTheirOrder) {
  testing::VirtualLoop loop;
  Signal signal;
  std::string order;
  EXPECT_TRUE(run(loop, wake_two(signal, order)).ok());
  EXPECT_EQ(order, "ab");
}

Task<Clock::duration> wait_until(Signal& signal, Clock::duration limit) {
  const auto begun = Loop::current().now();
  co_await signal.changed(signal.count(), begun + limit);
  co_return Loop::current().now() - begun;
}

TEST(SignalTest, EndsAtItsTimeAndAtTheDeadline) {
  testing::VirtualLoop loop;
  Signal signal;
  EXPECT_EQ(*run(loop, wait_until(signal, 3s)), 3s);
  const auto done = run(loop, with_deadline(1s, wait_until(signal, 3s)));
  EXPECT_EQ(done.error().code(), Code::deadline_exceeded);
  signal.notify();  // nobody is left
}

TEST(SignalTest, AnotherThreadNeverLosesAWake) {
  auto loop = make_epoll_loop().value();
  Signal signal;
  constexpr std::uint64_t turns = 2'000;
  std::jthread notifier([&] {
    for (std::uint64_t i = 0; i < turns; ++i) signal.notify();
  });
  const auto all = [](Signal& changing) -> Task<> {
    for (std::uint64_t seen = 0; seen < turns; seen = changing.count()) {
      co_await changing.changed(seen);
    }
  };
  EXPECT_TRUE(run(*loop, all(signal)).ok());
}

}  // namespace
}  // namespace kit
