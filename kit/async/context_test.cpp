// SPDX-License-Identifier: Apache-2.0
#include "kit/async/context.hpp"

#include <gtest/gtest.h>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/base/caller.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

TEST(ContextCaller, IsInheritedAndLeftAgain) {
  const Caller ada{.subject = "ada", .roles = {"clerk"}};
  EXPECT_EQ(current_caller, nullptr);
  {
    Context outer;
    outer.set_caller(&ada);
    const Context::Entry entry(&outer);
    EXPECT_EQ(current_caller, &ada);
    Context inner;
    Context detached{Context::Detached{}};
    EXPECT_EQ(inner.caller(), &ada);
    EXPECT_EQ(detached.caller(), &ada);
    detached.renew();
    EXPECT_EQ(detached.caller(), nullptr) << "the next task of the connection is somebody else's";
    const Context::Entry nobody(nullptr);
    EXPECT_EQ(current_caller, nullptr);
  }
  EXPECT_EQ(current_caller, nullptr);
}

Task<> work_for(const Caller& caller, bool& kept) {
  Context own;
  own.set_caller(&caller);
  Context::Scope scope(own);
  for (int turn = 0; turn < 20; ++turn) {
    co_await sleep_for(std::chrono::microseconds(100 * (turn % 3)));
    kept = kept && current_caller == &caller;
  }
  scope.leave();
}

/// Two requests of one thread that wait in turns: each stays whose it is.
TEST(ContextCaller, StaysWithItsTaskAcrossWaits) {
  auto loop = make_epoll_loop();
  ASSERT_TRUE(loop);
  const Caller ada{.subject = "ada", .roles = {}};
  const Caller ben{.subject = "ben", .roles = {}};
  bool ada_kept = true;
  bool ben_kept = true;
  auto both = [&]() -> Task<> {
    TaskGroup group("both");
    group.spawn("ada", work_for(ada, ada_kept));
    group.spawn("ben", work_for(ben, ben_kept));
    co_await group.join();
    EXPECT_EQ(current_caller, nullptr);
  };
  Task<> task = both();
  ASSERT_TRUE(run(**loop, std::move(task)));
  EXPECT_TRUE(ada_kept);
  EXPECT_TRUE(ben_kept);
}

}  // namespace
}  // namespace kit
