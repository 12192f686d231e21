// SPDX-License-Identifier: Apache-2.0
#include "kit/app/signals.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "kit/async/epoll_loop.hpp"

namespace kit::app {
namespace {

/// Each child is a process of its own, without the threads of other tests.
struct SignalsTest : testing::Test {
  SignalsTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

/// Ends with 0 unless a signal ended the process before.
[[noreturn]] void after(bool stops_itself, int signals) {
  if (!Signals::install()) _exit(1);
  if (stops_itself) Signals::request_stop();
  for (int i = 0; i < signals; ++i) {
    raise(SIGTERM);
    poll(nullptr, 0, 1);  // a sanitizer delivers a signal at the next call that may wait
  }
  _exit(Signals::received() == SIGTERM ? 0 : 2);
}

TEST_F(SignalsTest, TheSecondEndsAtOnce) {
  EXPECT_EXIT(after(false, 1), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(after(false, 2), testing::ExitedWithCode(128 + SIGTERM), "");
}

TEST_F(SignalsTest, TheFirstOfAProcessThatStopsAnywayIsNoSecond) {
  EXPECT_EXIT(after(true, 0), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(after(true, 1), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(after(true, 2), testing::ExitedWithCode(128 + SIGTERM), "");
}

Task<> wait_for_the_end() {
  auto signal = Signals::wait();
  co_await signal;
}

/// Ends with 0 when a wait whose loop does not run any more can be dropped.
[[noreturn]] void drop_a_wait() {
  if (!Signals::install()) _exit(1);
  const auto loop = std::move(*make_epoll_loop());
  std::optional<Task<>> waiting(wait_for_the_end());
  loop->post([&] {
    waiting->start([](void*) {}, nullptr);
    loop->stop();
  });
  loop->run();
  waiting.reset();
  _exit(0);
}

TEST_F(SignalsTest, AWaitMayBeDroppedWithoutItsLoop) {
  EXPECT_EXIT(drop_a_wait(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace kit::app
