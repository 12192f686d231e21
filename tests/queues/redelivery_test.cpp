// SPDX-License-Identifier: Apache-2.0
// What was not acknowledged comes again, and nothing else.
#include <set>

#include "suite.hpp"

namespace kit::tests {
namespace {

class RedeliveryTest : public QueueTest {};

Task<> held_too_long(Queue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  const std::vector<Message> some = messages(topic, 3, 1);
  co_await queue.publish(some);
  const std::vector<Delivery> first = co_await take(*consumer, 3);
  if (first.size() != 3) co_return;
  co_await consumer->acknowledge(std::span(first).first(1));
  const std::vector<Delivery> early = co_await consumer->receive(10, 300ms);
  EXPECT_TRUE(early.empty());
  const std::vector<Delivery> again = co_await take(*consumer, 2);
  if (again.size() != 2) co_return;
  EXPECT_EQ(again[0].message.id, some[1].id);
  EXPECT_EQ(again[1].message.id, some[2].id);
  EXPECT_GE(again[0].attempt, 2);
  co_await consumer->acknowledge(again);
  const std::vector<Delivery> none = co_await consumer->receive(10, Backend::redeliver_after + 1s);
  EXPECT_TRUE(none.empty());
}

TEST_F(RedeliveryTest, WhatIsHeldTooLongComesAgainInItsOrder) {
  expect(held_too_long(queue(), topic()));
}

Task<> behind_another(Queue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  std::vector<Message> some = messages(topic, 8, 8);
  co_await queue.publish(some);
  const std::vector<Delivery> first = co_await take(*consumer, 8);
  if (first.size() != 8) co_return;
  co_await consumer->acknowledge(std::span(first).last(7));
  const std::vector<Delivery> again =
      co_await consumer->receive(10, Backend::redeliver_after + enough);
  EXPECT_EQ(again.size(), 1u);
  if (again.empty()) co_return;
  EXPECT_EQ(again[0].message.id, first[0].message.id);
  co_await consumer->acknowledge(again);
}

TEST_F(RedeliveryTest, OnlyWhatWasNotAcknowledged) {
  expect(behind_another(queue(), topic()));
}

Task<> dropped_member(Queue& queue, std::string topic) {
  std::set<std::string> open;
  {
    auto consumer = co_await join(queue, topic);
    const std::vector<Message> some = messages(topic, 20, 5);
    co_await queue.publish(some);
    const std::vector<Delivery> got = co_await take(*consumer, 20);
    // The first two of each key are done.
    std::map<std::string, int> seen;
    std::vector<Delivery> done;
    for (const Delivery& delivery : got) {
      if (++seen[delivery.message.key] <= 2) {
        done.push_back(delivery);
      } else {
        open.insert(delivery.message.id);
      }
    }
    co_await consumer->acknowledge(done);
  }
  EXPECT_EQ(open.size(), 10u);
  auto other = co_await join(queue, topic);
  std::map<std::string, int> last;
  const auto end = Clock::now() + enough;
  while (!open.empty() && Clock::now() < end) {
    const std::vector<Delivery> got = co_await other->receive(100, 1s);
    for (const Delivery& delivery : got) {
      open.erase(delivery.message.id);
      const int number = std::stoi(delivery.message.payload);
      EXPECT_GE(number, last[delivery.message.key]) << delivery.message.key;
      last[delivery.message.key] = number;
    }
    co_await other->acknowledge(got);
  }
  EXPECT_TRUE(open.empty());
}

TEST_F(RedeliveryTest, WhatADroppedMemberHeldGoesToAnotherInItsOrder) {
  expect(dropped_member(queue(), topic()));
}

Task<> left_group(Queue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  const std::vector<Message> some = messages(topic, 6, 1);
  co_await queue.publish(some);
  const std::vector<Delivery> got = co_await take(*consumer, 6);
  if (got.size() != 6) co_return;
  co_await consumer->acknowledge(std::span(got).first(4));
  co_await consumer->close();
  const Result<> late = co_await as_result(consumer->acknowledge(std::span(got).last(2)));
  EXPECT_TRUE(!late && late.error().reason() == "DELIVERY_LOST");
  const auto closed = co_await as_result(consumer->receive(1, 0ms));
  EXPECT_TRUE(!closed && closed.error().code() == Code::unavailable);
  co_await consumer->close();  // again: nothing

  auto next = co_await join(queue, topic);
  const std::vector<Delivery> rest = co_await take(*next, 2);
  if (rest.size() != 2) co_return;
  EXPECT_EQ(rest[0].message.id, some[4].id);
  EXPECT_EQ(rest[1].message.id, some[5].id);
  co_await next->acknowledge(rest);
}

TEST_F(RedeliveryTest, AMemberThatLeftHasLostWhatItHeld) {
  expect(left_group(queue(), topic()));
}

Task<> leaves_unread(Queue& queue, std::string topic) {
  Log log;
  {
    auto consumer = co_await join(queue, topic);
    const std::vector<Message> some = messages(topic, 100, 5);
    co_await queue.publish(some);
    const std::vector<Delivery> got = co_await take(*consumer, 1);
    co_await consumer->acknowledge(got);
    log.add(got);
  }
  auto next = co_await join(queue, topic);
  co_await drain(*next, log, 100, 100);
  EXPECT_EQ(log.count(), 100);
  EXPECT_TRUE(log.is_ordered());
}

TEST_F(RedeliveryTest, WhatAMemberDidNotReceiveIsNotItsOwn) {
  expect(leaves_unread(queue(), topic()));
}

Task<> acknowledge_twice(Queue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  const std::vector<Message> some = messages(topic, 2, 1);
  co_await queue.publish(some);
  const std::vector<Delivery> got = co_await take(*consumer, 2);
  const std::span<const Delivery> nothing;
  co_await consumer->acknowledge(nothing);
  std::vector<Delivery> forged(1, got.front());
  for (const char* position : {"", "x", "t/0/-1", "t/0/99999999999999999999", "no/7/1"}) {
    forged[0].position = position;
    const Result<> refused = co_await as_result(consumer->acknowledge(forged));
    EXPECT_TRUE(!refused && refused.error().reason() == "DELIVERY_LOST") << position;
  }
  co_await consumer->acknowledge(got);
}

TEST_F(RedeliveryTest, APositionThatIsNoneIsRefused) {
  expect(acknowledge_twice(queue(), topic()));
}

}  // namespace
}  // namespace kit::tests
