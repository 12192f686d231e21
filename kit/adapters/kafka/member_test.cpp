// SPDX-License-Identifier: Apache-2.0
// Members of a group: what becomes of partitions when they come and go.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <set>

#include "kit/adapters/kafka/kafka.hpp"
#include "kit/adapters/kafka/test_cluster.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"

namespace kit::kafka {
namespace {

using namespace std::chrono_literals;
using queue::Consumer;
using queue::Delivery;
using queue::Message;

class KafkaMemberTest : public ::testing::Test {
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

Task<> publish(KafkaQueue& queue, int from, int to) {
  std::vector<Message> messages;
  for (int i = from; i < to; ++i) {
    Message& made = messages.emplace_back();
    made.id = "m" + std::to_string(i);
    made.topic = "t";
    made.key = "k" + std::to_string(i % 16);
    made.type = "T";
  }
  co_await queue.publish(messages);
}

Task<std::unique_ptr<Consumer>> join(KafkaQueue& queue) {
  std::vector<std::string> topics(1, "t");
  co_return co_await queue.subscribe("g", topics);
}

std::string partition_of(const Delivery& delivery) {
  return delivery.position.substr(0, delivery.position.rfind('/'));
}

/// Receives and acknowledges until the member has had `count` messages or nothing comes for `wait`.
Task<std::vector<Delivery>> take(Consumer& consumer, std::size_t count,
                                 std::chrono::milliseconds wait) {
  std::vector<Delivery> all;
  while (all.size() < count) {
    const std::vector<Delivery> got = co_await consumer.receive(count - all.size(), wait);
    if (got.empty()) break;
    const Result<> done = co_await as_result(consumer.acknowledge(got));
    if (!done && done.error().code() != Code::aborted) co_await done.error().clone();
    all.insert(all.end(), got.begin(), got.end());
  }
  co_return all;
}

Task<> two_members(KafkaQueue& queue) {
  auto first = co_await join(queue);
  co_await publish(queue, 0, 64);
  std::vector<Delivery> early;
  while (early.size() < 64) {
    const std::vector<Delivery> got = co_await first->receive(1'000, 20s);
    if (got.empty()) break;
    early.insert(early.end(), got.begin(), got.end());
  }
  EXPECT_EQ(early.size(), 64u);
  auto second = co_await join(queue);
  // The second gets partitions of the first, which has acknowledged nothing of them.
  std::vector<Delivery> moved;
  const auto end = Clock::now() + 40s;
  while (moved.empty() && Clock::now() < end) {
    const std::vector<Delivery> more = co_await first->receive(1'000, 100ms);
    moved = co_await second->receive(1'000, 100ms);
  }
  EXPECT_FALSE(moved.empty());
  std::set<std::string> theirs;
  for (const Delivery& delivery : moved) theirs.insert(partition_of(delivery));
  std::vector<Delivery> lost;
  for (const Delivery& delivery : early) {
    if (theirs.contains(partition_of(delivery))) lost.push_back(delivery);
  }
  EXPECT_FALSE(lost.empty());
  const Result<> late = co_await as_result(first->acknowledge(lost));
  EXPECT_TRUE(!late && late.error().reason() == "DELIVERY_LOST");
  co_await second->acknowledge(moved);
  EXPECT_GE(queue.stats().revoked, 1u);
  co_await first->close();
  // All that nobody has acknowledged comes to the one that is left: nothing is lost.
  std::set<std::string> seen;
  for (const Delivery& delivery : moved) seen.insert(delivery.message.id);
  while (seen.size() < 64) {
    const std::vector<Delivery> rest = co_await take(*second, 1, 20s);
    if (rest.empty()) break;
    for (const Delivery& delivery : rest) seen.insert(delivery.message.id);
  }
  EXPECT_EQ(seen.size(), 64u);
  co_await second->close();
}

TEST_F(KafkaMemberTest, ASecondMemberTakesPartitionsWithWhatWasNotAcknowledged) {
  auto queue = open();
  const auto done = run(two_members(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> receive_and_hang(KafkaQueue& queue, int told) {
  auto consumer = co_await join(queue);
  const std::vector<Delivery> got = co_await consumer->receive(1'000, 30s);
  const char byte = got.empty() ? '-' : '+';
  if (::write(told, &byte, 1) != 1) co_return;
  while (true) ::pause();  // holds what it got until it is killed
}

/// Run in a process of its own, by the test below.
TEST(KafkaDyingMember, DISABLED_ReceivesAndHangs) {
  const char* dsn = std::getenv("KIT_TEST_DSN");
  const char* told = std::getenv("KIT_TEST_TOLD");
  ASSERT_TRUE(dsn != nullptr && told != nullptr);
  KafkaOptions options;
  options.dsn = Secret<std::string>(dsn);
  options.session_timeout = 6s;
  auto loop = make_epoll_loop().value();
  auto queue = kafka::open(options).value();
  EXPECT_TRUE(kit::run(*loop, receive_and_hang(*queue, std::stoi(told))).ok());
}

pid_t start_member(const KafkaOptions& options, int told) {
  std::vector<std::string> words{"member", "--gtest_also_run_disabled_tests",
                                 "--gtest_filter=KafkaDyingMember.*"};
  std::vector<std::string> settings{"KIT_TEST_DSN=" + options.dsn.reveal(),
                                    "KIT_TEST_TOLD=" + std::to_string(told)};
  std::vector<char*> arguments, environment;
  for (std::string& word : words) arguments.push_back(word.data());
  for (std::string& setting : settings) environment.push_back(setting.data());
  arguments.push_back(nullptr);
  environment.push_back(nullptr);
  pid_t started = -1;
  const int error = ::posix_spawn(&started, "/proc/self/exe", nullptr, nullptr, arguments.data(),
                                  environment.data());
  EXPECT_EQ(error, 0);
  return started;
}

Task<> after_a_death(KafkaQueue& queue, pid_t member) {
  auto consumer = co_await join(queue);
  ::kill(member, SIGKILL);
  ::waitpid(member, nullptr, 0);
  std::set<std::string> seen;
  while (seen.size() < 32) {
    const std::vector<Delivery> got = co_await take(*consumer, 1, 40s);
    if (got.empty()) break;
    for (const Delivery& delivery : got) seen.insert(delivery.message.id);
  }
  EXPECT_EQ(seen.size(), 32u);
}

TEST_F(KafkaMemberTest, WhatADeadMemberHeldComesToAnother) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    auto queue = open();
    ASSERT_TRUE(run(publish(*queue, 0, 32)).ok());
  }
  const pid_t member = start_member(options_, ends[1]);
  ASSERT_GT(member, 0);
  char told = 0;
  EXPECT_EQ(::read(ends[0], &told, 1), 1);
  EXPECT_EQ(told, '+');
  auto queue = open();
  const auto done = run(after_a_death(*queue, member));
  EXPECT_TRUE(done.ok()) << done.error().describe();
  ::close(ends[0]);
  ::close(ends[1]);
}

Task<> commit_refused(KafkaQueue& queue, TestCluster& cluster) {
  auto consumer = co_await join(queue);
  co_await publish(queue, 0, 8);
  std::vector<Delivery> got;
  while (got.size() < 8) {
    const std::vector<Delivery> more = co_await consumer->receive(8, 20s);
    if (more.empty()) break;
    got.insert(got.end(), more.begin(), more.end());
  }
  cluster.fail(TestCluster::offset_commit, {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED});
  const Result<> refused = co_await as_result(consumer->acknowledge(got));
  EXPECT_EQ(refused.error().code(), Code::permission_denied) << refused.error().describe();
  cluster.fail(TestCluster::offset_commit, {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION});
  const Result<> fenced = co_await as_result(consumer->acknowledge(got));
  EXPECT_EQ(fenced.error().reason(), "DELIVERY_LOST") << fenced.error().describe();
}

TEST_F(KafkaMemberTest, AnAcknowledgementThatIsRefusedIsTyped) {
  auto queue = open();
  const auto done = run(commit_refused(*queue, cluster_));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> refused_member(KafkaQueue& queue) {
  auto consumer = co_await join(queue);
  const auto got = co_await as_result(consumer->receive(1, 20s));
  EXPECT_EQ(got.error().code(), Code::permission_denied) << got.error().describe();
}

TEST_F(KafkaMemberTest, AGroupThatIsRefusedIsTyped) {
  auto queue = open();
  cluster_.fail(TestCluster::join_group, {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED});
  const auto done = run(refused_member(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

Task<> held_back(KafkaQueue& queue) {
  auto consumer = co_await join(queue);
  co_await publish(queue, 0, 40);
  std::vector<Delivery> held;
  while (held.size() < 10) {
    const std::vector<Delivery> got = co_await consumer->receive(100, 20s);
    if (got.empty()) break;
    held.insert(held.end(), got.begin(), got.end());
  }
  EXPECT_EQ(held.size(), 10u);
  const std::vector<Delivery> none = co_await consumer->receive(100, 300ms);
  EXPECT_TRUE(none.empty());
  co_await consumer->acknowledge(held);
  const std::vector<Delivery> rest = co_await take(*consumer, 30, 20s);
  EXPECT_EQ(rest.size(), 30u);
}

TEST_F(KafkaMemberTest, NothingIsReceivedBeyondWhatMayBeHeld) {
  options_.most_held = 10;
  auto queue = open();
  const auto done = run(held_back(*queue));
  EXPECT_TRUE(done.ok()) << done.error().describe();
}

}  // namespace
}  // namespace kit::kafka
