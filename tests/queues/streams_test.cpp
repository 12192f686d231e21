// SPDX-License-Identifier: Apache-2.0
// What only streams of Redis do: shares, bounds, and what others do to their keys.
#include "kit/adapters/redis/streams.hpp"

#include "kit/adapters/redis/metrics.hpp"
#include "kit/telemetry/registry.hpp"
#include "suite.hpp"
#include "tests/databases/server_control.hpp"

namespace kit::tests {
namespace {

using redis::Client;
using redis::StreamOptions;
using redis::StreamQueue;

class StreamsTest : public ::testing::Test {
 protected:
  StreamsTest() {
    options.partitions = 4;
    options.redeliver_after = Backend::redeliver_after;
  }
  std::unique_ptr<StreamQueue> open() { return redis::open_streams(client, options).value(); }
  void expect(Task<> task) {
    const Result<> done = kit::run(*loop_, std::move(task));
    EXPECT_TRUE(done.ok()) << done.error().describe();
  }
  static std::shared_ptr<Client> connect() {
    redis::RedisOptions to;
    to.dsn = Secret<std::string>(setting("KIT_TEST_DSN"));
    return redis::open(std::move(to)).value();
  }

 private:
  std::unique_ptr<Loop> loop_ = make_epoll_loop().value();

 protected:
  std::shared_ptr<Client> client = connect();
  StreamOptions options;
  const std::string topic = "t-" + Uuid::make_v7().to_string();
};

Task<redis::Reply> command(std::shared_ptr<Client> client, std::vector<std::string> words) {
  std::vector<std::string_view> views(words.begin(), words.end());
  co_return co_await client->command(views);
}

std::string partition_of(const Delivery& delivery) {
  return delivery.position.substr(0, delivery.position.rfind('/'));
}

Task<> shares(StreamQueue& queue, std::string topic) {
  auto first = co_await join(queue, topic);
  const std::vector<Message> some = messages(topic, 64, 32);
  co_await queue.publish(some);
  Log log;
  co_await drain(*first, log, 64, 100);
  EXPECT_EQ(queue.stats().acquired, 4u);
  telemetry::Registry registry;
  redis::add_metrics(registry, queue);
  std::string metrics;
  registry.write_text(metrics);
  for (const std::string_view line :
       {"\nredis_stream_messages_published_total 64\n",
        "\nredis_stream_messages_received_total 64\n",
        "\nredis_stream_messages_redelivered_total 0\n", "\nredis_streams_acquired_total 4\n",
        "\nredis_streams_lost_total 0\n", "\nredis_stream_messages_refused_total 0\n",
        "\nredis_stream_messages_removed_total 0\n"})
    EXPECT_NE(metrics.find(line), metrics.npos) << line << metrics;
  auto second = co_await join(queue, topic);
  // The second asks, the first hears of it and gives up half.
  const auto end = Clock::now() + enough;
  while (queue.stats().acquired < 6 && Clock::now() < end) {
    co_await first->receive(1, 50ms);
    co_await second->receive(1, 50ms);
  }
  EXPECT_EQ(queue.stats().acquired, 6u);
  const std::vector<Message> more = messages(topic, 64, 32, 2);
  co_await queue.publish(more);
  std::map<std::string, int> readers;
  for (Consumer* consumer : {first.get(), second.get()}) {
    for (int i = 0; i < 10; ++i) {
      const std::vector<Delivery> got = co_await consumer->receive(100, 50ms);
      for (const Delivery& delivery : got) readers[partition_of(delivery)] = 1;
      co_await consumer->acknowledge(got);
    }
  }
  EXPECT_EQ(readers.size(), 4u);
  EXPECT_EQ(queue.stats().acquired, 6u);  // nothing went to and fro
  EXPECT_EQ(queue.stats().lost, 0u);
  co_await second->close();
  while (queue.stats().acquired < 8 && Clock::now() < end) co_await first->receive(1, 50ms);
  EXPECT_EQ(queue.stats().acquired, 8u);
  co_await first->close();
}

TEST_F(StreamsTest, MembersHaveEqualShares) {
  auto queue = open();
  expect(shares(*queue, topic));
}

Task<> publish_numbers(StreamQueue& queue, std::string topic, int from, int to) {
  std::vector<Message> some;
  for (int i = from; i < to; ++i) some.push_back(message(topic, "k", i));
  co_await queue.publish(some);
}

Task<> full(StreamQueue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  co_await publish_numbers(queue, topic, 0, 200);
  const Result<> refused = co_await as_result(publish_numbers(queue, topic, 200, 201));
  EXPECT_TRUE(!refused && refused.error().code() == Code::resource_exhausted);
  EXPECT_TRUE(!refused && refused.error().reason() == "QUEUE_FULL");
  EXPECT_EQ(queue.stats().full, 1u);
  // What is acknowledged makes room; what is only delivered does not.
  const std::vector<Delivery> got = co_await take(*consumer, 200);
  const Result<> still = co_await as_result(publish_numbers(queue, topic, 200, 201));
  EXPECT_TRUE(!still && still.error().reason() == "QUEUE_FULL");
  co_await consumer->acknowledge(std::span(got).first(100));
  co_await publish_numbers(queue, topic, 200, 300);
  const Result<> again = co_await as_result(publish_numbers(queue, topic, 300, 301));
  EXPECT_TRUE(!again && again.error().reason() == "QUEUE_FULL");
  co_await consumer->acknowledge(std::span(got).last(100));
  const std::vector<Delivery> rest = co_await take(*consumer, 100);
  if (rest.empty()) co_return;
  EXPECT_EQ(rest.front().message.payload, "200");
  EXPECT_EQ(rest.back().message.payload, "299");
  co_await consumer->acknowledge(rest);
  EXPECT_EQ(queue.stats().removed, 0u);
  co_await consumer->close();
}

TEST_F(StreamsTest, AFullStreamRefusesAndLosesNothing) {
  options.partitions = 1;
  options.most_kept = 200;
  auto queue = open();
  expect(full(*queue, topic));
}

Task<> largest(StreamQueue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  for (int i = 0; i < 150; i += 10) {
    std::vector<Message> some;
    for (int j = 0; j < 10; ++j) {
      some.push_back(message(topic, "k", i + j));
      some.back().payload.resize(queue::payload_limit, ' ');
    }
    co_await queue.publish(some);
  }
  const std::vector<Delivery> lost = co_await consumer->receive(1'000, enough);
  EXPECT_FALSE(lost.empty());
  co_await consumer->close();
  auto next = co_await join(queue, topic);
  Log log;
  co_await drain(*next, log, 150, 1'000);
  EXPECT_EQ(log.count(), 150);
  EXPECT_TRUE(log.is_ordered());
  co_await next->close();
}

TEST_F(StreamsTest, ManyOfTheLargestMessagesAreReadInParts) {
  options.partitions = 1;
  auto queue = open();
  expect(largest(*queue, topic));
}

Task<> without_groups(StreamQueue& queue, std::string topic) {
  for (int i = 0; i < 1'000; i += 100) co_await publish_numbers(queue, topic, i, i + 100);
  auto consumer = co_await join(queue, topic);
  const std::vector<Delivery> got = co_await take(*consumer, 200);
  if (got.empty()) co_return;
  EXPECT_EQ(got.front().message.payload, "800");
  EXPECT_EQ(got.back().message.payload, "999");
  co_await consumer->acknowledge(got);
  co_await consumer->close();
}

TEST_F(StreamsTest, WithoutAGroupTheNewestAreKept) {
  options.partitions = 1;
  options.most_kept = 200;
  auto queue = open();
  expect(without_groups(*queue, topic));
}

Task<> removed_by_others(StreamQueue& queue, std::shared_ptr<Client> client, std::string topic) {
  auto consumer = co_await join(queue, topic);
  co_await publish_numbers(queue, topic, 0, 3);
  const std::vector<Delivery> got = co_await take(*consumer, 3);
  if (got.size() != 3) co_return;
  const std::string id = got[1].position.substr(got[1].position.rfind('/') + 1);
  const std::vector<std::string> words{"XDEL", "kit:queue:{" + topic + ":0}", id};
  co_await command(client, words);
  // The others come again; of this one it is counted and said that it is gone.
  const std::vector<Delivery> again = co_await take(*consumer, 2);
  if (again.size() != 2) co_return;
  EXPECT_EQ(again[0].message.payload, "0");
  EXPECT_EQ(again[1].message.payload, "2");
  EXPECT_EQ(again[0].attempt, 2);
  EXPECT_EQ(queue.stats().removed, 1u);
  co_await consumer->acknowledge(again);
  const std::vector<Delivery> none = co_await consumer->receive(10, Backend::redeliver_after * 2);
  EXPECT_TRUE(none.empty());
  co_await consumer->close();
}

TEST_F(StreamsTest, WhatOthersRemoveIsCounted) {
  options.partitions = 1;
  auto queue = open();
  expect(removed_by_others(*queue, client, topic));
}

Task<> stolen(StreamQueue& queue, std::shared_ptr<Client> client, std::string topic) {
  auto consumer = co_await join(queue, topic);
  co_await publish_numbers(queue, topic, 0, 2);
  const std::vector<Delivery> got = co_await take(*consumer, 2);
  // As after a fail-over that forgot the lease: another member has the stream now.
  const std::string lease = "kit:queue:{" + topic + ":0}:reader:g";
  const std::vector<std::string> words{"SET", lease, "another 1", "PX", "1000"};
  co_await command(client, words);
  const Result<> late = co_await as_result(consumer->acknowledge(got));
  EXPECT_TRUE(!late && late.error().reason() == "DELIVERY_LOST");
  EXPECT_EQ(queue.stats().lost, 1u);
  const std::vector<Delivery> none = co_await consumer->receive(10, 100ms);
  EXPECT_TRUE(none.empty());
  // When that one is gone they come again.
  const std::vector<Delivery> again = co_await take(*consumer, 2);
  if (again.size() != 2) co_return;
  EXPECT_EQ(again[0].message.payload, "0");
  EXPECT_GE(again[0].attempt, 2);
  co_await consumer->acknowledge(again);
  co_await consumer->close();
}

TEST_F(StreamsTest, WhoLostAStreamAcknowledgesNothing) {
  options.partitions = 1;
  auto queue = open();
  expect(stolen(*queue, client, topic));
}

Task<> partitions_stay(StreamQueue& queue, StreamQueue& other, std::string topic) {
  co_await publish_numbers(queue, topic, 0, 10);
  co_await publish_numbers(other, topic, 10, 20);
  auto consumer = co_await join(other, topic);
  const std::vector<Delivery> got = co_await take(*consumer, 20);
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].message.payload, std::to_string(i));
    EXPECT_EQ(partition_of(got[i]), partition_of(got[0]));
  }
  co_await consumer->acknowledge(got);
  co_await consumer->close();
}

TEST_F(StreamsTest, ATopicKeepsItsPartitionsWhateverTheSetting) {
  auto queue = open();
  options.partitions = 7;
  auto other = open();
  expect(partitions_stay(*queue, *other, topic));
}

Task<> group_removed(StreamQueue& queue, std::shared_ptr<Client> client, std::string topic) {
  auto consumer = co_await join(queue, topic);
  co_await publish_numbers(queue, topic, 0, 2);
  const std::vector<Delivery> got = co_await take(*consumer, 2);
  co_await consumer->acknowledge(got);
  const std::vector<std::string> words{"XGROUP", "DESTROY", "kit:queue:{" + topic + ":0}", "g"};
  co_await command(client, words);
  const auto failed = co_await as_result(consumer->receive(1, 5s));
  EXPECT_TRUE(!failed && failed.error().reason() == "REDIS_NOGROUP");
  co_await consumer->close();
  auto next = co_await join(queue, topic);
  const std::vector<Delivery> again = co_await take(*next, 2);
  co_await next->acknowledge(again);
  co_await next->close();
}

TEST_F(StreamsTest, ARemovedGroupIsAnError) {
  options.partitions = 1;
  auto queue = open();
  expect(group_removed(*queue, client, topic));
}

Task<> server_dies(StreamQueue& queue, std::string topic) {
  auto consumer = co_await join(queue, topic);
  co_await publish_numbers(queue, topic, 0, 2);
  control_server("kill");
  const auto begun = Clock::now();
  const Result<> sent = co_await as_result(with_deadline(5s, publish_numbers(queue, topic, 2, 4)));
  EXPECT_FALSE(sent.ok());
  const auto got = co_await as_result(with_deadline(5s, consumer->receive(1, 1s)));
  EXPECT_FALSE(got.ok());
  EXPECT_LT(Clock::now() - begun, 15s);
  control_server("start");
  // It kept nothing: what matters is that everything goes on.
  const auto end = Clock::now() + enough;
  bool is_back = false;
  while (!is_back && Clock::now() < end) {
    is_back = (co_await as_result(publish_numbers(queue, topic, 5, 6))).ok();
    if (!is_back) co_await sleep_for(50ms);
  }
  EXPECT_TRUE(is_back);
  bool came = false;
  while (!came && Clock::now() < end) {
    const auto next = co_await as_result(consumer->receive(10, 200ms));
    if (!next || next->empty()) continue;
    came = next->back().message.payload == "5";
    co_await consumer->acknowledge(*next);
  }
  EXPECT_TRUE(came);
  co_await consumer->close();
}

TEST_F(StreamsTest, AServerThatIsBackIsUsedAgain) {
  if (setting("KIT_TEST_DSN").starts_with("redis+cluster")) {
    GTEST_SKIP() << "the cluster's loss of a node is tested with the client";
  }
  options.partitions = 1;
  auto queue = open();
  expect(server_dies(*queue, topic));
}

TEST_F(StreamsTest, OptionsThatCannotBeRight) {
  const auto reason = [this](auto change) {
    StreamOptions bad;
    change(bad);
    const auto opened = redis::open_streams(client, bad);
    return opened.ok() ? "" : opened.error().reason();
  };
  EXPECT_EQ(reason([](auto&) {}), "");
  EXPECT_EQ(reason([](auto& o) { o.partitions = 0; }), "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto& o) { o.partitions = 257; }), "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto& o) { o.partitions = 256; }), "");
  EXPECT_EQ(reason([](auto& o) { o.most_kept = 199; }), "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto& o) { o.most_held = 0; }), "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto& o) { o.redeliver_after = 99ms; }), "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto& o) { o.prefix = "a{b}"; }), "QUEUE_OPTIONS_INVALID");
  EXPECT_EQ(reason([](auto& o) { o.prefix = std::string(65, 'p'); }), "QUEUE_OPTIONS_INVALID");
}

}  // namespace
}  // namespace kit::tests
