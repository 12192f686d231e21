// SPDX-License-Identifier: Apache-2.0
// Logging in, connections that one task has, and subscriptions.
#include "kit/adapters/redis/cache.hpp"
#include "kit/adapters/redis/fake_redis_test_support.hpp"
#include "kit/adapters/redis/metrics.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Peer = FakeRedis::Peer;

using LoginTest = FakeTest;
using SessionTest = FakeTest;
using SubscriptionTest = FakeTest;

TEST_F(LoginTest, AnOlderServerIsSpokenToAsItUnderstands) {
  options.dsn = Secret<std::string>("redis://user:pw@fake/4?client-name=kit");
  fake.hello =
      "-ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `user`, `pw`\r\n";
  auto all = [&]() -> Task<> {
    std::string result = co_await set("a");
    EXPECT_EQ(result, "set");
  };
  run(all());
  EXPECT_EQ(fake.peer().commands, (std::vector<std::string>{"AUTH user pw", "CLIENT SETNAME kit",
                                                            "SELECT 4", "SET a x"}));
}

TEST_F(LoginTest, WhatDoesNotGetInSaysWhy) {
  struct Case {
    std::string hello, answer, expected;
  };
  for (const Case& each : std::vector<Case>{
           {"-WRONGPASS invalid username-password pair\r\n", "+OK\r\n",
            "UNAUTHENTICATED REDIS_WRONGPASS"},
           {"-NOAUTH HELLO must be called with AUTH\r\n", "+OK\r\n",
            "UNAUTHENTICATED REDIS_NOAUTH"},
           {"-NOPROTO unsupported\r\n", "-WRONGPASS no\r\n", "UNAUTHENTICATED REDIS_WRONGPASS"},
           {"-ERR max number of clients reached\r\n", "", "UNAVAILABLE REDIS_ERROR"},
           {"-LOADING Redis is loading\r\n", "", "UNAVAILABLE REDIS_LOADING"},
           {"", "", "UNAVAILABLE CONNECT_TIMEOUT"}}) {
    RedisOptions fresh;
    fresh.dsn = Secret<std::string>("redis://:secret@fake");
    fresh.connector = [this] { return fake.make_connector(); };
    auto opened = open(std::move(fresh));
    ASSERT_TRUE(opened.ok());
    fake.hello = each.hello;
    fake.answer = [&](Peer&, const std::string&) { return each.answer; };
    auto all = [&]() -> Task<> {
      auto value = co_await as_result((*opened)->get("a"));
      EXPECT_FALSE(value.ok());
      if (value.ok()) co_return;
      EXPECT_EQ(shown(value.error()), each.expected);
      EXPECT_EQ(value.error().describe().find("secret"), std::string::npos);
    };
    run(all());
  }
}

TEST_F(SessionTest, WhatIsCountedIsShown) {
  auto opened = open(std::move(options));
  ASSERT_TRUE(opened.ok());
  const std::shared_ptr<Client> client = std::move(*opened);
  fake.answer = [](Peer&, const std::string&) { return std::string("-ERR no\r\n"); };
  auto all = [&]() -> Task<> {
    static_cast<void>(co_await as_result(client->get("a")));
    static_cast<void>(co_await as_result(client->get("a")));
  };
  run(all());
  telemetry::Registry registry;
  RedisOptions other;
  other.dsn = Secret<std::string>("redis://fake");
  other.connector = [this] { return fake.make_connector(); };
  auto idle = open(std::move(other));
  ASSERT_TRUE(idle.ok());
  const std::shared_ptr<Client> second = std::move(*idle);
  add_metrics(registry, {{"cache", client}, {"queue", second}});
  std::string text;
  registry.write_text(text);
  for (const std::string_view line : {"\nredis_commands_total{client=\"cache\"} 2\n",
                                      "\nredis_commands_total{client=\"queue\"} 0\n",
                                      "\nredis_command_errors_total{client=\"cache\"} 2\n",
                                      "\nredis_connections_opened_total{client=\"cache\"} 1\n",
                                      "\nredis_commands_in_flight{client=\"cache\"} 0\n",
                                      "\nredis_command_seconds_total{client=\"cache\"} 0"})
    EXPECT_NE(text.find(line), text.npos) << line << text;
}

TEST_F(SessionTest, SoManyAreOpenAtOnceAndOthersWait) {
  options.sessions_per_node = 1;
  options.waiting_per_node = 1;
  auto all = [&]() -> Task<> {
    const std::array<std::string_view, 2> words = {"BLPOP", "x"};
    auto first = std::make_unique<Session>(co_await client().session());
    const Clock::time_point begin = Loop::current().now();
    auto second = co_await as_result(client().session());
    EXPECT_EQ(shown(second.error()), "RESOURCE_EXHAUSTED REDIS_SESSIONS_EXHAUSTED");
    EXPECT_EQ(Loop::current().now() - begin, seconds(2));
    std::string third, fourth;
    auto wait = [this, &words](std::string* result) -> Task<> {
      auto reply = co_await as_result(client().blocking(words, seconds(1)));
      *result = reply.ok() ? "fine" : shown(reply.error());
    };
    TaskGroup group("waiting");
    group.spawn(wait(&third));
    group.spawn(wait(&fourth));
    EXPECT_EQ(fourth, "RESOURCE_EXHAUSTED REDIS_QUEUE_FULL");
    co_await sleep_for(milliseconds(10));
    EXPECT_EQ(client().stats().in_use, 1u);
    first.reset();
    co_await group.join();
    EXPECT_EQ(third, "fine");
  };
  run(all());
  EXPECT_EQ(fake.connects, 1u) << "the connection was used again";
  EXPECT_EQ(client().stats().in_use, 0u);
  EXPECT_EQ(client().stats().refused, 2u);
}

TEST_F(SessionTest, ABlockingCommandMayTakeItsTime) {
  fake.answer = [](Peer&, const std::string&) { return std::string(); };
  auto all = [&]() -> Task<> {
    const std::array<std::string_view, 3> words = {"BLPOP", "x", "10"};
    const Clock::time_point begin = Loop::current().now();
    auto reply = co_await as_result(client().blocking(words, seconds(10)));
    EXPECT_EQ(shown(reply.error()), "UNAVAILABLE REDIS_TIMEOUT");
    EXPECT_EQ(Loop::current().now() - begin, seconds(12));
    co_await sleep_for(milliseconds(1));
    EXPECT_TRUE(fake.peer().is_closed());
  };
  run(all());
}

TEST_F(SessionTest, ACancelledOneIsClosed) {
  fake.answer = [](Peer&, const std::string&) { return std::string(); };
  auto all = [&]() -> Task<> {
    const std::array<std::string_view, 3> words = {"BLPOP", "x", "0"};
    Task<Reply> blocking = client().blocking(words, milliseconds::max());
    Task<Reply> limited = with_deadline(milliseconds(500), std::move(blocking));
    auto reply = co_await as_result(std::move(limited));
    EXPECT_EQ(reply.error().code(), Code::deadline_exceeded);
    co_await sleep_for(milliseconds(1));
    EXPECT_TRUE(fake.peer().is_closed());
  };
  run(all());
  EXPECT_EQ(client().stats().in_use, 0u);
}

TEST_F(SessionTest, AfterATimeoutALateAnswerIsNobodys) {
  fake.answer = [](Peer&, const std::string& command) {
    return command.starts_with("GET slow") ? std::string() : bulk(command);
  };
  auto all = [&]() -> Task<> {
    const std::array<std::string_view, 2> slow = {"GET", "slow"}, fast = {"GET", "fast"};
    {
      Session session = co_await client().session();
      auto reply = co_await as_result(session.command(slow));
      EXPECT_EQ(shown(reply.error()), "UNAVAILABLE REDIS_TIMEOUT");
      fake.peer().send(bulk("of the slow one"));
      co_await sleep_for(milliseconds(1));
      reply = co_await as_result(session.command(fast));
      EXPECT_EQ(shown(reply.error()), "UNAVAILABLE REDIS_SESSION_LOST");
    }
    Session session = co_await client().session();
    const Reply reply = co_await session.command(fast);
    EXPECT_EQ(reply.bytes(), "GET fast");
  };
  run(all());
  EXPECT_EQ(fake.connects, 2u);
}

TEST_F(SessionTest, WhatIsDroppedWithoutALoopWakesNobody) {
  options.sessions_per_node = 1;
  options.connections_per_node = 1;
  options.pipeline_depth = 2;
  fake.answer = [](Peer&, const std::string&) { return std::string(); };
  auto hold = [this]() -> Task<> {
    Session session = co_await client().session();
    co_await sleep_for(std::chrono::hours(1));
  };
  auto ask = [this]() -> Task<> { static_cast<void>(co_await get("a")); };
  std::optional<TaskGroup> group;
  auto begin = [&]() -> Task<> {
    group.emplace("dropped");
    for (int i = 0; i < 4; ++i) group->spawn(hold());
    for (int i = 0; i < 4; ++i) group->spawn(ask());
    co_await sleep_for(milliseconds(100));
  };
  run(begin());
  EXPECT_EQ(client().stats().in_use, 1u);
  EXPECT_EQ(client().stats().in_flight, 4u);
  group.reset();  // in the order in which it has them, while the loop does not run
  EXPECT_EQ(client().stats().in_use, 0u);
  EXPECT_EQ(client().stats().in_flight, 0u);
}

TEST_F(SessionTest, AnUnusedConnectionIsClosed) {
  auto all = [&]() -> Task<> {
    const std::array<std::string_view, 3> words = {"BLPOP", "x", "1"};
    co_await client().blocking(words, seconds(1));
    co_await sleep_for(milliseconds(59'000));
    EXPECT_FALSE(fake.peer().is_closed());
    co_await sleep_for(milliseconds(1'500));
    EXPECT_TRUE(fake.peer().is_closed());
  };
  run(all());
}

/// Confirms and answers PING as RESP3 does.
std::string subscribe(Peer&, const std::string& command) {
  if (command == "PING") return "+PONG\r\n";
  return ">3\r\n+subscribe\r\n$4\r\nnews\r\n:1\r\n";
}

TEST_F(SubscriptionTest, ALostOneIsMadeAgainAndSaysSo) {
  fake.answer = subscribe;
  std::vector<std::string> events;
  auto all = [&]() -> Task<> {
    TaskGroup group("listen");
    Subscriber subscriber;
    subscriber.on_message = [&](std::string_view channel, std::string_view text) {
      events.push_back(std::string(channel) + "=" + std::string(text));
    };
    subscriber.on_missed = [&] { events.push_back("missed"); };
    subscriber.on_ready = [&] { events.push_back("ready"); };
    group.spawn(client().subscribe({"news"}, {}, std::move(subscriber)));
    co_await sleep_for(milliseconds(1));
    fake.peer().send(">3\r\n+message\r\n+news\r\n+1\r\n");
    co_await sleep_for(milliseconds(1));
    fake.peer().close();
    co_await sleep_for(milliseconds(100));
    // As RESP2 has it.
    fake.peer(1).send("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\n2\r\n");
    fake.peer(1).send("*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\n3\r\n");
    co_await sleep_for(milliseconds(1));
    group.cancel();
    static_cast<void>(co_await as_result(group.join()));
  };
  run(all());
  EXPECT_EQ(events, (std::vector<std::string>{"ready", "news=1", "missed", "missed", "ready",
                                              "news=2", "news=3"}));
  EXPECT_EQ(client().stats().in_use, 0u);
}

TEST_F(SubscriptionTest, AQuietServerIsAskedAndLeftWhenItDoesNotAnswer) {
  bool answers = true;
  fake.answer = [&](Peer& peer, const std::string& command) {
    return answers || command != "PING" ? subscribe(peer, command) : std::string();
  };
  int missed = 0;
  auto all = [&]() -> Task<> {
    TaskGroup group("listen");
    Subscriber subscriber;
    subscriber.on_message = [](std::string_view, std::string_view) {};
    subscriber.on_missed = [&] { ++missed; };
    group.spawn(client().subscribe({"news"}, {}, std::move(subscriber)));
    co_await sleep_for(seconds(60));
    EXPECT_EQ(fake.connects, 1u);
    EXPECT_GE(fake.peer().commands.size(), 10u);
    answers = false;
    co_await sleep_for(seconds(12));
    EXPECT_GE(fake.connects, 2u);
    EXPECT_GE(missed, 2);
    group.cancel();
    static_cast<void>(co_await as_result(group.join()));
  };
  run(all());
}

TEST_F(SubscriptionTest, WhatTryingAgainDoesNotMendEndsIt) {
  fake.answer = [](Peer&, const std::string&) {
    return std::string("-NOPERM this user has no permissions to access the channel\r\n");
  };
  auto all = [&]() -> Task<> {
    Subscriber subscriber;
    subscriber.on_message = [](std::string_view, std::string_view) {};
    std::vector<std::string> channels = {"news"};
    Task<> listening = client().subscribe(std::move(channels), {}, std::move(subscriber));
    auto ended = co_await as_result(std::move(listening));
    EXPECT_EQ(shown(ended.error()), "PERMISSION_DENIED REDIS_NOPERM");
    Task<> nowhere = client().subscribe({}, {}, Subscriber());
    auto nothing = co_await as_result(std::move(nowhere));
    EXPECT_EQ(nothing.error().code(), Code::invalid_argument);
  };
  run(all());
}

TEST_F(SubscriptionTest, TheCacheSaysWhenItMayHaveMissedSomething) {
  fake.answer = subscribe;
  std::vector<std::string> events;
  auto all = [&]() -> Task<> {
    CacheOptions how;
    how.prefix = "store:";
    auto cache = make_cache(client(), std::move(how));
    TaskGroup group("listen");
    group.spawn(cache->listen([&](std::string_view key) { events.push_back(std::string(key)); },
                              [&] { events.push_back("missed"); }));
    co_await sleep_for(milliseconds(1));
    EXPECT_EQ(fake.peer().commands, (std::vector<std::string>{"SUBSCRIBE store:changed"}));
    fake.peer().send(">3\r\n+message\r\n+store:changed\r\n+customer:7\r\n");
    co_await sleep_for(milliseconds(1));
    group.cancel();
    static_cast<void>(co_await as_result(group.join()));
  };
  run(all());
  EXPECT_EQ(events, (std::vector<std::string>{"missed", "customer:7"}));
}

}  // namespace
}  // namespace kit::redis
