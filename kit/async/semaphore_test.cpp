// SPDX-License-Identifier: Apache-2.0
#include "kit/async/semaphore.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

Task<> holds(Semaphore* semaphore, Clock::duration time, int id, std::vector<int>* order) {
  auto permit = co_await semaphore->acquire();
  order->push_back(id);
  co_await sleep_for(time);
}

Task<> five_through_two(Semaphore* semaphore, std::vector<int>* order) {
  TaskGroup group("five");
  for (int id = 1; id <= 5; ++id) group.spawn(holds(semaphore, 10s, id, order));
  EXPECT_EQ(semaphore->available(), 0U);
  EXPECT_FALSE(semaphore->try_acquire());
  EXPECT_EQ(*order, (std::vector<int>{1, 2}));
  co_await group.join();
}

TEST(Semaphore, LetsSoManyInAndServesInTheOrderOfComing) {
  testing::VirtualLoop loop;
  Semaphore semaphore(2);
  std::vector<int> order;
  const auto before = loop.now();
  EXPECT_TRUE(run(loop, five_through_two(&semaphore, &order)).ok());
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3, 4, 5}));
  EXPECT_EQ(loop.now() - before, 30s);
  EXPECT_EQ(semaphore.available(), 2U);
}

Task<> one_gives_up(Semaphore* semaphore, std::vector<int>* order) {
  TaskGroup group("gives up");
  group.spawn(holds(semaphore, 10s, 1, order));
  Task<> impatient = with_deadline(1s, holds(semaphore, 10s, 2, order));
  TaskGroup others("others");
  auto waits = [](Task<> task) -> Task<> {
    Result<> result = co_await as_result(std::move(task));
    EXPECT_EQ(result.error().code(), Code::deadline_exceeded);
  };
  others.spawn(waits(std::move(impatient)));
  others.spawn(holds(semaphore, 1s, 3, order));
  co_await others.join();
  co_await group.join();
}

TEST(Semaphore, AWaiterThatIsCancelledLeavesTheQueue) {
  testing::VirtualLoop loop;
  Semaphore semaphore(1);
  std::vector<int> order;
  EXPECT_TRUE(run(loop, one_gives_up(&semaphore, &order)).ok());
  EXPECT_EQ(order, (std::vector<int>{1, 3}));
  EXPECT_EQ(semaphore.available(), 1U);
}

TEST(Semaphore, ADroppedWaiterLosesNoPermit) {
  testing::VirtualLoop loop;
  Semaphore semaphore(1);
  std::vector<int> order;
  auto permit = semaphore.try_acquire();
  ASSERT_TRUE(permit);
  auto first = std::make_unique<Task<>>(holds(&semaphore, 1s, 1, &order));
  auto second = std::make_unique<Task<>>(holds(&semaphore, 1s, 2, &order));
  loop.post([&] {
    EXPECT_FALSE(first->start(nullptr, nullptr));
    EXPECT_FALSE(second->start(nullptr, nullptr));
  });
  loop.advance(1s);
  EXPECT_TRUE(semaphore.has_waiters());
  // Handed to the first, which is dropped before it goes on: the second one has it.
  loop.post([&] {
    permit->release();
    permit->release();  // once counts
    first.reset();
  });
  loop.advance(10s);
  EXPECT_EQ(order, std::vector<int>{2});
  EXPECT_EQ(semaphore.available(), 1U);
  // Dropped while it waits in the queue.
  auto again = semaphore.try_acquire();
  auto third = std::make_unique<Task<>>(holds(&semaphore, 1s, 3, &order));
  loop.post([&] { EXPECT_FALSE(third->start(nullptr, nullptr)); });
  loop.advance(1s);
  third.reset();
  EXPECT_FALSE(semaphore.has_waiters());
  again.reset();
  EXPECT_EQ(semaphore.available(), 1U);
}

TEST(Semaphore, PermitsMoveAndAreGivenBackOnce) {
  Semaphore semaphore(2);
  auto first = semaphore.try_acquire();
  auto second = semaphore.try_acquire();
  EXPECT_FALSE(semaphore.try_acquire());
  *first = std::move(*second);
  EXPECT_EQ(semaphore.available(), 1U);
  Semaphore::Permit third = std::move(*first);
  first.reset();
  second.reset();
  EXPECT_EQ(semaphore.available(), 1U);
  third.release();
  EXPECT_EQ(semaphore.available(), 2U);
}

TEST(SemaphoreDeathTest, APermitMustNotOutliveIt) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto semaphore = std::make_unique<Semaphore>(1);
        auto permit = semaphore->try_acquire();
        semaphore.reset();
      },
      "a permit outlives its semaphore");
}

Task<> appends(Mutex* mutex, std::string* text, std::string what) {
  auto lock = co_await mutex->lock();
  for (char c : what) {
    text->push_back(c);
    co_await sleep_for(1s);
  }
}

Task<> two_writers(Mutex* mutex, std::string* text) {
  TaskGroup group("writers");
  group.spawn(appends(mutex, text, "abc"));
  group.spawn(appends(mutex, text, "def"));
  EXPECT_TRUE(mutex->locked());
  EXPECT_FALSE(mutex->try_lock());
  co_await group.join();
}

TEST(Mutex, KeepsASequenceOfAwaitsTogether) {
  testing::VirtualLoop loop;
  Mutex mutex;
  std::string text;
  EXPECT_TRUE(run(loop, two_writers(&mutex, &text)).ok());
  EXPECT_EQ(text, "abcdef");
  EXPECT_FALSE(mutex.locked());
  EXPECT_TRUE(mutex.try_lock());
}

}  // namespace
}  // namespace kit
