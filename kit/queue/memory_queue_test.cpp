// SPDX-License-Identifier: Apache-2.0
// What only this queue promises; the rest is in tests/queues, with the brokers.
#include "kit/queue/memory_queue.hpp"

#include <gtest/gtest.h>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/queue/limits.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::queue {
namespace {

using namespace std::chrono_literals;

class MemoryQueueTest : public ::testing::Test {
 protected:
  std::unique_ptr<Queue> make(const MemoryQueueOptions& options = {}) {
    return make_memory_queue(options).value();
  }
  template <class T>
  Result<T> run(Task<T> task) {
    return kit::run(loop_, std::move(task));
  }
  testing::VirtualLoop loop_;
};

Message message(std::string id, std::string key = "k") {
  Message made;
  made.id = std::move(id);
  made.topic = "t";
  made.key = std::move(key);
  made.type = "T";
  return made;
}

/// A message for each letter.
Task<> publish(Queue& queue, std::string ids) {
  std::vector<Message> messages;
  for (const char id : ids) messages.push_back(message(std::string(1, id)));
  co_await queue.publish(messages);
}

Task<std::unique_ptr<Consumer>> join(Queue& queue, std::string group = "g") {
  std::vector<std::string> topics(1, "t");
  co_return co_await queue.subscribe(group, topics);
}

Task<std::string> receive(Consumer& consumer, bool acknowledges, std::size_t limit = 100) {
  const std::vector<Delivery> got = co_await consumer.receive(limit, 0ms);
  std::string ids;
  for (const Delivery& delivery : got) ids += delivery.message.id;
  if (acknowledges) co_await consumer.acknowledge(got);
  co_return ids;
}

Task<> past_the_bound(Queue& queue) {
  auto consumer = co_await join(queue);
  co_await publish(queue, "ab");  // as many as there is room for
  const Result<> full = co_await as_result(with_deadline(1s, publish(queue, "c")));
  EXPECT_EQ(full.error().code(), Code::deadline_exceeded);
  TaskGroup group("waits");
  group.spawn(publish(queue, "d"));
  const std::string seen = co_await receive(*consumer, true, 1);
  EXPECT_EQ(seen, "a");
  co_await group.join();
  const std::string rest = co_await receive(*consumer, true);
  EXPECT_EQ(rest, "bd");
}

TEST_F(MemoryQueueTest, WhoPublishesPastTheBoundWaits) {
  MemoryQueueOptions options;
  options.most_pending = 2;
  auto queue = make(options);
  const auto done = run(past_the_bound(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(MemoryQueueTest, AndPastTheBytes) {
  MemoryQueueOptions options;
  options.most_pending_bytes = 2 * weight(message("a"));
  auto queue = make(options);
  const auto done = run(past_the_bound(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> late(Queue& queue) {
  co_await publish(queue, "abc");  // nobody is there: no bound holds them back
  auto consumer = co_await join(queue);
  const std::string seen = co_await receive(*consumer, true);
  EXPECT_EQ(seen, "bc");
  auto other = co_await join(queue, "other");
  const std::string same = co_await receive(*other, false);
  EXPECT_EQ(same, "bc");
  const std::string none = co_await receive(*consumer, true);
  EXPECT_EQ(none, "");
}

TEST_F(MemoryQueueTest, ANewGroupFindsWhatIsKept) {
  MemoryQueueOptions options;
  options.most_kept = 2;
  options.most_pending = 2;
  auto queue = make(options);
  const auto done = run(late(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> late_acknowledge(Queue& queue) {
  auto first = co_await join(queue);
  auto second = co_await join(queue);
  co_await publish(queue, "ab");
  const std::vector<Delivery> held = co_await first->receive(10, 0ms);
  EXPECT_EQ(held.size(), 2u);
  const std::vector<Delivery> none = co_await second->receive(10, 29'999ms);
  EXPECT_TRUE(none.empty());
  const std::vector<Delivery> again = co_await second->receive(1, 10ms);
  EXPECT_EQ(again.size(), 1u);
  if (again.size() != 1) co_return;
  EXPECT_EQ(again[0].message.id, "a");
  EXPECT_EQ(again[0].attempt, 2);
  const Result<> lost = co_await as_result(first->acknowledge(held));
  EXPECT_EQ(lost.error().reason(), "DELIVERY_LOST");
  co_await second->acknowledge(again);
  // b was acknowledged by the first, all the same.
  const std::string left = co_await receive(*second, true);
  EXPECT_EQ(left, "");
}

TEST_F(MemoryQueueTest, WhatIsHeldTooLongComesAgain) {
  auto queue = make();
  const auto done = run(late_acknowledge(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> busy_topic(Queue& queue) {
  std::vector<std::string> topics{"t", "u"};
  auto consumer = co_await queue.subscribe("g", topics);
  co_await publish(queue, "abcd");
  std::vector<Message> other(1, message("x"));
  other[0].topic = "u";
  co_await queue.publish(other);
  std::string seen;
  for (int i = 0; i < 2; ++i) seen += co_await receive(*consumer, true, 1);
  EXPECT_NE(seen.find('x'), seen.npos) << seen;
}

TEST_F(MemoryQueueTest, ABusyTopicDoesNotStarveAnother) {
  auto queue = make();
  const auto done = run(busy_topic(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(MemoryQueueTest, OptionsThatCannotBeRight) {
  MemoryQueueOptions options;
  options.most_pending = 0;
  EXPECT_EQ(make_memory_queue(options).error().reason(), "QUEUE_OPTIONS_INVALID");
  options = {};
  options.redeliver_after = 0ms;
  EXPECT_EQ(make_memory_queue(options).error().reason(), "QUEUE_OPTIONS_INVALID");
}

}  // namespace
}  // namespace kit::queue
