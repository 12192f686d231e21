// SPDX-License-Identifier: Apache-2.0
// Against one real server, over TCP, TLS or with a password, as run.py says.
#include <algorithm>
#include <atomic>
#include <thread>

#include "kit/async/task_group.hpp"
#include "tests/redis/server_test_support.hpp"

namespace kit::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(ServerTest, ValuesKeysAndTheirTime) {
  EXPECT_FALSE(run(client->get("none")).value());
  EXPECT_TRUE(run(client->set("key", std::string("a\r\n\0b", 5))).value());
  EXPECT_EQ(run(client->get("key")).value(), std::string("a\r\n\0b", 5));
  SetOptions options;
  options.only = SetOptions::Only::if_missing;
  EXPECT_FALSE(run(client->set("key", "other", options)).value());
  options.only = SetOptions::Only::if_present;
  options.time_to_live = milliseconds(60'000);
  EXPECT_TRUE(run(client->set("key", "third", options)).value());
  const auto left = run(client->time_to_live("key")).value();
  EXPECT_TRUE(left && *left > milliseconds(50'000) && *left <= milliseconds(60'000));
  EXPECT_FALSE(run(client->time_to_live("none")).value());
  EXPECT_EQ(run(client->incr("number", 5)).value(), 5);
  EXPECT_EQ(run(client->incr("number")).value(), 6);
  EXPECT_EQ(run(client->time_to_live("number")).value(), milliseconds::max());
  EXPECT_TRUE(run(client->expire("number", milliseconds(10'000))).value());
  EXPECT_FALSE(run(client->expire("none", milliseconds(10'000))).value());
  const std::vector<std::string> keys = {"key", "none", "number"};
  const auto values = run(client->mget(keys)).value();
  EXPECT_EQ(values, (std::vector<std::optional<std::string>>{"third", std::nullopt, "6"}));
  EXPECT_TRUE(run(client->exists("key")).value());
  EXPECT_EQ(run(client->del(keys)).value(), 2);
  EXPECT_FALSE(run(client->exists("key")).value());
}

TEST_F(ServerTest, Hashes) {
  const std::vector<std::pair<std::string, std::string>> fields = {{"a", "1"}, {"b", "2"}};
  EXPECT_EQ(run(client->hset("hash", fields)).value(), 2);
  EXPECT_EQ(run(client->hget("hash", "b")).value(), "2");
  EXPECT_FALSE(run(client->hget("hash", "c")).value());
  EXPECT_EQ(run(client->hgetall("hash")).value(), fields);
  const std::vector<std::string> gone = {"a", "x"};
  EXPECT_EQ(run(client->hdel("hash", gone)).value(), 1);
}

TEST_F(ServerTest, ErrorsHaveCodesAndReasons) {
  run(client->set("text", "x")).value();
  EXPECT_EQ(shown(run(client->hget("text", "f"))), "FAILED_PRECONDITION REDIS_WRONGTYPE");
  EXPECT_EQ(shown(run(client->incr("text"))), "INVALID_ARGUMENT REDIS_ERROR");
  auto unknown = run(client->command(words("NOSUCH secret-argument")));
  EXPECT_EQ(shown(unknown), "UNIMPLEMENTED REDIS_ERROR");
  EXPECT_EQ(unknown.error().describe().find("secret-argument"), std::string::npos);
  for (const std::string_view refused : {"SUBSCRIBE", "BLPOP", "MULTI", "SELECT", "MONITOR"}) {
    EXPECT_EQ(shown(run(client->command(words({refused, "x", "0"})))),
              "FAILED_PRECONDITION REDIS_NOT_SHARED");
  }
  EXPECT_EQ(shown(run(client->get("text"))), "fine");
  EXPECT_EQ(client->stats().errors, 3u);
}

TEST_F(ServerTest, AThousandTasksShareOneConnection) {
  auto task = [](Client* shared, int i) -> Task<> {
    const std::string key = "key:" + std::to_string(i);
    const bool was_set = co_await shared->set(key, key);
    EXPECT_TRUE(was_set);
    for (int round = 0; round < 5; ++round) {
      std::optional<std::string> value = co_await shared->get(key);
      EXPECT_EQ(value, key);
    }
  };
  auto all = [&]() -> Task<> {
    TaskGroup group("tasks");
    for (int i = 0; i < 1'000; ++i) group.spawn(task(client.get(), i));
    co_await group.join();
  };
  run(all()).value();
  EXPECT_EQ(client->stats().commands, 6'001u);
  EXPECT_LE(client->stats().opened, 2u);
  EXPECT_EQ(client->stats().in_flight, 0u);
}

TEST_F(ServerTest, ThreadsShareAClientAndSeeItsEnd) {
  std::atomic<int> done{0};
  std::atomic<bool> ends{false};
  auto work = [&](Client* shared, int thread) -> Task<> {
    for (int i = 0; i < 200; ++i) {
      const std::string key = std::to_string(thread) + ":" + std::to_string(i);
      co_await shared->set(key, key);
      std::optional<std::string> value = co_await shared->get(key);
      EXPECT_EQ(value, key);
    }
    ++done;
    // The loop lives on when the client ends.
    while (!ends) co_await sleep_for(milliseconds(1));
  };
  auto count = [&]() -> Task<std::int64_t> {
    const Command list = words("CLIENT LIST");
    Reply clients = co_await client->command(list);
    co_return std::ranges::count(clients.bytes(), '\n');
  };
  const std::int64_t before = run(count()).value();
  auto shared = open_client(test_options());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      auto its = std::move(make_epoll_loop().value());
      EXPECT_EQ(shown(kit::run(*its, work(shared.get(), i))), "fine");
    });
  }
  while (done < 4) std::this_thread::sleep_for(milliseconds(1));  // polls
  EXPECT_EQ(shared->stats().commands, 1'600u);
  EXPECT_GE(run(count()).value(), before + 4);
  shared.reset();
  auto all_closed = [&]() -> Task<> {
    for (;;) {
      const std::int64_t now = co_await count();
      if (now <= before) co_return;
      co_await sleep_for(milliseconds(1));
    }
  };
  EXPECT_EQ(shown(run(with_deadline(seconds(10), all_closed()))), "fine");
  ends = true;
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ServerTest, PipelinesKeepTheirOrder) {
  std::vector<std::string> numbers;
  for (int i = 0; i < 5'000; ++i) numbers.push_back(std::to_string(i));
  std::vector<std::array<std::string_view, 3>> lines;
  for (const auto& number : numbers) lines.push_back({"RPUSH", "list", number});
  std::vector<Command> commands(lines.begin(), lines.end());
  auto replies = run(client->pipeline(commands)).value();
  ASSERT_EQ(replies.size(), numbers.size());
  for (std::size_t i = 0; i < replies.size(); ++i) {
    ASSERT_EQ(replies[i].as_integer().value(), static_cast<std::int64_t>(i + 1));
  }
  auto list = run(client->command(words("LRANGE list 0 -1"))).value();
  EXPECT_EQ(list.as_texts().value(), numbers);
}

TEST_F(ServerTest, CancelledTasksLeaveOthersTheirAnswers) {
  auto sleepy = [&]() -> Task<> {
    const auto slow = words("DEBUG SLEEP 0.2");
    Task<Reply> sleeping = with_deadline(milliseconds(20), client->command(slow));
    auto slept = co_await as_result(std::move(sleeping));
    EXPECT_EQ(slept.error().code(), Code::deadline_exceeded);
    co_await client->set("after", "1");
    std::optional<std::string> value = co_await client->get("after");
    EXPECT_EQ(value, "1");
  };
  run(sleepy()).value();
  EXPECT_EQ(client->stats().abandoned, 1u);
  EXPECT_EQ(client->stats().in_flight, 0u);
}

TEST_F(ServerTest, BlockingCommandsHaveTheirOwnConnection) {
  auto both = [&]() -> Task<> {
    TaskGroup group("both");
    auto pop = [](Client* its, Command command) -> Task<> {
      Reply reply = co_await its->blocking(command, seconds(5));
      EXPECT_EQ(reply.as_texts().value(), (std::vector<std::string>{"queue", "job"}));
    };
    group.spawn(pop(client.get(), words("BLPOP queue 5")));
    while (client->stats().in_use == 0) co_await sleep_for(milliseconds(1));
    co_await client->command(words("RPUSH queue job"));
    co_await group.join();
    Reply none = co_await client->blocking(words("BLPOP queue 0.01"), milliseconds(10));
    EXPECT_TRUE(none.is_null());
  };
  run(both()).value();
  EXPECT_EQ(client->stats().in_use, 0u);
}

TEST_F(ServerTest, TransactionsAreAllOrNothing) {
  const std::vector<Command> good = {words("SET a 1"), words("INCR a"), words("HGET a x")};
  auto replies = run(client->transaction(good)).value();
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_EQ(replies[1].as_integer().value(), 2);
  EXPECT_EQ(replies[2].to_error().reason(), "REDIS_WRONGTYPE");
  const std::vector<Command> bad = {words("SET a 9"), words("INCR")};
  EXPECT_EQ(shown(run(client->transaction(bad))), "ABORTED REDIS_EXECABORT");
  EXPECT_EQ(run(client->get("a")).value(), "2");
}

TEST_F(ServerTest, AWatchedKeyThatChangesEndsATransaction) {
  auto watch = [&]() -> Task<> {
    Session session = co_await client->session();
    co_await session.command(words("WATCH a"));
    co_await client->set("a", "other");
    const std::vector<Command> commands = {words("SET a mine")};
    auto done = co_await session.transaction(commands);
    EXPECT_FALSE(done);
    done = co_await session.transaction(commands);
    EXPECT_TRUE(done);
  };
  run(watch()).value();
  EXPECT_EQ(run(client->get("a")).value(), "mine");
}

TEST_F(ServerTest, ASessionLeavesNoStateBehind) {
  auto leave = [&]() -> Task<> {
    {
      Session session = co_await client->session();
      co_await session.command(words("SELECT 3"));
      co_await session.command(words("SET elsewhere 1"));
    }
    {
      Session session = co_await client->session();
      co_await session.command(words("MULTI"));
    }
    Session session = co_await client->session();
    Reply reply = co_await session.command(words("EXISTS elsewhere"));
    EXPECT_EQ(reply.as_integer().value(), 0);
  };
  run(leave()).value();
}

TEST_F(ServerTest, ScriptsAreSentOnce) {
  const Script script("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}");
  EXPECT_EQ(Script("").hash(), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  const std::array<std::string_view, 1> keys = {"counter"}, arguments = {"x"};
  run(client->command(words("SCRIPT FLUSH"))).value();
  for (std::int64_t i = 1; i <= 3; ++i) {
    const Reply reply = run(client->run(script, keys, arguments)).value();
    ASSERT_EQ(reply.items().size(), 3u);
    EXPECT_EQ(reply.items()[2].as_integer().value(), i);
  }
  EXPECT_EQ(client->stats().errors, 1u);  // NOSCRIPT, the first time
}

TEST_F(ServerTest, AServerThatStandsStillAndGoesOn) {
  auto tasks = [&]() -> Task<> {
    co_await client->set("a", "1");
    tests::control_server("pause");
    const Clock::time_point begin = Clock::now();
    for (int i = 0; i < 20; ++i) {
      Task<bool> setting = with_deadline(milliseconds(50), client->set("a", "2"));
      auto was_set = co_await as_result(std::move(setting));
      EXPECT_FALSE(was_set.ok());
    }
    EXPECT_LT(Clock::now() - begin, seconds(5)) << "errors are bounded by the deadline";
    tests::control_server("go_on");
    const Clock::time_point healed = Clock::now();
    for (;;) {
      auto was_set = co_await as_result(client->set("b", "3"));
      if (was_set.ok()) break;
      co_await sleep_for(milliseconds(10));
    }
    EXPECT_LT(Clock::now() - healed, seconds(2));
    std::optional<std::string> value = co_await client->get("b");
    EXPECT_EQ(value, "3");
    // What was given up is done whenever the server comes to it, after what another connection asks
    // even.
    value = co_await client->get("a");
    EXPECT_TRUE(value == "1" || value == "2");
  };
  run(tasks()).value();
  EXPECT_EQ(client->stats().in_flight, 0u);
}

TEST_F(ServerTest, AServerThatDiesAndComesBack) {
  int missed = 0, ready = 0;
  auto tasks = [&]() -> Task<> {
    TaskGroup group("listen");
    Subscriber subscriber;
    subscriber.on_message = [](std::string_view, std::string_view) {};
    subscriber.on_ready = [&] { ++ready; };
    subscriber.on_missed = [&] { ++missed; };
    group.spawn(client->subscribe({"news"}, {}, std::move(subscriber)));
    while (ready == 0) co_await sleep_for(milliseconds(1));
    co_await client->set("a", "1");
    tests::control_server("kill");
    for (int i = 0; i < 20; ++i) {
      auto was_set = co_await as_result(client->set("a", "2"));
      EXPECT_EQ(was_set.ok() ? "fine" : name(was_set.error().code()), "UNAVAILABLE");
      co_await sleep_for(milliseconds(10));
    }
    tests::control_server("start");
    const Clock::time_point healed = Clock::now();
    for (;;) {
      auto was_set = co_await as_result(client->set("a", "3"));
      if (was_set.ok()) break;
      co_await sleep_for(milliseconds(10));
    }
    EXPECT_LT(Clock::now() - healed, seconds(2));
    while (ready < 2) co_await sleep_for(milliseconds(1));
    EXPECT_EQ(missed, 2);
    group.cancel();
    static_cast<void>(co_await as_result(group.join()));
  };
  run(tasks()).value();
  EXPECT_EQ(client->stats().in_flight, 0u);
  EXPECT_EQ(client->stats().in_use, 0u);
}

TEST_F(ServerTest, TheWrongWordIsNoWayIn) {
  std::string dsn = tests::setting("KIT_TEST_DSN");
  const std::size_t at = dsn.find("se%2Fcr");
  if (at == dsn.npos) return;  // a server without a password
  dsn.replace(at, 2, "xx");
  auto other = open_client(test_options(dsn));
  auto value = run(other->get("a"));
  EXPECT_EQ(shown(value), "UNAUTHENTICATED REDIS_WRONGPASS");
  dsn = tests::setting("KIT_TEST_DSN");
  if (!dsn.starts_with("rediss")) return;
  const std::size_t query = dsn.find('?');
  auto stranger = open_client(test_options(dsn.substr(0, query)));
  EXPECT_EQ(shown(run(stranger->get("a"))), "UNAVAILABLE TLS_CERTIFICATE_REFUSED");
  auto careless = open_client(test_options(dsn.substr(0, query) + "?sslmode=require"));
  EXPECT_EQ(shown(run(careless->get("a"))), "fine");
}

TEST_F(ServerTest, OverAUnixSocketAndWithTheOlderProtocol) {
  const std::string dsn = tests::setting("KIT_TEST_SOCKET_DSN") + "&protocol=2&client-name=older";
  auto older = open_client(test_options(dsn));
  EXPECT_TRUE(run(older->set("a", "1")).value());
  EXPECT_EQ(run(client->get("a")).value(), "1");
  const std::vector<std::pair<std::string, std::string>> fields = {{"a", "1"}};
  run(older->hset("h", fields)).value();
  EXPECT_EQ(run(older->hgetall("h")).value(), fields);
  EXPECT_EQ(run(older->command(words("CLIENT GETNAME"))).value().bytes(), "older");
}

TEST_F(ServerTest, SubscriptionsHearWhatIsPublished) {
  std::vector<std::string> heard;
  bool is_ready = false;
  auto listen = [&]() -> Task<> {
    TaskGroup group("listen");
    Subscriber subscriber;
    subscriber.on_message = [&](std::string_view channel, std::string_view message) {
      heard.push_back(std::string(channel) + "=" + std::string(message));
    };
    subscriber.on_ready = [&] { is_ready = true; };
    group.spawn(client->subscribe({"news", "other"}, {"p:*"}, std::move(subscriber)));
    while (!is_ready) co_await sleep_for(milliseconds(1));
    const std::int64_t receivers = co_await client->publish("news", "1");
    EXPECT_EQ(receivers, 1);
    co_await client->publish("p:x", "2");
    co_await client->publish("nobody", "3");
    co_await client->publish("other", "4");
    while (heard.size() < 3) co_await sleep_for(milliseconds(1));
    group.cancel();
    static_cast<void>(co_await as_result(group.join()));
  };
  run(listen()).value();
  EXPECT_EQ(heard, (std::vector<std::string>{"news=1", "p:x=2", "other=4"}));
  EXPECT_EQ(client->stats().in_use, 0u);
}

}  // namespace
}  // namespace kit::redis
