// SPDX-License-Identifier: Apache-2.0
// A cluster whose nodes the test plays.
#include "kit/adapters/redis/detail/slots.hpp"
#include "kit/adapters/redis/fake_redis_test_support.hpp"

namespace kit::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Peer = FakeRedis::Peer;

/// What CLUSTER SLOTS says: every slot is of `place`, a host of one letter.
std::string all_slots_of(std::string_view host) {
  return "*1\r\n*4\r\n:0\r\n:16383\r\n*3\r\n" + bulk(host) + ":6379\r\n" + bulk("id1") + "*3\r\n" +
         bulk("r") + ":6379\r\n" + bulk("id2");
}

class FakeClusterTest : public FakeTest {
 protected:
  FakeClusterTest() { options.dsn = Secret<std::string>("redis+cluster://a,b"); }
  /// How often nodes were sent `command`.
  std::size_t count(std::string_view command) const {
    std::size_t number = 0;
    for (const auto& peer : fake.peers) {
      number += static_cast<std::size_t>(std::ranges::count(peer->commands, command));
    }
    return number;
  }
};

TEST_F(FakeClusterTest, SoManyRedirectionsAreFollowed) {
  for (const int most : {5, 6}) {
    int sent = 0;
    fake.answer = [&](Peer& peer, const std::string& command) {
      if (command == "CLUSTER SLOTS") return all_slots_of("a");
      if (++sent > most) return std::string("+OK\r\n");
      return "-MOVED 1 " + std::string(peer.place() == "a:6379" ? "b" : "a") + ":6379\r\n";
    };
    auto all = [&]() -> Task<> {
      std::string result = co_await set("x");
      EXPECT_EQ(result, most == 5 ? "set" : "UNAVAILABLE REDIS_MOVED");
      EXPECT_EQ(sent, 6);
      co_await sleep_for(seconds(2));
    };
    run(all());
  }
}

TEST_F(FakeClusterTest, AnAskedNodeIsToldThatItWasAsked) {
  fake.answer = [&](Peer& peer, const std::string& command) {
    if (command == "CLUSTER SLOTS") return all_slots_of("a");
    if (command == "ASKING") return std::string("+OK\r\n");
    if (peer.place() == "a:6379") return std::string("-ASK 1 b:6379\r\n");
    return bulk("of b");
  };
  auto all = [&]() -> Task<> {
    for (int i = 0; i < 3; ++i) {
      std::string result = co_await get("x");
      EXPECT_EQ(result, "of b");
    }
  };
  run(all());
  EXPECT_EQ(count("ASKING"), 3u) << "the slot is still of the first node";
  EXPECT_EQ(count("GET x"), 6u);
}

TEST_F(FakeClusterTest, TheSlotsAreAskedForOnceASecondHoweverMuchIsWrong) {
  fake.answer = [&](Peer&, const std::string& command) {
    if (command == "CLUSTER SLOTS") return all_slots_of("a");
    return std::string("-CLUSTERDOWN The cluster is down\r\n");
  };
  auto all = [&]() -> Task<> {
    for (int i = 0; i < 1'000; ++i) {
      std::string result = co_await set("x");
      EXPECT_EQ(result, "UNAVAILABLE REDIS_CLUSTERDOWN");
      co_await sleep_for(milliseconds(10));
    }
  };
  run(all());
  EXPECT_GE(count("CLUSTER SLOTS"), 9u);
  EXPECT_LE(count("CLUSTER SLOTS"), 11u);
  EXPECT_EQ(client().stats().refreshes, count("CLUSTER SLOTS"));
}

TEST_F(FakeClusterTest, TasksWaitTogetherForTheFirstSlots) {
  fake.delay = milliseconds(50);
  fake.answer = [&](Peer&, const std::string& command) {
    return command == "CLUSTER SLOTS" ? all_slots_of("a") : std::string("+OK\r\n");
  };
  auto all = [&]() -> Task<> {
    std::array<std::string, 30> results;
    TaskGroup group("all");
    for (std::string& result : results) group.spawn(into(set("x"), &result));
    co_await group.join();
    for (const std::string& result : results) EXPECT_EQ(result, "set");
  };
  run(all());
  EXPECT_EQ(count("CLUSTER SLOTS"), 1u);
}

TEST_F(FakeClusterTest, WithoutAnyNodeTasksFailAndGoOnLater) {
  fake.refusals = 1'000'000;
  auto all = [&]() -> Task<> {
    for (int i = 0; i < 100; ++i) {
      std::string result = co_await set("x");
      EXPECT_TRUE(result.starts_with("UNAVAILABLE")) << result;
      co_await sleep_for(milliseconds(20));
    }
    EXPECT_LE(fake.connects, 8u);
    fake.refusals = 0;
    fake.answer = [&](Peer&, const std::string& command) {
      return command == "CLUSTER SLOTS" ? all_slots_of("a") : std::string("+OK\r\n");
    };
    co_await sleep_for(seconds(1));
    std::string result = co_await set("x");
    EXPECT_EQ(result, "set");
  };
  run(all());
  EXPECT_EQ(client().stats().in_flight, 0u);
}

TEST_F(FakeClusterTest, AReadGoesToTheNextPrimaryWhenItsNodeIsLost) {
  std::string owner = "a";
  fake.answer = [&](Peer& peer, const std::string& command) {
    if (command == "CLUSTER SLOTS") return all_slots_of(owner);
    if (peer.place() == "a:6379" && owner == "b") {
      peer.close();
      return std::string();
    }
    return bulk("of " + peer.place());
  };
  auto all = [&]() -> Task<> {
    std::string result = co_await get("x");
    EXPECT_EQ(result, "of a:6379");
    co_await sleep_for(seconds(2));
    owner = "b";
    result = co_await get("x");
    EXPECT_EQ(result, "of b:6379");
    result = co_await set("x");
    EXPECT_EQ(result, "set");
  };
  run(all());
}

TEST_F(FakeClusterTest, TryAgainIsDone) {
  int times = 0;
  fake.answer = [&](Peer&, const std::string& command) {
    if (command == "CLUSTER SLOTS") return all_slots_of("a");
    return std::string(++times <= 5 ? "-TRYAGAIN Multiple keys request during rehashing\r\n"
                                    : "+OK\r\n");
  };
  auto all = [&]() -> Task<> {
    std::string result = co_await set("x");
    EXPECT_EQ(result, "set");
    times = -1;
    result = co_await set("x");
    EXPECT_EQ(result, "UNAVAILABLE REDIS_TRYAGAIN");
  };
  run(all());
}

TEST_F(FakeClusterTest, ReplicasAreAskedWhereThatIsWanted) {
  options.read_replicas = true;
  fake.answer = [&](Peer& peer, const std::string& command) {
    if (command == "CLUSTER SLOTS") return all_slots_of("a");
    if (command == "READONLY") return std::string("+OK\r\n");
    return command.starts_with("GET") ? bulk("of " + peer.place()) : std::string("+OK\r\n");
  };
  auto all = [&]() -> Task<> {
    std::string result = co_await get("x");
    EXPECT_EQ(result, "of r:6379");
    result = co_await set("x");
    EXPECT_EQ(result, "set");
  };
  run(all());
  for (const auto& peer : fake.peers) {
    const bool has_write = std::ranges::count(peer->commands, "SET x x") == 1;
    EXPECT_EQ(has_write, peer->place() == "a:6379") << peer->place();
  }
  EXPECT_EQ(count("READONLY"), 1u);
}

TEST_F(FakeClusterTest, ANodeThatLeavesIsForgotten) {
  std::string owner = "a";
  fake.answer = [&](Peer& peer, const std::string& command) {
    if (command == "CLUSTER SLOTS") return all_slots_of(owner);
    if (peer.place() == "c:6379" && owner == "d") return std::string("-MOVED 1 d:6379\r\n");
    return std::string("+OK\r\n");
  };
  auto all = [&]() -> Task<> {
    owner = "c";
    std::string result = co_await set("x");
    EXPECT_EQ(result, "set");
    co_await sleep_for(seconds(2));
    owner = "d";
    for (int i = 0; i < 300; ++i) {
      result = co_await set("x");
      EXPECT_EQ(result, "set");
      co_await sleep_for(milliseconds(10));
    }
    for (const auto& peer : fake.peers) {
      EXPECT_TRUE(peer->place() != "c:6379" || peer->is_closed());
    }
  };
  run(all());
}

}  // namespace
}  // namespace kit::redis
