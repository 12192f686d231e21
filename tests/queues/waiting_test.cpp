// SPDX-License-Identifier: Apache-2.0
// Deadlines, cancellation, and the end.
#include "suite.hpp"

namespace kit::tests {
namespace {

class WaitingTest : public QueueTest {};

Task<> cancelled_receive(Queue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  const auto begun = Clock::now();
  const std::vector<Delivery> none = co_await consumer->receive(10, 100ms);
  EXPECT_TRUE(none.empty());
  EXPECT_GE(Clock::now() - begun, 90ms);
  const auto cut = co_await as_result(with_deadline(100ms, consumer->receive(10, 1h)));
  EXPECT_TRUE(!cut && cut.error().code() == Code::deadline_exceeded);
  // A wait that was ended takes nothing along.
  const std::vector<Message> some = messages(topic, 10, 1);
  TaskGroup group("publishing");
  group.spawn(queue.publish(some));
  int seen = 0;
  const auto note = [&seen](const std::vector<Delivery>& got) {
    for (const Delivery& delivery : got) {
      seen = std::max(seen, std::stoi(delivery.message.payload) + 1);
    }
  };
  for (int i = 0; i < 20; ++i) {
    const auto again = co_await as_result(with_deadline(5ms, consumer->receive(1, 1h)));
    if (!again) continue;
    note(*again);
    co_await consumer->acknowledge(*again);
  }
  co_await group.join();
  const auto end = Clock::now() + enough;
  while (seen < 10 && Clock::now() < end) {
    const std::vector<Delivery> got = co_await consumer->receive(10, 200ms);
    note(got);
    co_await consumer->acknowledge(got);
  }
  EXPECT_EQ(seen, 10);
}

TEST_F(WaitingTest, AWaitThatIsEndedLosesNothing) {
  expect(cancelled_receive(queue(), topic()));
}

Task<> cancelled_publish(Queue& queue, std::string topic) {
  const std::vector<Message> some = messages(topic, 100, 1);
  const Result<> cut = co_await as_result(with_deadline(0ms, queue.publish(some)));
  EXPECT_TRUE(cut.ok() || cut.error().code() == Code::deadline_exceeded);
  co_await queue.publish(some);  // all of them again, in their order
  auto consumer = co_await join(queue, topic);
  Log log;
  co_await drain(*consumer, log, 100, 100);
  EXPECT_EQ(log.count(), 100);
  EXPECT_TRUE(log.is_ordered());
}

TEST_F(WaitingTest, WhatIsPublishedAgainKeepsTheOrder) {
  expect(cancelled_publish(queue(), topic()));
}

Task<> wakes(Queue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  const std::vector<Message> warm = messages(topic, 1, 1);
  co_await queue.publish(warm);
  const std::vector<Delivery> first = co_await take(*consumer, 1);
  co_await consumer->acknowledge(first);
  TaskGroup group("later");
  const auto later = [](Queue& to, std::string name) -> Task<> {
    co_await sleep_for(100ms);
    const std::vector<Message> one = messages(name, 1, 1, 1);
    co_await to.publish(one);
  };
  group.spawn(later(queue, topic));
  const auto begun = Clock::now();
  const std::vector<Delivery> got = co_await consumer->receive(10, enough);
  EXPECT_EQ(got.size(), 1u);
  EXPECT_LT(Clock::now() - begun, enough / 2);
  co_await consumer->acknowledge(got);
  co_await group.join();
}

TEST_F(WaitingTest, AMessageWakesWhoWaits) {
  expect(wakes(queue(), topic()));
}

Task<> bad_names(Queue& queue, std::string topic) {
  for (const std::string bad : {"", "^t.*", "__consumer_offsets", "a b", ".."}) {
    const std::vector<std::string> topics(1, bad);
    const auto refused = co_await as_result(queue.subscribe("g", topics));
    EXPECT_TRUE(!refused && refused.error().reason() == "TOPIC_INVALID") << bad;
    const std::vector<std::string> good(1, topic);
    const auto group = co_await as_result(queue.subscribe(bad, good));
    EXPECT_TRUE(!group && group.error().reason() == "TOPIC_INVALID") << bad;
  }
}

TEST_F(WaitingTest, NamesThatAreNone) {
  expect(bad_names(queue(), topic()));
}

Task<> closed(Queue& queue, std::string topic) {
  const std::vector<Message> some = messages(topic, 100, 10);
  co_await queue.publish(some);
  co_await queue.close();
  co_await queue.close();
  const Result<> late = co_await as_result(queue.publish(some));
  EXPECT_TRUE(!late && late.error().reason() == "QUEUE_CLOSED");
  const auto joined = co_await as_result(join(queue, topic));
  EXPECT_TRUE(!joined && joined.error().reason() == "QUEUE_CLOSED");
}

TEST_F(WaitingTest, AClosedQueueTakesNothing) {
  expect(closed(queue(), topic()));
}

}  // namespace
}  // namespace kit::tests
