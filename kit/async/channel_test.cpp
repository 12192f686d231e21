// SPDX-License-Identifier: Apache-2.0
#include "kit/async/channel.hpp"

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
using Numbers = Channel<std::unique_ptr<int>>;

Task<> produces(Numbers* channel, int from, int to, std::string* log) {
  for (int i = from; i < to; ++i) {
    auto value = std::make_unique<int>(i);
    co_await channel->send(std::move(value));
    log->append("+" + std::to_string(i) + " ");
  }
}

Task<> consumes(Numbers* channel, Clock::duration pause, std::string* log) {
  while (true) {
    std::optional<std::unique_ptr<int>> value = co_await channel->receive();
    if (!value) break;
    log->append("-" + std::to_string(**value) + " ");
    if (pause > 0s) co_await sleep_for(pause);
  }
  log->append("end ");
}

Task<> slow_consumer(std::string* log) {
  Numbers channel(2);
  TaskGroup consumers("consumers");
  consumers.spawn(consumes(&channel, 1s, log));
  TaskGroup producers("producers");
  producers.spawn(produces(&channel, 0, 6, log));
  co_await producers.join();
  channel.close();
  co_await consumers.join();
}

TEST(Channel, AFastProducerWaitsForASlowConsumer) {
  testing::VirtualLoop loop;
  std::string log;
  EXPECT_TRUE(run(loop, slow_consumer(&log)).ok());
  // Never more than two ahead of the one that is being consumed.
  EXPECT_EQ(log, "+0 +1 +2 -0 -1 +3 -2 +4 -3 +5 -4 -5 end ");
}

Task<> many_to_many(std::string* log) {
  Numbers channel(1);
  TaskGroup consumers("consumers");
  for (int i = 0; i < 3; ++i) consumers.spawn(consumes(&channel, 1s, log));
  TaskGroup producers("producers");
  std::string sent;
  for (int i = 0; i < 3; ++i) producers.spawn(produces(&channel, i * 100, i * 100 + 50, &sent));
  co_await producers.join();
  channel.close();
  co_await consumers.join();
}

TEST(Channel, ManyToManyLosesAndDoublesNothing) {
  testing::VirtualLoop loop;
  std::string log;
  EXPECT_TRUE(run(loop, many_to_many(&log)).ok());
  for (int i = 0; i < 250; ++i) {
    if (i % 100 >= 50) continue;
    const std::string text = "-" + std::to_string(i) + " ";
    const std::size_t at = log.find(text);
    ASSERT_NE(at, std::string::npos) << i;
    EXPECT_EQ(log.find(text, at + 1), std::string::npos) << i;
  }
  EXPECT_TRUE(log.ends_with("end end end "));
}

Task<> closes_on_waiters() {
  Channel<int> full(1);
  co_await full.send(1);
  auto late = [](Channel<int>* channel, int value) -> Task<> {
    Result<> sent = co_await as_result(channel->send(value));
    EXPECT_EQ(sent.error().reason(), "CHANNEL_CLOSED");
  };
  Channel<int> empty(1);
  auto reader = [](Channel<int>* channel) -> Task<> {
    std::optional<int> value = co_await channel->receive();
    EXPECT_FALSE(value);
  };
  TaskGroup group("waiters");
  group.spawn(late(&full, 2));
  group.spawn(reader(&empty));
  full.close();
  full.close();
  empty.close();
  co_await group.join();
  Result<> sent = co_await as_result(full.send(3));
  EXPECT_EQ(sent.error().code(), Code::cancelled);
  // What was on the way still arrives.
  std::optional<int> value = co_await full.receive();
  EXPECT_EQ(value, 1);
  value = co_await full.receive();
  EXPECT_FALSE(value);
}

TEST(Channel, CloseEndsBothKindsOfWaiters) {
  testing::VirtualLoop loop;
  EXPECT_TRUE(run(loop, closes_on_waiters()).ok());
}

TEST(Channel, TriesAtAndPastTheCapacity) {
  Channel<std::string> channel(2);
  EXPECT_FALSE(channel.try_receive());
  std::string a = "a", b = "b", c = "c";
  EXPECT_TRUE(channel.try_send(a));
  EXPECT_TRUE(channel.try_send(b));
  EXPECT_FALSE(channel.try_send(c));
  EXPECT_EQ(c, "c");
  EXPECT_EQ(channel.size(), 2U);
  EXPECT_EQ(channel.try_receive(), "a");
  channel.close();
  EXPECT_TRUE(channel.closed());
  EXPECT_FALSE(channel.try_send(c));
  EXPECT_EQ(channel.try_receive(), "b");
  EXPECT_FALSE(channel.try_receive());
}

Task<> waiters_give_up() {
  Channel<int> full(1);
  co_await full.send(1);
  auto sender = [](Channel<int>* channel) -> Task<> { co_await channel->send(2); };
  Result<> sent = co_await as_result(with_deadline(1s, sender(&full)));
  EXPECT_EQ(sent.error().code(), Code::deadline_exceeded);
  std::optional<int> value = co_await full.receive();
  EXPECT_EQ(value, 1);
  EXPECT_EQ(full.size(), 0U) << "the value of who gave up is not sent";
  auto receiver = [](Channel<int>* channel) -> Task<> {
    std::optional<int> received = co_await channel->receive();
    ADD_FAILURE() << *received;
  };
  Result<> received = co_await as_result(with_deadline(1s, receiver(&full)));
  EXPECT_EQ(received.error().code(), Code::deadline_exceeded);
  co_await full.send(3);
  EXPECT_EQ(full.size(), 1U) << "nothing is handed to who gave up";
}

TEST(Channel, CancelledWaitersLeaveTheQueue) {
  testing::VirtualLoop loop;
  EXPECT_TRUE(run(loop, waiters_give_up()).ok());
}

TEST(Channel, MayGoBeforeDroppedWaiters) {
  testing::VirtualLoop loop;
  auto channel = std::make_unique<Channel<int>>(1);
  int value = 1;
  EXPECT_TRUE(channel->try_send(value));
  auto send = [](Channel<int>* to) -> Task<> { co_await to->send(2); };
  auto receive = [](Channel<int>* from) -> Task<> { co_await from->receive(); };
  auto other = std::make_unique<Channel<int>>(1);
  Task<> sending = send(channel.get());
  Task<> receiving = receive(other.get());
  loop.post([&] {
    EXPECT_FALSE(sending.start(nullptr, nullptr));
    EXPECT_FALSE(receiving.start(nullptr, nullptr));
  });
  loop.advance(1s);
  channel.reset();
  other.reset();
}

TEST(Channel, DroppedWaitersLeaveTheQueue) {
  testing::VirtualLoop loop;
  Channel<int> channel(1);
  auto receive = [](Channel<int>* from) -> Task<> { co_await from->receive(); };
  {
    Task<> receiving = receive(&channel);
    loop.post([&] { EXPECT_FALSE(receiving.start(nullptr, nullptr)); });
    loop.advance(1s);
  }
  int value = 1;
  EXPECT_TRUE(channel.try_send(value));
  EXPECT_EQ(channel.size(), 1U);
}

}  // namespace
}  // namespace kit
