// SPDX-License-Identifier: Apache-2.0
// Several relays and several writers at once.
#include <algorithm>

#include "kit/db/joint_work.hpp"
#include "kit/outbox/inbox.hpp"
#include "kit/outbox/joined_transaction.hpp"
#include "outbox_suite.hpp"

namespace kit::tests {
namespace {

using ConcurrencyTest = OutboxTest;

/// Counts an aggregate up and tells of it, as a generated action does: the row first.
Task<> count_up(db::Database& database, std::int64_t aggregate) {
  auto work = co_await database.begin();
  const Parameters id{aggregate};
  co_await change(*work, "UPDATE aggregates SET n = n + 1 WHERE id = ?1", id);
  const std::string n = co_await text(*work, "SELECT n FROM aggregates WHERE id = ?1", id);
  const std::string payload = std::to_string(aggregate) + ':' + n;
  const std::string key = std::to_string(aggregate);
  const std::vector<std::string_view> to{"one"};
  outbox::NewEvent event;
  event.type = "Counted";
  event.aggregate = "Aggregate";
  event.key = key;
  event.payload = payload;
  event.subscribers = to;
  co_await outbox::add(*work, event);
  co_await work->commit();
  outbox::announce();
}

Task<> write_many(db::Database& database, int times, std::int64_t aggregates) {
  for (int i = 0; i < times; ++i) {
    const std::int64_t aggregate = i % aggregates + 1;
    Result<> counted = co_await as_result(count_up(database, aggregate));
    // A deadlock, or a full pool: begin again.
    while (!counted && outbox::is_passing(counted.error()))
      counted = co_await as_result(count_up(database, aggregate));
    co_await std::move(counted);
  }
}

Task<> write_and_relay(db::Database& database, std::vector<outbox::Relay*> relays, int writers,
                       int times) {
  TaskGroup relaying("relays");
  for (outbox::Relay* relay : relays) relaying.spawn(relay->run());
  TaskGroup writing("writers");
  for (int i = 0; i < writers; ++i) writing.spawn(write_many(database, times, 3));
  co_await writing.join();
  const Clock::time_point end = Clock::now() + 20s;
  while (Clock::now() < end) {
    const std::string left =
        co_await text(database, "SELECT count(*) FROM kit_outbox WHERE state <> 1");
    if (left == "0") break;
    co_await sleep_for(5ms);
  }
  for (outbox::Relay* relay : relays) relay->stop();
  co_await relaying.join();
}

TEST_F(ConcurrencyTest, NothingIsLostDoubledOrOutOfOrder) {
  set_up("INSERT INTO aggregates (id, n) VALUES (1, 0), (2, 0), (3, 0)");
  Broker broker;
  outbox::Relay first(database(), subscribers({"one"}), &broker, options_);
  outbox::Relay second(database(), subscribers({"one"}), &broker, options_);
  const std::vector<outbox::Relay*> both{&first, &second};
  const auto done = run(write_and_relay(database(), both, 6, 30));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(read("SELECT count(*) FROM kit_outbox WHERE state <> 1"), "0");
  for (const char* aggregate : {"1", "2", "3"}) {
    std::string expected;
    for (int n = 1; n <= 60; ++n)
      expected += (n == 1 ? "" : ",") + std::string(aggregate) + ':' + std::to_string(n);
    EXPECT_EQ(read("SELECT payload FROM effects WHERE payload LIKE '" + std::string(aggregate) +
                   ":%' ORDER BY id"),
              expected);
    std::string published;
    for (const queue::Message& message : broker.published) {
      if (message.key == aggregate) published += (published.empty() ? "" : ",") + message.payload;
    }
    EXPECT_EQ(published, expected);
  }
}

Task<std::chrono::milliseconds> latency(db::Database& database, outbox::Relay& relay,
                                        bool under_work) {
  TaskGroup relaying("relay");
  relaying.spawn(relay.run());
  co_await sleep_for(50ms);  // it waits by now
  const Clock::time_point begun = Clock::now();
  if (under_work) {
    db::JoiningDatabase joining(database);
    db::JointWork::Begun begin = [](db::Transaction&) -> Task<> { co_return; };
    db::JointWork work(std::move(begin));
    db::JointWork::Entry entry(work);
    co_await count_up(joining, 1);
    entry.leave();
    co_await sleep_for(30ms);  // an early bell would be over
    co_await work.commit();
  } else {
    co_await count_up(database, 1);
  }
  std::string effects;
  while (effects != "1" && Clock::now() - begun < 8s) {
    effects = co_await text(database, "SELECT count(*) FROM effects");
    co_await sleep_for(1ms);
  }
  const auto taken = Clock::now() - begun;
  relay.stop();
  co_await relaying.join();
  co_return std::chrono::duration_cast<std::chrono::milliseconds>(taken);
}

TEST_F(ConcurrencyTest, ACommitWakesTheRelayAtOnce) {
  set_up("INSERT INTO aggregates (id, n) VALUES (1, 0)");
  options_.poll = 10s;
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  const auto taken = run(latency(database(), relay, false));
  ASSERT_TRUE(taken.ok()) << taken.error().describe();
  EXPECT_LT(*taken, 5s);
}

TEST_F(ConcurrencyTest, UnderAJointWorkItIsItsCommitThatWakes) {
  set_up("INSERT INTO aggregates (id, n) VALUES (1, 0)");
  options_.poll = 10s;
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  const auto taken = run(latency(database(), relay, true));
  ASSERT_TRUE(taken.ok()) << taken.error().describe();
  EXPECT_LT(*taken, 5s);
}

queue::Message message(std::string id, std::string payload) {
  queue::Message made;
  made.id = std::move(id);
  made.topic = "other.Thing";
  made.key = "k";
  made.type = "Happened";
  made.payload = std::move(payload);
  made.created_at = Timestamp::now();
  return made;
}

Task<> add_effect(const queue::Message& taken, db::Transaction& work) {
  Parameters row{std::string_view(taken.payload)};
  co_await change(work, "INSERT INTO effects (subscriber, payload) VALUES ('inbox', ?1)", row);
  if (taken.payload == "bad") co_await Error(Code::internal, "bad");
}

Task<bool> consume(db::Database& database, queue::Message taken) {
  outbox::Inbox inbox(database, "inbox");
  auto effect = add_effect;
  outbox::Inbox::Handler handle(effect);
  co_return co_await inbox.consume(taken, handle);
}

TEST_F(ConcurrencyTest, AMessageHasItsEffectOnce) {
  EXPECT_TRUE(*run(consume(database(), message("m1", "x"))));
  EXPECT_FALSE(*run(consume(database(), message("m1", "x"))));
  EXPECT_EQ(run(consume(database(), message("m2", "bad"))).error().code(), Code::internal);
  EXPECT_TRUE(*run(consume(database(), message("m2", "good"))));
  EXPECT_TRUE(*run(consume(database(), message("m2 ", "other"))));
  EXPECT_EQ(effects("inbox"), "x,good,other");
}

Task<> consume_side_by_side(db::Database& database, std::size_t* effects) {
  TaskGroup group("consumers");
  struct One {
    static Task<> once(db::Database* all, std::size_t* sum) {
      Result<bool> taken = co_await as_result(consume(*all, message("m1", "x")));
      while (!taken && outbox::is_passing(taken.error()))
        taken = co_await as_result(consume(*all, message("m1", "x")));
      const bool is_new = co_await std::move(taken);
      if (is_new) ++*sum;
    }
  };
  for (int i = 0; i < 8; ++i) group.spawn(One::once(&database, effects));
  co_await group.join();
}

TEST_F(ConcurrencyTest, TwoConsumersOfOneMessageAgree) {
  std::size_t taken = 0;
  const auto done = run(consume_side_by_side(database(), &taken));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  EXPECT_EQ(taken, 1U);
  EXPECT_EQ(effects("inbox"), "x");
}

Task<> accept_twice(db::Database& database) {
  outbox::Inbox inbox(database, "one");
  queue::Message one = message("m1", "x1");
  one.headers = {{"traceparent", "00-1"}};
  one.key = std::string(1'024, 'k');
  EXPECT_TRUE(co_await inbox.accept(one));
  EXPECT_FALSE(co_await inbox.accept(one));
}

TEST_F(ConcurrencyTest, AnAcceptedMessageGoesThroughTheRelay) {
  const auto done = run(accept_twice(database()));
  ASSERT_TRUE(done.ok()) << done.error().describe();
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(effects(), "x1");
}

TEST_F(ConcurrencyTest, WhateverABrokerSendsCanBeStored) {
  const auto accepted = run([](db::Database& all) -> Task<bool> {
    outbox::Inbox inbox(all, "one");
    queue::Message hostile = message(std::string(3'000, 'i'), std::string("x\0\xff", 3));
    hostile.type = std::string(300, 't') + "\xc3";
    hostile.headers = {{std::string("\0", 1), "\xff"}};
    co_return co_await inbox.accept(hostile);
  }(database()));
  ASSERT_TRUE(accepted.ok()) << accepted.error().describe();
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(effects(), "x\xef\xbf\xbd\xef\xbf\xbd");
}

/// A consumer whose broker forgets acknowledgements now and then.
class Forgetful final : public queue::Consumer {
 public:
  Task<std::vector<queue::Delivery>> receive(std::size_t, std::chrono::milliseconds) override {
    if (rounds++ == 6) Context::current()->cancel(Error(Code::cancelled, "enough"));
    std::vector<queue::Delivery> all;
    for (int i = 0; i < 4; ++i) all.push_back({message("m" + std::to_string(i), "x"), "", 1});
    co_return all;
  }
  Task<> acknowledge(std::span<const queue::Delivery>) override {
    if (rounds % 2 == 0) co_await Error(Code::unavailable, "lost");
    ++acknowledged;
  }
  Task<> close() override { co_return; }
  int rounds = 0, acknowledged = 0;
};

Task<> receive(db::Database& database, Forgetful& broker) {
  outbox::Inbox inbox(database, "one");
  TaskGroup group("receive");
  group.spawn(inbox.receive(broker));
  Task<> joining = group.join();
  (void)co_await as_result(std::move(joining));  // ends with the cancellation
}

TEST_F(ConcurrencyTest, RepetitionsOfABrokerAreTakenOnce) {
  Forgetful broker;
  ASSERT_TRUE(run(receive(database(), broker)).ok());
  EXPECT_GT(broker.acknowledged, 0);
  outbox::Relay relay(database(), subscribers({"one"}), nullptr, options_);
  settle_all(relay);
  EXPECT_EQ(effects(), "x,x,x,x");
}

Task<> commit_inside(db::Database& database) {
  auto work = co_await database.begin();
  outbox::JoinedTransaction joined(*work);
  co_await change(joined, "INSERT INTO aggregates (id, n) VALUES (9, 9)");
  auto nested = co_await joined.begin_nested();
  co_await change(*nested, "UPDATE aggregates SET n = 10 WHERE id = 9");
  co_await nested->commit();
  co_await joined.commit();
}

TEST_F(ConcurrencyTest, TheCommitOfAPartIsNotThatOfTheWhole) {
  ASSERT_TRUE(run(commit_inside(database())).ok());
  EXPECT_EQ(read("SELECT count(*) FROM aggregates WHERE id = 9"), "0");
}

}  // namespace
}  // namespace kit::tests
