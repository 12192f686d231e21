// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/detail/retry.hpp"

#include <chrono>

#include "kit/http/client/client_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n";

class RetryTest : public ClientTest {
 protected:
  RetryTest() { options.retry.seed = 1; }

  Running<Response> send(Method method, SendOptions send = {}) {
    ClientRequest request;
    request.method = method;
    request.url = "http://a/";
    return begin(client().send(std::move(request), send));
  }
  /// A connection that has served one request.
  void warm_up() {
    auto call = get("http://a/");
    answer(ok_hello);
    ASSERT_EQ(numbers().idle, 1);
    peer().take();
  }
};

TEST_F(RetryTest, TriesAgainWhenNothingWasSent) {
  connector.refusals = 2;
  auto call = post("body");
  loop.advance(1s);
  answer(ok_hello);
  EXPECT_EQ(call.value().body, "hello");
  EXPECT_EQ(numbers().retries, 2U);
  EXPECT_EQ(numbers().failures, 2U);
}

TEST_F(RetryTest, TriesTwiceAgainAtMost) {
  connector.refusals = 3;
  connector.refusal = Error(Code::unavailable, "no").with_reason("CONNECTION_REFUSED");
  auto call = get("http://a/");
  loop.advance(1s);
  EXPECT_EQ(call.error(), "UNAVAILABLE CONNECTION_REFUSED");
  EXPECT_EQ(numbers().retries, 2U);
}

TEST_F(RetryTest, DoesNotTryAgainWhereItIsOfNoUse) {
  for (const char* reason : {"TLS_HANDSHAKE_FAILED", "HOST_NOT_FOUND"}) {
    connector.refusals = 1;
    connector.refusal = Error(Code::unavailable, "no").with_reason(reason);
    EXPECT_EQ(get("http://a/").error(), std::string("UNAVAILABLE ") + reason);
  }
  EXPECT_EQ(numbers().retries, 0U);
}

TEST_F(RetryTest, TriesIdempotentMethodsAgainWhenTheConnectionBreaks) {
  for (Method method : {Method::get, Method::head, Method::put, Method::delete_, Method::options}) {
    client().close_idle();
    const std::size_t first = connector.peers.size();
    auto call = send(method);
    peer(first).reset();
    loop.advance(1s);
    ASSERT_EQ(connector.peers.size(), first + 2) << name(method);
    answer("HTTP/1.1 204 \r\n\r\n", first + 1);
    EXPECT_EQ(call.value().status, 204);
  }
}

TEST_F(RetryTest, NeverSendsTwiceWhatMayHaveBeenDone) {
  for (Method method : {Method::post, Method::patch}) {
    const std::size_t first = connector.peers.size();
    auto call = send(method);
    peer(first).reset();
    loop.advance(1s);
    EXPECT_EQ(call.error(), "UNAVAILABLE CONNECTION_LOST");
    EXPECT_EQ(connector.peers.size(), first + 1);
  }
  auto keyed = send(Method::post, {.idempotent = true});
  peer(2).reset();
  loop.advance(1s);
  answer(ok_hello, 3);
  EXPECT_EQ(keyed.value().status, 200);
}

/// A server that ends the connection at every place of its answer.
TEST_F(RetryTest, SurvivesAResetAtEveryByte) {
  options.retry.tokens = 10'000;
  for (bool reset : {false, true}) {
    for (std::size_t at = 0; at < ok_hello.size(); ++at) {
      client().close_idle();
      const std::size_t first = connector.peers.size();
      auto call = get("http://a/");
      answer(ok_hello.substr(0, at), first);
      if (reset) {
        peer(first).reset();
      } else {
        peer(first).half_close();
      }
      loop.advance(1s);
      ASSERT_EQ(connector.peers.size(), first + 2) << at;
      answer(ok_hello, first + 1);
      EXPECT_EQ(call.value().body, "hello") << at;
      auto once = post("x");
      answer(ok_hello.substr(0, at), first + 1);
      peer(first + 1).reset();
      loop.advance(1s);
      EXPECT_EQ(once.error(), "UNAVAILABLE CONNECTION_LOST") << at;
    }
  }
  EXPECT_EQ(numbers().busy + numbers().idle, 0);
}

TEST_F(RetryTest, ReplacesAStaleConnectionAtOnce) {
  warm_up();
  auto call = get("http://a/");
  peer().half_close();  // after the request was sent: it had been closing
  run();                // no pause
  ASSERT_EQ(connector.peers.size(), 2U);
  answer(ok_hello, 1);
  EXPECT_EQ(call.value().body, "hello");
  EXPECT_EQ(numbers().stale, 1U);
  EXPECT_EQ(numbers().retries, 1U);
}

TEST_F(RetryTest, ReplacesAStaleConnectionOnlyOnce) {
  options.retry.attempts = 0;
  auto first = get("http://a/");
  auto second = get("http://a/");
  answer(ok_hello, 0);
  answer(ok_hello, 1);
  auto call = get("http://a/");  // on one of the two
  peer(0).half_close();
  peer(1).half_close();
  run();
  ASSERT_EQ(connector.peers.size(), 3U);
  peer(2).half_close();
  run();
  EXPECT_EQ(call.error(), "UNAVAILABLE CONNECTION_LOST");
}

TEST_F(RetryTest, SendsAPostAgainOnAStaleConnectionOnlyWhenNoByteWasSent) {
  warm_up();
  auto sent = post("x");
  peer().half_close();
  run();
  EXPECT_EQ(sent.error(), "UNAVAILABLE CONNECTION_LOST");

  auto again = get("http://a/");
  answer(ok_hello, 1);
  EXPECT_EQ(again.value().status, 200);
  connector.writes_fail = true;
  connector.delay = 1ms;
  auto unsent = post("x");
  EXPECT_FALSE(unsent.done());
  connector.writes_fail = false;
  loop.advance(1ms);
  answer(ok_hello, 2);
  EXPECT_EQ(unsent.value().body, "hello");
}

TEST_F(RetryTest, NeverReadsAStreamedBodyTwice) {
  warm_up();
  auto streamed = [&] {
    ClientRequest request;
    request.method = Method::put;
    request.url = "http://a/";
    request.stream = stream_of("body");
    return client().send(std::move(request));
  };
  auto begun = begin(streamed());
  peer().half_close();
  loop.advance(1s);
  EXPECT_EQ(begun.error(), "UNAVAILABLE CONNECTION_LOST");
  connector.refusals = 1;
  auto unbegun = begin(streamed());
  loop.advance(1s);
  EXPECT_TRUE(contains(peer(1).take(), "Content-Length: 4\r\n\r\nbody"));
  answer(ok_hello, 1);
  EXPECT_EQ(unbegun.value().status, 200);
}

TEST_F(RetryTest, ObeysRetryAfter) {
  auto call = get("http://a/");
  answer(std::string(busy) + "Retry-After: 2\r\n\r\n");
  loop.advance(1'999ms);
  EXPECT_FALSE(call.done());
  peer().take();
  loop.advance(1ms);
  EXPECT_TRUE(peer().take().starts_with("GET / "));
  answer(ok_hello);
  EXPECT_EQ(call.value().body, "hello");
}

TEST_F(RetryTest, AnswersBusyWhenTryingAgainMakesNoSense) {
  auto no_hint = get("http://a/");
  answer(std::string(busy) + "\r\n");
  EXPECT_EQ(no_hint.value().status, 503);
  auto date = get("http://a/");
  answer(std::string(busy) + "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n");
  EXPECT_EQ(date.value().status, 503);
  auto too_long = get("http://a/", {.timeout = 2h});
  answer(std::string(busy) + "Retry-After: 3601\r\n\r\n");
  EXPECT_EQ(too_long.value().status, 503);
  auto too_late = begin(client().get("http://a/"), 2s);
  answer(std::string(busy) + "Retry-After: 2\r\n\r\n");
  EXPECT_EQ(too_late.value().status, 503);
  auto unsafe = post("x");
  answer(std::string(busy) + "Retry-After: 0\r\n\r\n");
  EXPECT_EQ(unsafe.value().status, 503);
  auto other = get("http://a/");
  answer("HTTP/1.1 500 \r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(other.value().status, 500);
  EXPECT_EQ(numbers().retries, 0U);
}

TEST_F(RetryTest, WaitsAnHourAtMost) {
  auto call = get("http://a/", {.timeout = 2h});
  answer(std::string(busy) + "Retry-After: 3600\r\n\r\n");
  loop.advance(1h);
  answer(ok_hello, 1);
  EXPECT_EQ(call.value().status, 200);
}

TEST_F(RetryTest, KeepsToItsBudget) {
  options.breaker.enabled = false;
  connector.refusals = 1'000;
  for (int i = 0; i < 100; ++i) {
    auto call = get("http://a/");
    loop.advance(2s);
    EXPECT_EQ(call.error(), "UNAVAILABLE ");
  }
  EXPECT_EQ(numbers().retries, 3U);  // two of the first call, one of the second
  EXPECT_EQ(connector.endpoints.size(), 103U);
  // Another host has a budget of its own.
  auto other = get("http://b/");
  loop.advance(2s);
  EXPECT_EQ(numbers().retries, 5U);
}

TEST_F(RetryTest, StopsWithTheDeadline) {
  connector.refusals = 10;
  options.retry.first_delay = 10s;
  options.retry.longest_delay = 10s;
  options.retry.seed = 3;
  auto call = begin(client().get("http://a/"), 1ms);
  loop.advance(1ms);
  EXPECT_TRUE(call.done());
  EXPECT_EQ(connector.endpoints.size(), 1U);
}

}  // namespace
}  // namespace kit::http
