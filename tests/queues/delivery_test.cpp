// SPDX-License-Identifier: Apache-2.0
// Every message arrives, at least once, in the order of its key.
#include <thread>

#include "suite.hpp"

namespace kit::tests {
namespace {

class DeliveryTest : public QueueTest {};

void expect_same(const Message& seen, const Message& sent) {
  EXPECT_EQ(seen.id, sent.id);
  EXPECT_EQ(seen.topic, sent.topic);
  EXPECT_EQ(seen.key, sent.key);
  EXPECT_EQ(seen.type, sent.type);
  EXPECT_EQ(seen.payload, sent.payload);
  EXPECT_EQ(seen.created_at, sent.created_at);
  EXPECT_EQ(seen.headers, sent.headers);
}

Task<> there_and_back(Queue& queue, Message sent) {
  auto consumer = co_await join(queue, sent.topic);
  const std::vector<Message> one(1, sent);
  co_await queue.publish(one);
  const std::vector<Delivery> got = co_await take(*consumer, 1);
  if (got.size() != 1) co_return;
  expect_same(got[0].message, sent);
  EXPECT_EQ(got[0].attempt, 1);
  EXPECT_FALSE(got[0].position.empty());
  co_await consumer->acknowledge(got);
  co_await consumer->close();
}

TEST_F(DeliveryTest, AMessageArrivesAsItWas) {
  Message sent = message(topic(), std::string("\0k\xff\r\n", 5), 0);
  sent.payload = "{\"name\":\"Zo\xc3\xab\"}";
  sent.created_at.since_epoch = std::chrono::microseconds(1'700'000'000'123'457);
  sent.headers.emplace_back("traceparent",
                            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  sent.headers.emplace_back("empty", "");
  expect(there_and_back(queue(), std::move(sent)));
}

TEST_F(DeliveryTest, SoDoesOneAtEveryLimit) {
  const std::string id = topic() + "-";
  const std::string name = create_topic(id + std::string(queue::topic_limit - id.size(), 't'));
  Message sent = message(name, std::string(queue::key_limit, '\xff'), 0);
  sent.id = std::string(queue::id_limit, '~');
  sent.type = std::string(queue::type_limit, 'T');
  sent.payload = std::string(queue::payload_limit, '\0');
  for (std::size_t i = 0; i < queue::most_headers; ++i) {
    std::string header = "h" + std::to_string(i);
    header.resize(queue::header_name_limit, '_');
    sent.headers.emplace_back(std::move(header), std::string(queue::header_value_limit, '~'));
  }
  expect(there_and_back(queue(), std::move(sent)));
}

Task<> past_limits(Queue& queue, std::string topic) {
  std::vector<Message> bad(6, message(topic, "k", 99));
  bad[0].key += std::string(queue::key_limit, 'k');
  bad[1].payload = std::string(queue::payload_limit + 1, ' ');
  bad[2].topic = "^t.*";
  bad[3].topic = std::string(queue::topic_limit + 1, 't');
  bad[4].key.clear();
  bad[5].id = "with blank";
  for (const Message& message : bad) {
    // Nothing of it is kept, not even what is right.
    std::vector<Message> both = messages(topic, 1, 1, 98);
    both.push_back(message);
    const Result<> refused = co_await as_result(queue.publish(both));
    EXPECT_TRUE(!refused && refused.error().code() == Code::invalid_argument);
  }
  const std::vector<Message> many = messages(topic, static_cast<int>(queue::most_messages) + 1, 1);
  const Result<> refused = co_await as_result(queue.publish(many));
  EXPECT_TRUE(!refused && refused.error().code() == Code::invalid_argument);
  auto consumer = co_await join(queue, topic);
  co_await queue.publish(std::span<const Message>(many).first(queue::most_messages));
  Log log;
  co_await drain(*consumer, log, static_cast<int>(queue::most_messages), queue::most_messages);
  EXPECT_EQ(log.count(), static_cast<int>(queue::most_messages));
  EXPECT_TRUE(log.is_ordered());
}

TEST_F(DeliveryTest, PastALimitNothingIsKept) {
  expect(past_limits(queue(), topic()));
}

Task<> in_order(Queue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  const std::span<const Message> nothing;
  co_await queue.publish(nothing);
  for (int i = 0; i < 10; ++i) {
    const std::vector<Message> some = messages(topic, 30, 10, i * 3);
    co_await queue.publish(some);
  }
  Log log;
  co_await drain(*consumer, log, 300, 7);
  EXPECT_EQ(log.count(), 300);
  EXPECT_TRUE(log.is_ordered());
}

TEST_F(DeliveryTest, InTheOrderOfEachKey) {
  expect(in_order(queue(), topic()));
}

Task<> shared_keys(Queue& queue, std::string topic) {
  auto first = co_await join(queue, topic);
  auto second = co_await join(queue, topic);
  auto third = co_await join(queue, topic);
  Log log;  // of all members, as it came
  TaskGroup group("members");
  for (Consumer* consumer : {first.get(), second.get(), third.get()}) {
    group.spawn(drain(*consumer, log, 400, 5));
  }
  for (int i = 0; i < 20; ++i) {
    const std::vector<Message> some = messages(topic, 20, 20, i);
    co_await queue.publish(some);
    co_await sleep_for(20ms);  // so that they arrive while members take others
  }
  co_await group.join();
  EXPECT_EQ(log.count(), 400);
  EXPECT_TRUE(log.is_ordered());
}

TEST_F(DeliveryTest, WhateverMembersShareAGroup) {
  expect(shared_keys(queue(), topic()));
}

Task<> two_groups(Queue& queue, std::string topic) {
  auto first = co_await join(queue, topic, "one");
  const std::vector<Message> some = messages(topic, 20, 5);
  co_await queue.publish(some);
  Log log;
  co_await drain(*first, log, 20, 100);
  EXPECT_EQ(log.count(), 20);
  // A group that comes later finds what the broker still has.
  auto second = co_await join(queue, topic, "two");
  Log other;
  co_await drain(*second, other, 20, 100);
  EXPECT_EQ(other.count(), 20);
  EXPECT_TRUE(other.is_ordered());
}

TEST_F(DeliveryTest, EveryGroupGetsEveryMessage) {
  expect(two_groups(queue(), topic()));
}

Task<> two_topics(Queue& queue, std::vector<std::string> topics) {
  auto consumer = co_await queue.subscribe("g", topics);
  std::vector<Message> some = messages(topics[0], 10, 1);
  const std::vector<Message> others = messages(topics[1], 10, 1, 10);
  some.insert(some.end(), others.begin(), others.end());
  co_await queue.publish(some);
  const std::vector<Delivery> got = co_await take(*consumer, 20);
  std::map<std::string, int> count;
  for (const Delivery& delivery : got) ++count[delivery.message.topic];
  EXPECT_EQ(count[topics[0]], 10);
  EXPECT_EQ(count[topics[1]], 10);
  co_await consumer->acknowledge(got);
}

TEST_F(DeliveryTest, OfSeveralTopics) {
  const std::string other = create_topic(topic() + "-other");
  expect(two_topics(queue(), {topic(), other}));
}

Task<> publish_key(Queue& queue, std::string topic, std::string key) {
  for (int i = 0; i < 50; ++i) {
    const std::vector<Message> one(1, message(topic, key, i));
    co_await queue.publish(one);
  }
}

Task<> collect(Queue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  Log log;
  co_await drain(*consumer, log, 200, 50);
  EXPECT_EQ(log.count(), 200);
  EXPECT_TRUE(log.is_ordered());
}

TEST_F(DeliveryTest, FromSeveralThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      auto loop = make_epoll_loop().value();
      const Result<> done = kit::run(*loop, publish_key(queue(), topic(), "k" + std::to_string(i)));
      EXPECT_TRUE(done.ok()) << done.error().describe();
    });
  }
  expect(collect(queue(), topic()));
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace kit::tests
