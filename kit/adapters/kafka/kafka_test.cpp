// SPDX-License-Identifier: Apache-2.0
// What the brokers do to a producer. What every queue promises is in tests/queues.
#include "kit/adapters/kafka/kafka.hpp"

#include <gtest/gtest.h>

#include "kit/adapters/kafka/metrics.hpp"
#include "kit/adapters/kafka/test_cluster.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::kafka {
namespace {

using namespace std::chrono_literals;
using queue::Consumer;
using queue::Delivery;
using queue::Message;

class KafkaTest : public ::testing::Test {
 protected:
  void SetUp() override { cluster_.create("t", 4); }
  std::unique_ptr<KafkaQueue> open() { return kafka::open(options_).value(); }
  template <class T>
  Result<T> run(Task<T> task) {
    return kit::run(*loop_, std::move(task));
  }
  TestCluster cluster_;
  KafkaOptions options_ = cluster_.options();
  std::unique_ptr<Loop> loop_ = make_epoll_loop().value();
};

Message message(int number, std::string key = "k") {
  Message made;
  made.id = "m" + std::to_string(number);
  made.topic = "t";
  made.key = std::move(key);
  made.type = "T";
  made.payload = "{}";
  return made;
}

Task<> publish(KafkaQueue& queue, int from, int to) {
  std::vector<Message> messages;
  for (int i = from; i < to; ++i) messages.push_back(message(i));
  co_await queue.publish(messages);
}

/// The ids of so many messages of a new group, in their order, repetitions left out.
Task<std::vector<std::string>> read_all(KafkaQueue& queue, std::size_t count) {
  std::vector<std::string> topics(1, "t");
  auto consumer = co_await queue.subscribe("reader", topics);
  std::vector<std::string> ids;
  while (ids.size() < count) {
    const std::vector<Delivery> got = co_await consumer->receive(100, 20s);
    if (got.empty()) break;
    for (const Delivery& delivery : got) {
      if (std::ranges::find(ids, delivery.message.id) == ids.end()) {
        ids.push_back(delivery.message.id);
      }
    }
    co_await consumer->acknowledge(got);
  }
  co_await consumer->close();
  co_return ids;
}

std::vector<std::string> numbered(int count) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) ids.push_back("m" + std::to_string(i));
  return ids;
}

Task<> in_order(KafkaQueue& queue) {
  co_await publish(queue, 0, 50);
  co_await publish(queue, 50, 100);
  const auto ids = co_await read_all(queue, 100);
  EXPECT_EQ(ids, numbered(100));
}

TEST_F(KafkaTest, RefusalsThatPassKeepTheOrderOfAKey) {
  auto queue = open();
  cluster_.fail(TestCluster::produce,
                {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                 RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
                 RD_KAFKA_RESP_ERR__TRANSPORT});
  const auto done = run(in_order(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(queue->stats().published, 100u);
  EXPECT_EQ(queue->stats().pending, 0u);
  EXPECT_TRUE(queue->health().ok());
}

Task<> leader_changes(KafkaQueue& queue, TestCluster& cluster) {
  for (int i = 0; i < 60; i += 10) {
    for (int partition = 0; partition < 4; ++partition) {
      cluster.lead("t", partition, 1 + i / 10 % 3);
    }
    co_await publish(queue, i, i + 10);
  }
  const auto ids = co_await read_all(queue, 60);
  EXPECT_EQ(ids, numbered(60));
}

TEST_F(KafkaTest, AnotherLeaderGoesOnInOrder) {
  auto queue = open();
  const auto done = run(leader_changes(*queue, cluster_));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(KafkaTest, ItsMetricsMove) {
  auto queue = open();
  telemetry::Registry registry;
  add_metrics(registry, *queue);
  const auto has = [&registry](const char* line) {
    std::string text;
    registry.write_text(text);
    return text.find("\n" + std::string(line) + "\n") != text.npos;
  };
  EXPECT_TRUE(has("kafka_messages_published_total 0"));
  const auto done = run(in_order(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  for (const char* line :
       {"kafka_messages_published_total 100", "kafka_messages_received_total 100",
        "kafka_messages_redelivered_total 0", "kafka_messages_pending 0",
        "kafka_messages_refused_total 0", "kafka_producers_opened_total 1",
        "kafka_partitions_revoked_total 4", "kafka_healthy 1"})
    EXPECT_TRUE(has(line)) << line;
  cluster_.fail(TestCluster::produce, {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED});
  EXPECT_FALSE(run(publish(*queue, 100, 101)).ok());
  EXPECT_TRUE(has("kafka_messages_refused_total 1"));
}

struct Refusal {
  rd_kafka_resp_err_t error;
  Code code;
};

TEST_F(KafkaTest, RefusalsThatStayAreTyped) {
  for (const Refusal& refusal :
       {Refusal{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, Code::permission_denied},
        Refusal{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Code::invalid_argument},
        Refusal{RD_KAFKA_RESP_ERR_INVALID_RECORD, Code::invalid_argument}}) {
    auto queue = open();
    cluster_.fail(TestCluster::produce, {refusal.error});
    const auto done = run(publish(*queue, 0, 1));
    EXPECT_EQ(done.error().code(), refusal.code) << done.error().describe();
    EXPECT_TRUE(done.error().reason().starts_with("KAFKA_")) << done.error().reason();
    EXPECT_EQ(queue->stats().refused, 1u);
    EXPECT_EQ(queue->stats().pending, 0u);
  }
}

TEST_F(KafkaTest, ATopicThatIsRefusedIsTyped) {
  options_.publish_limit = 1s;
  auto queue = open();
  cluster_.fail_topic("t", RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  const auto done = run(publish(*queue, 0, 1));
  EXPECT_EQ(done.error().code(), Code::permission_denied) << done.error().describe();
}

TEST_F(KafkaTest, BrokersThatAreDownAreUnavailableInTime) {
  options_.publish_limit = 1s;
  auto queue = open();
  cluster_.set_up(false);
  const auto begun = Clock::now();
  const auto done = run(publish(*queue, 0, 3));
  EXPECT_EQ(done.error().code(), Code::unavailable) << done.error().describe();
  EXPECT_EQ(done.error().reason(), "KAFKA_UNCONFIRMED");
  EXPECT_LT(Clock::now() - begun, 10s);
  EXPECT_FALSE(queue->health().ok());
  telemetry::Registry registry;
  add_metrics(registry, *queue);
  std::string metrics;
  registry.write_text(metrics);
  EXPECT_NE(metrics.find("\nkafka_healthy 0\n"), metrics.npos) << metrics;
  cluster_.set_up(true);
  // The first were given up as a whole: nothing of them comes behind what is published now.
  options_.publish_limit = 20s;
  const auto again = [](KafkaQueue& healed) -> Task<> {
    for (int i = 0; i < 100; ++i) {
      const Result<> sent = co_await as_result(publish(healed, 0, 5));
      if (sent) break;
    }
    const auto ids = co_await read_all(healed, 5);
    EXPECT_EQ(ids, numbered(5));
  };
  const auto healed = run(again(*queue));
  EXPECT_TRUE(healed.ok()) << healed.error().describe();
  EXPECT_GE(queue->stats().producers, 2u);
}

TEST_F(KafkaTest, TheDeadlineOfATaskEndsItsWait) {
  auto queue = open();
  cluster_.set_up(false);
  const auto done = run(with_deadline(200ms, publish(*queue, 0, 3)));
  EXPECT_EQ(done.error().code(), Code::deadline_exceeded) << done.error().describe();
  // They are still on their way, in their order.
  EXPECT_EQ(queue->stats().pending, 3u);
  cluster_.set_up(true);
  const auto ids = run(read_all(*queue, 3));
  ASSERT_TRUE(ids.ok()) << ids.error().describe();
  EXPECT_EQ(*ids, numbered(3));
}

Task<> past_the_bound(KafkaQueue& queue, TestCluster& cluster) {
  cluster.set_up(false);
  TaskGroup group("publishing");
  group.spawn(publish(queue, 0, 3));  // as many as there is room for
  const Result<> full = co_await as_result(with_deadline(300ms, publish(queue, 90, 91)));
  EXPECT_EQ(full.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(queue.stats().pending, 3u);
  group.spawn(publish(queue, 3, 6));
  cluster.set_up(true);
  co_await group.join();
  const auto ids = co_await read_all(queue, 6);
  EXPECT_EQ(ids, numbered(6));
}

TEST_F(KafkaTest, WhoPublishesPastTheBoundWaits) {
  options_.most_pending = 3;
  auto queue = open();
  const auto done = run(past_the_bound(*queue, cluster_));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

TEST_F(KafkaTest, PastTheBoundAndTheLimitItIsBusy) {
  options_.most_pending = 2;
  options_.publish_limit = 500ms;
  auto queue = open();
  cluster_.set_up(false);
  const auto done = run(publish(*queue, 0, 3));
  EXPECT_EQ(done.error().code(), Code::resource_exhausted) << done.error().describe();
  EXPECT_EQ(done.error().reason(), "QUEUE_BUSY");
}

Task<> close_under_way(KafkaQueue& queue) {
  TaskGroup group("publishing");
  group.spawn(publish(queue, 0, 500));
  co_await queue.close();
  EXPECT_EQ(queue.stats().pending, 0u);
  co_await group.join();
  const Result<> after = co_await as_result(publish(queue, 0, 1));
  EXPECT_EQ(after.error().reason(), "QUEUE_CLOSED");
}

TEST_F(KafkaTest, ClosingAwaitsWhatIsUnderWay) {
  cluster_.delay(50ms);
  auto queue = open();
  const auto done = run(close_under_way(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(queue->stats().published, 500u);
}

Task<> close_in_vain(KafkaQueue& queue) {
  TaskGroup group("publishing");
  const auto fails = [](KafkaQueue& closing) -> Task<> {
    const Result<> sent = co_await as_result(publish(closing, 0, 3));
    EXPECT_EQ(sent.error().code(), Code::unavailable) << sent.error().describe();
  };
  group.spawn(fails(queue));
  const Result<> closed = co_await as_result(queue.close());
  EXPECT_EQ(closed.error().code(), Code::deadline_exceeded);
  co_await group.join();
}

TEST_F(KafkaTest, ClosingGivesUpInTime) {
  options_.close_limit = 300ms;
  auto queue = open();
  cluster_.set_up(false);
  const auto done = run(close_in_vain(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(queue->stats().pending, 0u);
}

TEST_F(KafkaTest, ADroppedQueueGivesUpWhatIsUnderWay) {
  cluster_.set_up(false);
  {
    auto queue = open();
    EXPECT_FALSE(run(with_deadline(100ms, publish(*queue, 0, 100))).ok());
  }
  cluster_.set_up(true);
  auto queue = open();
  EXPECT_TRUE(run(publish(*queue, 0, 1)).ok());
}

TEST_F(KafkaTest, OptionsThatCannotBeRight) {
  const auto reason = [this](auto change) {
    KafkaOptions options = options_;
    change(options);
    const auto opened = kafka::open(options);
    return opened.ok() ? "" : opened.error().reason();
  };
  EXPECT_EQ(reason([](auto& o) { o.most_pending = 0; }), "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto& o) { o.redeliver_after = 0ms; }), "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto& o) { o.linger = -1ms; }), "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto& o) { o.dsn = Secret<std::string>("redis://x"); }), "DSN_INVALID");
  EXPECT_EQ(reason([](auto& o) {
              o.dsn = Secret<std::string>("kafka://b?tls=verify-full");
              o.ca_file = "/nowhere/ca.pem";
            }),
            "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto&) {}), "");
}

}  // namespace
}  // namespace kit::kafka
