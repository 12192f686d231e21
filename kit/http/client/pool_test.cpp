// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <deque>

#include "kit/async/live.hpp"
#include "kit/http/client/client_test_support.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

class ClientPoolTest : public ClientTest {
 protected:
  void expect(std::int64_t idle, std::int64_t busy, std::int64_t waiters) {
    const ClientNumbers now = numbers();
    EXPECT_EQ(now.idle, idle);
    EXPECT_EQ(now.busy, busy);
    EXPECT_EQ(now.waiters, waiters);
  }
  /// Answers `busy` and stops in the turn in which its connection is handed on.
  void turn_until_done(Running<Response>& busy) {
    peer().send(ok_hello);
    for (int turn = 0; turn < 10 && !busy.done(); ++turn) {
      loop.post([this] { loop.stop(); });
      loop.run();
    }
    ASSERT_TRUE(busy.done());
  }
  /// What is listed of a host: connections now and ever.
  static std::string listed(std::string_view of) {
    std::string text;
    for (const LiveCount& count : live_counts()) {
      if (count.name != "http_client_connections" || count.of != of) continue;
      text += std::to_string(count.live) + " of " + std::to_string(count.total) + ";";
    }
    return text;
  }
};

TEST_F(ClientPoolTest, KeepsConnectionsByOrigin) {
  for (const char* url : {"http://a/", "http://a:80/x", "http://A/"}) {
    auto call = get(url);
    answer(ok_hello);
    EXPECT_EQ(call.value().status, 200);
  }
  EXPECT_EQ(numbers().opened, 1U);
  EXPECT_EQ(numbers().reused, 2U);
  auto other_port = get("http://a:81/");
  auto tls = get("https://a/");
  auto other_name = get("http://b/");
  EXPECT_EQ(connector.peers.size(), 4U);
  EXPECT_TRUE(connector.endpoints[2].tls);
  EXPECT_EQ(connector.endpoints[2].application_protocols,
            (std::vector<std::string>{"h2", "http/1.1"}));
  expect(1, 3, 0);
}

TEST_F(ClientPoolTest, UsesTheConnectionThatWasUsedLast) {
  auto first = get("http://a/");
  auto second = get("http://a/");
  answer(ok_hello, 0);
  loop.advance(1s);
  answer(ok_hello, 1);
  peer(1).take();
  auto third = get("http://a/");
  EXPECT_TRUE(peer(1).take().starts_with("GET "));
}

TEST_F(ClientPoolTest, ClosesWhatIsIdleForTooLong) {
  auto first = get("http://a/");
  answer(ok_hello);
  loop.advance(29'999ms);
  EXPECT_FALSE(peer().closed());
  auto second = get("http://a/");
  answer(ok_hello);
  loop.advance(29'999ms);
  EXPECT_FALSE(peer().closed());
  loop.advance(1ms);
  EXPECT_TRUE(peer().closed());
  expect(0, 0, 0);
  EXPECT_EQ(numbers().opened, 1U);
}

TEST_F(ClientPoolTest, ClosesWhatIsTooOld) {
  options.pool.age = 10s;
  auto first = get("http://a/");
  answer(ok_hello);
  loop.advance(9'999ms);
  auto second = get("http://a/");
  loop.advance(1ms);
  answer(ok_hello);
  EXPECT_EQ(second.value().status, 200);
  EXPECT_TRUE(peer().closed());
  auto third = get("http://a/");
  answer(ok_hello, 1);
  loop.advance(10s);
  EXPECT_FALSE(peer(1).closed());
  auto fourth = get("http://a/");
  EXPECT_TRUE(peer(1).closed());
  EXPECT_EQ(numbers().opened, 3U);
}

TEST_F(ClientPoolTest, LimitsIdleConnectionsOfAllHosts) {
  options.pool.idle = 2;
  std::deque<Running<Response>> calls;
  for (const char* url : {"http://a/", "http://b/", "http://c/"}) {
    calls.emplace_back(loop, client().get(url));
  }
  for (std::size_t i = 0; i < 3; ++i) {
    answer(ok_hello, i);
    loop.advance(1s);
  }
  EXPECT_TRUE(peer(0).closed());
  EXPECT_FALSE(peer(1).closed());
  EXPECT_FALSE(peer(2).closed());
  expect(2, 0, 0);
}

TEST_F(ClientPoolTest, QueuesWhenAHostIsBusy) {
  options.pool.per_host = 2;
  std::deque<Running<Response>> calls;
  for (int i = 0; i < 5; ++i) {
    calls.emplace_back(loop, client().get("http://a/" + std::to_string(i)));
  }
  EXPECT_EQ(connector.peers.size(), 2U);
  expect(0, 2, 3);
  auto other = get("http://b/");
  EXPECT_EQ(connector.peers.size(), 3U);
  peer(0).take();
  answer(ok_hello, 0);
  EXPECT_TRUE(calls[0].done());
  EXPECT_TRUE(peer(0).take().starts_with("GET /2 "));  // first come, first served
  answer(ok_hello, 0);
  EXPECT_TRUE(peer(0).take().starts_with("GET /3 "));
  answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 0);
  EXPECT_TRUE(calls[3].done());
  ASSERT_EQ(connector.peers.size(), 4U);  // a new connection in the place of the closed one
  EXPECT_TRUE(peer(3).take().starts_with("GET /4 "));
  expect(0, 3, 0);
  answer(ok_hello, 1);
  answer(ok_hello, 2);
  answer(ok_hello, 3);
  EXPECT_EQ(calls[1].value().body, "hello");
  EXPECT_EQ(calls[4].value().body, "hello");
  expect(3, 0, 0);
}

TEST_F(ClientPoolTest, LimitsThoseWhoWait) {
  options.pool.per_host = 1;
  options.pool.waiters = 2;
  std::deque<Running<Response>> calls;
  for (int i = 0; i < 4; ++i) calls.emplace_back(loop, client().get("http://a/"));
  EXPECT_FALSE(calls[2].done());
  EXPECT_EQ(calls[3].error(), "RESOURCE_EXHAUSTED POOL_EXHAUSTED");
  answer(ok_hello);
  answer(ok_hello);
  answer(ok_hello);
  EXPECT_EQ(calls[2].value().body, "hello");
  EXPECT_EQ(numbers().retries, 0U);
}

TEST_F(ClientPoolTest, ForgetsThoseWhoGiveUpWaiting) {
  options.pool.per_host = 1;
  auto busy = get("http://a/busy");
  auto cancelled = get("http://a/cancelled");
  auto late = begin(client().get("http://a/late"), 1s);
  std::optional<Running<Response>> dropped(std::in_place, loop, client().get("http://a/dropped"));
  auto last = get("http://a/last");
  expect(0, 1, 4);
  cancelled.cancel();
  EXPECT_EQ(cancelled.error(), "CANCELLED ");
  dropped.reset();
  loop.advance(1s);
  EXPECT_EQ(late.error(), "DEADLINE_EXCEEDED ");
  expect(0, 1, 1);
  peer().take();
  answer(ok_hello);
  EXPECT_TRUE(peer().take().starts_with("GET /last "));
}

TEST_F(ClientPoolTest, GivesOnWhatAWaiterCannotUse) {
  options.pool.per_host = 1;
  auto busy = get("http://a/busy");
  std::optional<Running<Response>> first(std::in_place, loop, client().get("http://a/first"));
  auto second = get("http://a/second");
  // The answer is there and the connection granted, but the one that got it is dropped.
  peer().take();
  turn_until_done(busy);
  loop.post([&] { first.reset(); });
  run();
  EXPECT_TRUE(contains(peer().take(), "GET /second "));
  answer(ok_hello);
  EXPECT_EQ(second.value().body, "hello");
  expect(1, 0, 0);
}

TEST_F(ClientPoolTest, SendsNothingForAWaiterThatWasCancelledAsItWasServed) {
  options.pool.per_host = 1;
  auto busy = get("http://a/busy");
  auto first = get("http://a/first");
  auto second = get("http://a/second");
  peer().take();
  turn_until_done(busy);
  first.cancel();
  EXPECT_EQ(first.error(), "CANCELLED ");
  EXPECT_TRUE(peer().take().starts_with("GET /second "));
  answer(ok_hello);
  EXPECT_EQ(second.value().body, "hello");
  EXPECT_EQ(numbers().opened, 1U);
}

TEST_F(ClientPoolTest, SendsNothingForACallThatIsCancelledAlready) {
  auto first = get("http://a/");
  answer(ok_hello);
  peer().take();
  auto second = begin([](Client& sender) -> Task<Response> {
    Context own;
    own.cancel(Error(Code::cancelled, "enough"));
    Context::Scope scope(own);
    auto response = co_await as_result(sender.get("http://a/"));
    scope.leave();
    co_return std::move(response);
  }(client()));
  EXPECT_EQ(second.error(), "CANCELLED ");
  EXPECT_EQ(peer().take(), "");
  expect(1, 0, 0);
}

TEST_F(ClientPoolTest, ReplacesAConnectionThatEndsAsItIsHandedOn) {
  options.pool.per_host = 1;
  auto busy = get("http://a/busy");
  auto waiting = post("not twice");
  auto last = get("http://a/last");
  turn_until_done(busy);
  peer().half_close();
  run();
  ASSERT_EQ(connector.peers.size(), 2U);
  EXPECT_TRUE(peer(1).take().starts_with("POST / "));
  expect(0, 1, 1);
  EXPECT_EQ(numbers().stale, 1U);
  answer(ok_hello, 1);
  answer(ok_hello, 1);
  EXPECT_EQ(waiting.value().body, "hello");
  EXPECT_EQ(last.value().body, "hello");
  expect(1, 0, 0);
}

TEST_F(ClientPoolTest, TasksMayBeDroppedAfterTheLoopHasEnded) {
  options.pool.per_host = 1;
  std::optional<Running<Response>> first(std::in_place, loop, client().get("http://a/1"));
  auto second = get("http://a/2");
  expect(0, 1, 1);
  first.reset();  // outside of any loop: its connection is not handed on
  EXPECT_FALSE(second.done());
  expect(0, 0, 1);
}

TEST_F(ClientPoolTest, PassesAFailedPlaceOn) {
  options.pool.per_host = 1;
  options.retry.attempts = 0;
  connector.refusals = 1;
  connector.delay = 10ms;
  auto first = get("http://a/");
  auto second = get("http://a/");
  expect(0, 0, 1);
  loop.advance(10ms);
  EXPECT_EQ(first.error(), "UNAVAILABLE ");
  loop.advance(10ms);
  answer(ok_hello);
  EXPECT_EQ(second.value().body, "hello");
}

TEST_F(ClientPoolTest, DoesNotReuseWhatThePeerHasClosed) {
  auto first = get("http://a/");
  answer(ok_hello);
  peer().half_close();
  run();
  auto second = post("body");  // not even idempotent: nothing was sent on the first connection
  answer(ok_hello, 1);
  EXPECT_EQ(second.value().body, "hello");
  EXPECT_EQ(numbers().stale, 1U);
  EXPECT_EQ(numbers().retries, 0U);
  peer(1).send("HTTP/1.1 408 Request Timeout\r\n\r\n");  // nobody asked
  run();
  auto third = get("http://a/");
  answer(ok_hello, 2);
  EXPECT_EQ(third.value().body, "hello");
  EXPECT_EQ(numbers().stale, 2U);
}

TEST_F(ClientPoolTest, EndsWithItsClient) {
  {
    Client other(connector, {});
    Running<Response> call(loop, other.get("http://a/"));
    answer(ok_hello);
    EXPECT_EQ(other.statistics()->total().idle, 1);
    Running<Response> streamed(loop, other.get("http://a/", {.stream = true}));
    answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
    const auto statistics = other.statistics();
    std::optional<Client> gone;
    Response response = std::move(streamed.value());
    EXPECT_EQ(statistics->total().busy, 1);
    other.close_idle();
    Running<std::string> body(loop, read_all(*response.stream, 10));
    answer("lo");
    EXPECT_EQ(body.value(), "hello");
  }
  run();
  EXPECT_TRUE(peer().closed());
}

TEST_F(ClientPoolTest, StreamedAnswersOutliveTheirClient) {
  auto other = std::make_unique<Client>(connector, ClientOptions{});
  const auto statistics = other->statistics();
  Running<Response> streamed(loop, other->get("http://a/", {.stream = true}));
  answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  Response response = std::move(streamed.value());
  other.reset();
  EXPECT_FALSE(peer().closed());
  Running<std::string> body(loop, read_all(*response.stream, 10));
  answer("lo");
  EXPECT_EQ(body.value(), "hello");
  run();
  EXPECT_TRUE(peer().closed());
  EXPECT_EQ(statistics->total().idle + statistics->total().busy, 0);
}

TEST_F(ClientPoolTest, CountsForMetrics) {
  options.statistics = std::make_shared<ClientStatistics>();
  ClientOptions same;
  same.statistics = options.statistics;
  Client other(connector, std::move(same));
  auto first = get("http://b/");
  Running<Response> second(loop, other.get("http://a/"));
  Running<Response> third(loop, other.get("http://b/"));
  answer(ok_hello, 0);
  EXPECT_EQ(numbers().opened, 3U);
  const auto hosts = client().statistics()->hosts();
  ASSERT_EQ(hosts.size(), 2U);
  EXPECT_EQ(hosts[0].name, "http://a");
  EXPECT_EQ(hosts[0].numbers.busy, 1);
  EXPECT_EQ(hosts[1].name, "http://b");
  EXPECT_EQ(hosts[1].numbers.busy, 1);
  EXPECT_EQ(hosts[1].numbers.idle, 1);
  telemetry::Registry registry;
  add_metrics(registry, client().statistics());
  std::string text;
  registry.write_text(text);
  EXPECT_TRUE(contains(text, "\nhttp_client_connections_opened_total 3\n")) << text;
  EXPECT_TRUE(contains(text, "\nhttp_client_connections_idle 1\n"));
  EXPECT_TRUE(contains(text, "\nhttp_client_connections_busy 2\n"));
  EXPECT_TRUE(contains(text, "\nhttp_client_waiters 0\n"));
}

TEST_F(ClientPoolTest, ListsConnectionsByHostForAllClients) {
  options.statistics = std::make_shared<ClientStatistics>();
  ClientOptions same;
  same.statistics = options.statistics;
  Client other(connector, std::move(same));
  auto first = get("http://a/");
  auto second = get("http://a/");
  Running<Response> third(loop, other.get("http://a/"));
  auto ipv6 = get("https://[::1]/");
  EXPECT_EQ(listed("a:80"), "3 of 3;");
  EXPECT_EQ(listed("[::1]:443"), "1 of 1;");
  answer(ok_hello, 0);
  EXPECT_EQ(listed("a:80"), "3 of 3;");
  client().close_idle();
  EXPECT_EQ(listed("a:80"), "2 of 3;");
  second.cancel();
  EXPECT_EQ(listed("a:80"), "1 of 3;");
}

TEST_F(ClientPoolTest, ForgetsHostsThatNobodyUses) {
  connector.refusals = 2'000;
  options.retry.attempts = 0;
  for (int i = 0; i < 1'001; ++i) get("http://h" + std::to_string(i) + "/");
  EXPECT_LE(client().statistics()->hosts().size(), 1'000U);
}

}  // namespace
}  // namespace kit::http
