// SPDX-License-Identifier: Apache-2.0
// Commands on shared connections: what is sent when, whose answer is whose, and what is lost.
#include "kit/adapters/redis/fake_redis_test_support.hpp"
#include "kit/telemetry/tracer.hpp"

namespace kit::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Peer = FakeRedis::Peer;

std::string echo(Peer&, const std::string& command) {
  if (command.starts_with("GET ")) return bulk(command.substr(4));
  return "+OK\r\n";
}

std::string silent(Peer&, const std::string&) {
  return "";
}

using ClientTest = FakeTest;

TEST_F(ClientTest, WhatTasksSendInOneTurnIsOneWrite) {
  fake.answer = echo;
  auto all = [&]() -> Task<> {
    std::string first = co_await get("first");
    EXPECT_EQ(first, "first");
    std::array<std::string, 50> results;
    TaskGroup group("all");
    for (std::size_t i = 0; i < results.size(); ++i) {
      group.spawn(into(get("key" + std::to_string(i)), &results[i]));
    }
    co_await group.join();
    for (std::size_t i = 0; i < results.size(); ++i) {
      EXPECT_EQ(results[i], "key" + std::to_string(i));
    }
  };
  run(all());
  EXPECT_EQ(fake.peer().read_sizes, (std::vector<std::size_t>{1, 50}));
  EXPECT_EQ(fake.connects, 1u);
  EXPECT_EQ(client().stats().commands, 51u);
}

TEST_F(ClientTest, CommandsOfSampledWorkAreSpansWithoutTheirKeys) {
  fake.answer = echo;
  telemetry::TracerOptions tracing;
  tracing.sampling.ratio = 1;
  const auto tracer = *telemetry::Tracer::make(std::move(tracing));
  LogContext log;
  tracer->identify(log, {});
  tracer->decide(log, "/", {});
  auto all = [&]() -> Task<> {
    Context context;
    context.set_log_context(&log);
    Context::Scope scope(context);
    const std::array<std::string_view, 2> words = {"get", "canary"};
    Task<Reply> asking = client().command(words);
    (void)co_await as_result(std::move(asking));
    scope.leave();
    (void)co_await get("unseen");
  };
  run(all());
  tracer->processor().collect();
  const auto kept = tracer->processor().table().find(telemetry::view(log.trace_id));
  ASSERT_TRUE(kept && kept->spans.size() == 1);
  const telemetry::SpanRecord& span = kept->spans.front();
  EXPECT_EQ(span.name, "GET");
  EXPECT_EQ(span.parent_id, log.span_id);
  EXPECT_EQ(span.value_of("db.system.name"), "redis");
  EXPECT_EQ(span.text.find("canary"), std::string::npos);
}

TEST_F(ClientTest, TheAnswerOfACancelledTaskIsSkipped) {
  fake.answer = silent;
  auto all = [&]() -> Task<> {
    std::string second;
    TaskGroup group("second");
    auto first = with_deadline(milliseconds(100), client().get("first"));
    auto cancelled = co_await as_result(std::move(first));
    EXPECT_EQ(cancelled.error().code(), Code::deadline_exceeded);
    group.spawn(into(get("second"), &second));
    co_await sleep_for(milliseconds(1));
    EXPECT_EQ(fake.peer().commands, (std::vector<std::string>{"GET first", "GET second"}));
    fake.peer().send(bulk("of the first"));
    fake.peer().send(bulk("of the second"));
    co_await group.join();
    EXPECT_EQ(second, "of the second");
  };
  run(all());
  EXPECT_EQ(client().stats().abandoned, 1u);
  EXPECT_EQ(client().stats().in_flight, 0u);
}

TEST_F(ClientTest, AReadThatWasSentIsSentAgainOnce) {
  fake.answer = [](Peer& peer, const std::string&) {
    peer.close();
    return std::string();
  };
  auto all = [&]() -> Task<> {
    std::string value = co_await get("a");
    EXPECT_EQ(value, "UNAVAILABLE CONNECTION_LOST");
  };
  run(all());
  EXPECT_EQ(fake.connects, 2u);
  EXPECT_EQ(client().stats().repeated, 1u);
}

TEST_F(ClientTest, AWriteThatWasSentIsNotSentAgain) {
  fake.answer = [](Peer& peer, const std::string& command) {
    if (command.starts_with("SET")) peer.close();
    return std::string("$1\r\nx\r\n");
  };
  auto all = [&]() -> Task<> {
    std::string result = co_await set("a");
    EXPECT_EQ(result, "UNAVAILABLE CONNECTION_LOST");
    result = co_await get("a");
    EXPECT_EQ(result, "x");
  };
  run(all());
  EXPECT_EQ(fake.connects, 2u);
  EXPECT_EQ(client().stats().repeated, 0u);
  EXPECT_EQ(client().stats().lost, 1u);
}

TEST_F(ClientTest, AWriteThatWasNotSentIsSentOnTheNextConnection) {
  auto all = [&]() -> Task<> {
    std::string result = co_await set("a");
    EXPECT_EQ(result, "set");
    fake.peer().close();
    // In the turn in which the connection's end is seen, before anything is written.
    result = co_await set("b");
    EXPECT_EQ(result, "set");
  };
  run(all());
  EXPECT_EQ(fake.peer(1).commands, (std::vector<std::string>{"SET b x"}));
}

TEST_F(ClientTest, ASilentServerIsGivenUp) {
  fake.answer = [](Peer& peer, const std::string& command) {
    return peer.place() == "fake:6379" && command == "SET a x" ? "" : std::string("+OK\r\n");
  };
  auto all = [&]() -> Task<> {
    const Clock::time_point begin = Loop::current().now();
    std::string result = co_await set("a");
    EXPECT_EQ(result, "UNAVAILABLE REDIS_TIMEOUT");
    EXPECT_EQ(Loop::current().now() - begin, seconds(2));
    co_await sleep_for(milliseconds(1));
    EXPECT_TRUE(fake.peer().is_closed());
    result = co_await set("b");
    EXPECT_EQ(result, "set");
  };
  run(all());
}

TEST_F(ClientTest, ASilenceThatADeadlineEndedInCostsTheNextOnesNothing) {
  fake.answer = [&](Peer& peer, const std::string&) {
    return std::string(&peer == fake.peers.front().get() ? "" : "+OK\r\n");
  };
  auto all = [&]() -> Task<> {
    // A short one says nothing of the connection.
    std::string ended = co_await with_deadline(milliseconds(249), set("a"));
    EXPECT_EQ(ended, "DEADLINE_EXCEEDED ");
    std::string result;
    TaskGroup group("waits");
    group.spawn(into(set("b"), &result));
    co_await sleep_for(milliseconds(1));
    EXPECT_EQ(fake.connects, 1u);
    ended = co_await with_deadline(milliseconds(250), set("a"));
    EXPECT_EQ(ended, "DEADLINE_EXCEEDED ");
    const Clock::time_point begin = Loop::current().now();
    const std::string next = co_await set("c");
    EXPECT_EQ(next, "set");
    EXPECT_LT(Loop::current().now() - begin, milliseconds(10));
    EXPECT_EQ(fake.connects, 2u);
    EXPECT_EQ(fake.peer(1).commands, (std::vector<std::string>{"SET c x"}));
    // What is on the old one has until the limit.
    EXPECT_FALSE(fake.peer().is_closed());
    co_await group.join();
    EXPECT_EQ(result, "UNAVAILABLE REDIS_TIMEOUT");
    co_await sleep_for(milliseconds(1));
    EXPECT_TRUE(fake.peer().is_closed());
  };
  run(all());
  EXPECT_EQ(client().stats().in_flight, 0u);
}

TEST_F(ClientTest, ALongAnswerThatComesSlowlyIsWaitedFor) {
  fake.answer = silent;
  auto all = [&]() -> Task<> {
    std::string value;
    TaskGroup group("slow");
    group.spawn(into(get("a"), &value));
    co_await sleep_for(milliseconds(1));
    fake.peer().send("$10\r\n");
    for (int i = 0; i < 10; ++i) {
      co_await sleep_for(milliseconds(1'900));
      fake.peer().send("x");
    }
    fake.peer().send("\r\n");
    co_await group.join();
    EXPECT_EQ(value, "xxxxxxxxxx");
  };
  run(all());
}

TEST_F(ClientTest, AServerThatIsDownFailsAtOnceAndIsTriedLessAndLess) {
  fake.refusals = 1'000'000;
  auto all = [&]() -> Task<> {
    const Clock::time_point begin = Loop::current().now();
    int errors = 0;
    while (Loop::current().now() - begin < seconds(30)) {
      std::string result = co_await set("a");
      EXPECT_EQ(result, "UNAVAILABLE CONNECTION_REFUSED");
      ++errors;
      co_await sleep_for(milliseconds(5));
    }
    EXPECT_GT(errors, 5'900);
    // 20, 40, ... 640 ms, then a second; each from a half of it on.
    EXPECT_GE(fake.connects, 31u);
    EXPECT_LE(fake.connects, 70u);
    for (std::size_t i = 7; i + 1 < fake.connected_at.size(); ++i) {
      const auto pause = fake.connected_at[i + 1] - fake.connected_at[i];
      EXPECT_TRUE(pause >= milliseconds(495) && pause <= milliseconds(1'010));
    }
    fake.refusals = 0;
    co_await sleep_for(milliseconds(1'000));
    std::string result = co_await set("a");
    EXPECT_EQ(result, "set");
  };
  run(all());
  EXPECT_EQ(client().stats().in_flight, 0u);
}

TEST_F(ClientTest, SoManyTasksWaitForAConnection) {
  options.waiting_per_node = 3;
  fake.delay = milliseconds(100);
  auto all = [&]() -> Task<> {
    std::array<std::string, 4> results;
    TaskGroup group("all");
    for (std::string& result : results) group.spawn(into(set("a"), &result));
    co_await group.join();
    EXPECT_EQ(results, (std::array<std::string, 4>{"set", "set", "set",
                                                   "RESOURCE_EXHAUSTED REDIS_QUEUE_FULL"}));
  };
  run(all());
  EXPECT_EQ(client().stats().refused, 1u);
}

TEST_F(ClientTest, SoManyCommandsAreOnTheirWay) {
  options.pipeline_depth = 4;
  options.connections_per_node = 1;
  fake.answer = silent;
  auto all = [&]() -> Task<> {
    std::array<std::string, 6> results;
    TaskGroup group("all");
    for (std::string& result : results) group.spawn(into(get("a"), &result));
    co_await sleep_for(milliseconds(1));
    EXPECT_EQ(fake.peer().commands.size(), 4u);
    fake.peer().send(bulk("1"));
    co_await sleep_for(milliseconds(1));
    EXPECT_EQ(fake.peer().commands.size(), 5u);
    for (const std::string_view text : {"2", "3", "4", "5"}) fake.peer().send(bulk(text));
    co_await sleep_for(milliseconds(1));
    fake.peer().send(bulk("6"));
    co_await group.join();
    EXPECT_EQ(results, (std::array<std::string, 6>{"1", "2", "3", "4", "5", "6"}));
  };
  run(all());
  EXPECT_EQ(fake.connects, 1u);
}

TEST_F(ClientTest, UnderLoadAnotherConnectionIsOpened) {
  options.pipeline_depth = 4;
  options.connections_per_node = 2;
  fake.answer = silent;
  auto all = [&]() -> Task<> {
    std::array<std::string, 12> results;
    TaskGroup group("all");
    for (std::string& result : results) group.spawn(into(get("a"), &result));
    co_await sleep_for(milliseconds(1));
    EXPECT_EQ(fake.connects, 2u);
    EXPECT_EQ(fake.peer(0).commands.size(), 4u);
    EXPECT_EQ(fake.peer(1).commands.size(), 4u);
    group.cancel();
    static_cast<void>(co_await as_result(group.join()));
  };
  run(all());
  EXPECT_EQ(client().stats().in_flight, 0u);
  EXPECT_EQ(client().stats().abandoned, 8u);
}

TEST_F(ClientTest, WhatIsNoRedisIsLeft) {
  for (const std::string_view garbage :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "$-5\r\n", "*1\r\n>1\r\n", "$99999999999\r\n"}) {
    fake.answer = [garbage](Peer&, const std::string&) { return std::string(garbage); };
    auto all = [&]() -> Task<> {
      std::string result = co_await set("a");
      EXPECT_TRUE(result == "UNAVAILABLE REDIS_PROTOCOL_ERROR" ||
                  result == "UNAVAILABLE REDIS_REPLY_TOO_LARGE")
          << result;
      co_await sleep_for(milliseconds(1));
      EXPECT_TRUE(fake.peers.back()->is_closed());
    };
    run(all());
  }
  EXPECT_EQ(fake.connects, 4u);
}

TEST_F(ClientTest, AnAnswerThatNobodyAskedForEndsTheConnection) {
  fake.answer = [](Peer&, const std::string&) { return std::string("+OK\r\n+OK\r\n"); };
  auto all = [&]() -> Task<> {
    std::string result = co_await set("a");
    EXPECT_EQ(result, "set");
    co_await sleep_for(milliseconds(1));
    EXPECT_TRUE(fake.peer().is_closed());
    result = co_await set("b");
    EXPECT_EQ(result, "set");
  };
  run(all());
  EXPECT_EQ(fake.connects, 2u);
}

TEST_F(ClientTest, WhatAServerSaysByItselfIsNoAnswer) {
  fake.answer = [](Peer&, const std::string&) {
    return ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n" + bulk("value");
  };
  auto all = [&]() -> Task<> {
    std::string result = co_await get("a");
    EXPECT_EQ(result, "value");
  };
  run(all());
}

TEST_F(ClientTest, AServerThatTakesNoWritesIsLeftForANewConnection) {
  fake.answer = [this](Peer&, const std::string&) {
    return std::string(fake.connects == 1 ? "-READONLY You can't write\r\n" : "+OK\r\n");
  };
  auto all = [&]() -> Task<> {
    std::string result = co_await set("a");
    EXPECT_EQ(result, "UNAVAILABLE REDIS_READONLY");
    result = co_await set("a");
    EXPECT_EQ(result, "set");
    EXPECT_TRUE(fake.peer().is_closed());
  };
  run(all());
}

TEST_F(ClientTest, ByteByByteAndInRandomPiecesItIsTheSame) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    fake.network.one_byte = seed == 0;
    fake.network.seed = seed;
    fake.network.most_moved = 7;
    fake.network.most_delay = milliseconds(seed);
    fake.answer = echo;
    auto all = [&]() -> Task<> {
      std::array<std::string, 20> results;
      TaskGroup group("all");
      for (std::size_t i = 0; i < results.size(); ++i) {
        group.spawn(into(get(std::string(i * 10, 'k') + "!"), &results[i]));
      }
      co_await group.join();
      for (std::size_t i = 0; i < results.size(); ++i) {
        EXPECT_EQ(results[i], std::string(i * 10, 'k') + "!") << "seed " << seed;
      }
      if (!fake.peers.empty()) fake.peers.back()->close();
      co_await sleep_for(seconds(1));
    };
    run(all());
  }
}

TEST_F(ClientTest, ConnectionsThatBreakAnywhereLoseNobodysAnswer) {
  for (std::size_t bytes = 1; bytes < 400; bytes += 3) {
    fake.network.breaks_after = bytes;
    fake.answer = echo;
    auto all = [&]() -> Task<> {
      std::array<std::string, 6> results;
      TaskGroup group("all");
      for (std::size_t i = 0; i < results.size(); ++i) {
        group.spawn(into(i % 2 == 0 ? get("k" + std::to_string(i)) : set("s"), &results[i]));
      }
      co_await group.join();
      for (std::size_t i = 0; i < results.size(); ++i) {
        const std::string wanted = i % 2 == 0 ? "k" + std::to_string(i) : "set";
        EXPECT_TRUE(results[i] == wanted || results[i].starts_with("UNAVAILABLE"))
            << results[i] << " after " << bytes;
      }
      co_await sleep_for(seconds(2));
    };
    run(all());
  }
  EXPECT_EQ(client().stats().in_flight, 0u);
}

TEST_F(ClientTest, TheEndOfTheClientEndsItsConnections) {
  auto all = [&]() -> Task<> {
    std::string result = co_await set("a");
    EXPECT_EQ(result, "set");
    end_client();
    co_await sleep_for(milliseconds(1));
    EXPECT_TRUE(fake.peer().is_closed());
  };
  run(all());
}

}  // namespace
}  // namespace kit::redis
