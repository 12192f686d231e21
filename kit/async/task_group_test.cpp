// SPDX-License-Identifier: Apache-2.0
#include "kit/async/task_group.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_list.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

Task<> note_after(Clock::duration wait, int id, std::vector<int>* order) {
  co_await sleep_for(wait);
  order->push_back(id);
}

Task<> fails_after(Clock::duration wait) {
  co_await sleep_for(wait);
  co_await Error(Code::unavailable, "first");
}

Task<> three(std::vector<int>* order) {
  TaskGroup group("three");
  group.spawn(note_after(3s, 3, order));
  group.spawn(note_after(1s, 1, order));
  group.spawn(note_after(2s, 2, order));
  EXPECT_EQ(group.size(), 3U);
  co_await group.join();
  order->push_back(4);
}

TEST(TaskGroup, RunsSideBySideAndJoinsAll) {
  testing::VirtualLoop loop;
  std::vector<int> order;
  auto before = loop.now();
  EXPECT_TRUE(run(loop, three(&order)).ok());
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4}));
  EXPECT_EQ(loop.now() - before, 3s);
}

Task<> one_fails(std::vector<int>* order) {
  TaskGroup group("one fails");
  group.spawn(note_after(1s, 1, order));
  group.spawn(fails_after(2s));
  group.spawn(note_after(1h, 2, order));
  co_await group.join();
}

TEST(TaskGroup, FirstErrorCancelsTheOthersAndIsTheResult) {
  testing::VirtualLoop loop;
  std::vector<int> order;
  auto before = loop.now();
  auto result = run(loop, one_fails(&order));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message(), "first");
  EXPECT_EQ(order, std::vector<int>{1});
  EXPECT_EQ(loop.now() - before, 2s);
}

Task<> cleans_up_slowly(bool* cleaned) {
  auto result = co_await as_result(sleep_for(1h));
  EXPECT_EQ(result.error().code(), Code::deadline_exceeded);
  *cleaned = true;
}

Task<> joins_under_deadline(bool* cleaned) {
  TaskGroup group("slow");
  group.spawn(cleans_up_slowly(cleaned));
  co_await group.join();
}

Task<> ends_slowly(bool* cleaned) {
  auto result = co_await as_result(sleep_for(1h));
  EXPECT_FALSE(result.ok());
  Context outside{Context::Detached{}};
  Context::Scope scope(outside);
  co_await sleep_for(1h);
  *cleaned = true;
}

Task<> joins_under_deadline_with_slow_end(bool* cleaned) {
  TaskGroup group("slow end");
  group.spawn(ends_slowly(cleaned));
  co_await group.join();
}

TEST(TaskGroup, CancelledJoinStillAwaitsItsChildren) {
  testing::VirtualLoop loop;
  bool cleaned = false;
  auto result = run(loop, with_deadline(1s, joins_under_deadline(&cleaned)));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), Code::deadline_exceeded);
  EXPECT_TRUE(cleaned);
}

Task<> joins_within(Clock::duration limit, std::vector<int>* order) {
  TaskGroup group("limited");
  group.spawn(note_after(1s, 1, order));
  group.spawn(note_after(1h, 2, order));
  Task<> joining = with_deadline(limit, group.join());
  const Result<> joined = co_await as_result(std::move(joining));
  EXPECT_EQ(joined.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(group.size(), 0U);
}

TEST(TaskGroup, ADeadlineOfTheJoinEndsTheChildrenToo) {
  testing::VirtualLoop loop;
  std::vector<int> order;
  const auto begun = loop.now();
  EXPECT_TRUE(run(loop, joins_within(2s, &order)).ok());
  EXPECT_EQ(loop.now() - begun, 2s);
  EXPECT_EQ(order, std::vector<int>{1});
}

TEST(TaskGroup, JoinDroppedWhileItAwaitsCancelledChildrenLeavesNoContextBehind) {
  testing::VirtualLoop loop;
  bool cleaned = false;
  {
    auto task =
        std::make_unique<Task<>>(with_deadline(1s, joins_under_deadline_with_slow_end(&cleaned)));
    loop.post([&] { EXPECT_FALSE(task->start(nullptr, nullptr)); });
    loop.advance(2s);
  }
  EXPECT_EQ(Context::current(), nullptr);
  EXPECT_FALSE(cleaned);
}

Task<> drops_group(std::vector<int>* order) {
  {
    TaskGroup group("dropped");
    group.spawn(note_after(1s, 1, order));
  }
  co_await sleep_for(5s);
}

TEST(TaskGroup, DroppedGroupEndsItsTasks) {
  testing::VirtualLoop loop;
  std::vector<int> order;
  EXPECT_TRUE(run(loop, drops_group(&order)).ok());
  EXPECT_TRUE(order.empty());
}

Task<> names_its_children(std::vector<int>* order, std::vector<std::string>* names) {
  TaskGroup group("workers");
  group.spawn("mail", note_after(1s, 1, order));
  group.spawn("nothing", []() -> Task<> { co_return; }());
  for (const ListedTask& task : list_tasks()) names->push_back(task.name);
  EXPECT_EQ(group.size(), 1U);
  co_await group.join();
}

TEST(TaskGroup, ChildrenWithANameAreListedWhateverIsSampled) {
  testing::VirtualLoop loop;
  std::vector<int> order;
  std::vector<std::string> names;
  set_task_sampling(1'000'000);
  EXPECT_TRUE(run(loop, names_its_children(&order, &names)).ok());
  EXPECT_TRUE(run(loop, names_its_children(&order, &names)).ok());
  set_task_sampling(1);
  EXPECT_EQ(std::ranges::count(names, "workers: mail"), 2);
  EXPECT_EQ(std::ranges::count(names, "workers: nothing"), 0);
}

Task<> fails_while_it_is_cancelled(std::vector<int>* order) {
  TaskGroup group("both");
  group.spawn(note_after(1h, 1, order));
  group.spawn(fails_after(2s));
  group.spawn([](std::vector<int>* ended) -> Task<> {
    Result<> slept = co_await as_result(sleep_for(1h));
    EXPECT_EQ(slept.error().code(), Code::deadline_exceeded);
    ended->push_back(7);
    co_await Error(Code::data_loss, "while it ended");
  }(order));
  co_await group.join();
}

TEST(TaskGroup, TheFirstErrorStaysTheResultWhenTheJoinIsCancelledToo) {
  testing::VirtualLoop loop;
  std::vector<int> order;
  auto result = run(loop, with_deadline(1s, fails_while_it_is_cancelled(&order)));
  EXPECT_EQ(order, std::vector<int>{7});
  EXPECT_EQ(result.error().code(), Code::deadline_exceeded);
}

Task<> spawns_after_cancel(std::vector<int>* order) {
  TaskGroup group("cancelled");
  group.cancel();
  group.spawn(note_after(1h, 1, order));
  EXPECT_EQ(group.size(), 0U);
  co_await group.join();
}

TEST(TaskGroup, WhatIsSpawnedIntoACancelledGroupEndsAtItsFirstWait) {
  testing::VirtualLoop loop;
  std::vector<int> order;
  const auto before = loop.now();
  EXPECT_EQ(run(loop, spawns_after_cancel(&order)).error().code(), Code::cancelled);
  EXPECT_EQ(loop.now(), before);
  EXPECT_TRUE(order.empty());
}

}  // namespace
}  // namespace kit
