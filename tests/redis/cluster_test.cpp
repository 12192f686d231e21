// SPDX-License-Identifier: Apache-2.0
// Against a real cluster of six, which run.py starts.
#include <map>

#include "kit/adapters/redis/detail/slots.hpp"
#include "kit/async/task_group.hpp"
#include "tests/redis/server_test_support.hpp"

namespace kit::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ClusterTest : public ServerTest {
 protected:
  struct Primary {
    std::string id;
    std::unique_ptr<Client> client;  // of this server alone
  };

  /// Those that the cluster has now, by "host:port".
  std::map<std::string, Primary> primaries() {
    std::map<std::string, Primary> all;
    const Reply slots = run(client->command(words("CLUSTER SLOTS"))).value();
    for (const Reply& range : slots.items()) {
      const std::vector<Reply>& node = range.items()[2].items();
      const std::string place =
          node[0].bytes() + ":" + std::to_string(node[1].as_integer().value());
      Primary& primary = all[place];
      primary.id = node[2].bytes();
      if (!primary.client) primary.client = open_client(test_options("redis://" + place));
    }
    return all;
  }
  /// Who has the slot, and somebody else.
  std::pair<std::string, std::string> owner_and_other(std::uint16_t slot) {
    const Reply slots = run(client->command(words("CLUSTER SLOTS"))).value();
    auto map = detail::parse_slots(slots, {"127.0.0.1", 1}).value();
    const std::string owner = map.find(slot)->primary.shown();
    for (const auto& shard : map.shards) {
      if (shard.primary.shown() != owner) return {owner, shard.primary.shown()};
    }
    return {owner, owner};
  }
  void set_slot(Client& of, std::string_view slot, std::string_view how, std::string_view id) {
    run(of.command(words({"CLUSTER", "SETSLOT", slot, how, id}))).value();
  }
};

TEST_F(ClusterTest, KeysAreOnTheirNodes) {
  auto all = [&]() -> Task<> {
    for (int i = 0; i < 500; ++i) {
      const std::string key = "key:" + std::to_string(i);
      co_await client->set(key, key + "!");
    }
    for (int i = 0; i < 500; ++i) {
      const std::string key = "key:" + std::to_string(i);
      std::optional<std::string> value = co_await client->get(key);
      EXPECT_EQ(value, key + "!");
    }
  };
  run(all()).value();
  EXPECT_EQ(client->stats().redirected, 0u);
  EXPECT_EQ(client->stats().refreshes, 1u);
}

TEST_F(ClusterTest, CommandsWithKeysOfSeveralNodesAreSplitOrRefused) {
  std::vector<std::string> keys;
  for (int i = 0; i < 50; ++i) {
    keys.push_back("many:" + std::to_string(i));
    run(client->set(keys.back(), std::to_string(i))).value();
  }
  keys.push_back("none");
  auto values = run(client->mget(keys)).value();
  ASSERT_EQ(values.size(), keys.size());
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(values[static_cast<std::size_t>(i)], std::to_string(i));
  }
  EXPECT_FALSE(values.back());
  EXPECT_EQ(run(client->del(keys)).value(), 50);
  const std::string crossed = "INVALID_ARGUMENT REDIS_CROSSSLOT";
  EXPECT_EQ(shown(run(client->command(words("RENAME a b")))), crossed);
  EXPECT_EQ(shown(run(client->command(words("MSET a 1 b 2")))), crossed);
  const std::vector<Command> both = {words("SET a 1"), words("SET b 1")};
  EXPECT_EQ(shown(run(client->transaction(both))), crossed);
  const std::vector<Command> tagged = {words("SET {t}a 1"), words("SET {t}b 1")};
  EXPECT_EQ(shown(run(client->transaction(tagged))), "fine");
  EXPECT_EQ(shown(run(client->command(words("KEYS *")))), "INVALID_ARGUMENT REDIS_ONE_NODE");
  EXPECT_EQ(shown(run(client->command(words("PING")))), "fine");
}

TEST_F(ClusterTest, PipelinesAnswerInTheirOrder) {
  std::vector<std::string> keys;
  for (int i = 0; i < 3'000; ++i) keys.push_back("list:" + std::to_string(i % 7));
  std::vector<std::array<std::string_view, 3>> lines;
  for (const auto& key : keys) lines.push_back({"RPUSH", key, "x"});
  const std::vector<Command> commands(lines.begin(), lines.end());
  auto replies = run(client->pipeline(commands)).value();
  ASSERT_EQ(replies.size(), keys.size());
  for (std::size_t i = 0; i < replies.size(); ++i) {
    ASSERT_EQ(replies[i].as_integer().value(), static_cast<std::int64_t>(i / 7 + 1)) << i;
  }
  for (int i = 0; i < 7; ++i) {
    const std::vector<std::string> gone = {"list:" + std::to_string(i)};
    run(client->del(gone)).value();
  }
}

TEST_F(ClusterTest, ASlotThatMovesIsFollowed) {
  constexpr std::string_view key = "moving";
  const std::string slot = std::to_string(detail::slot_of(key));
  auto nodes = primaries();
  const auto [from, to] = owner_and_other(detail::slot_of(key));
  const Primary &source = nodes.at(from), &target = nodes.at(to);
  // It is on its way: who has it sends those elsewhere whose key is not there any more.
  set_slot(*target.client, slot, "IMPORTING", source.id);
  set_slot(*source.client, slot, "MIGRATING", target.id);
  run(client->set(key, "1")).value();
  EXPECT_EQ(run(client->get(key)).value(), "1");
  EXPECT_EQ(client->stats().redirected, 2u);
  const std::vector<Command> pipeline = {words({"INCR", key}), words({"INCR", key})};
  EXPECT_EQ(run(client->pipeline(pipeline)).value()[1].as_integer().value(), 3);
  const std::vector<Command> commands = {words({"INCR", key})};
  EXPECT_EQ(shown(run(client->transaction(commands))), "ABORTED REDIS_EXECABORT");
  EXPECT_TRUE(
      run(client->blocking(words("BLPOP {moving}list 0.01"), milliseconds(10))).value().is_null());
  // It has moved.
  for (auto& [place, node] : nodes) set_slot(*node.client, slot, "NODE", target.id);
  EXPECT_EQ(run(client->get(key)).value(), "3");
  const std::uint64_t redirected = client->stats().redirected;
  EXPECT_EQ(run(client->get(key)).value(), "3");
  EXPECT_EQ(client->stats().redirected, redirected) << "it was told once";
  EXPECT_EQ(run(client->transaction(commands)).value()[0].as_integer().value(), 4);
  EXPECT_EQ(run(client->session(key)).ok(), true);
  // Another client still thinks of the old one, in a transaction first.
  run(client->del(std::vector<std::string>{std::string(key)})).value();
  for (auto& [place, node] : nodes) set_slot(*node.client, slot, "NODE", source.id);
  EXPECT_EQ(run(client->transaction(commands)).value()[0].as_integer().value(), 1);
}

TEST_F(ClusterTest, ReadsMayGoToReplicas) {
  auto options = test_options();
  options.read_replicas = true;
  auto reader = open_client(std::move(options));
  run(client->set("replicated", "1")).value();
  auto wait = [&]() -> Task<> {
    // Replicas follow a little later.
    for (;;) {
      std::optional<std::string> value = co_await reader->get("replicated");
      if (value == "1") co_return;
      co_await sleep_for(milliseconds(5));
    }
  };
  run(with_deadline(seconds(10), wait())).value();
  EXPECT_EQ(reader->stats().redirected, 0u);
  EXPECT_TRUE(run(reader->set("replicated", "2")).value());
}

TEST_F(ClusterTest, ScriptsRunWhereTheirKeysAre) {
  const Script script("return redis.call('INCR', KEYS[1])");
  for (int i = 0; i < 20; ++i) {
    const std::string key = "script:" + std::to_string(i);
    const std::array<std::string_view, 1> keys = {key};
    EXPECT_EQ(run(client->run(script, keys, {})).value().as_integer().value(), 1);
    run(client->del(std::vector{key})).value();
  }
}

TEST_F(ClusterTest, WhatIsPublishedAnywhereIsHeard) {
  int heard = 0;
  bool is_ready = false;
  auto listen = [&]() -> Task<> {
    TaskGroup group("listen");
    Subscriber subscriber;
    subscriber.on_message = [&](std::string_view, std::string_view) { ++heard; };
    subscriber.on_ready = [&] { is_ready = true; };
    group.spawn(client->subscribe({"news"}, {}, std::move(subscriber)));
    while (!is_ready) co_await sleep_for(milliseconds(1));
    for (int i = 0; i < 30; ++i) co_await client->publish("news", "x");
    while (heard < 30) co_await sleep_for(milliseconds(1));
    group.cancel();
    static_cast<void>(co_await as_result(group.join()));
  };
  run(with_deadline(seconds(20), listen())).value();
}

}  // namespace
}  // namespace kit::redis
