// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <random>

#include "kit/http/client/client_test_support.hpp"
#include "kit/resilience/dependency.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

class BreakerTest : public ClientTest {
 protected:
  BreakerTest() { options.retry.seed = 1; }
  std::string failing_get(std::string url = "http://a/") {
    auto call = get(std::move(url));
    loop.advance(2s);
    return call.error();
  }
  int get_status(std::string_view text) {
    client().close_idle();
    auto call = get("http://a/");
    if (call.done()) return -1;
    answer(text, connector.peers.size() - 1);
    loop.advance(0s);
    return call.value().status;
  }
};

TEST_F(BreakerTest, OpensForAnOriginThatCannotBeReached) {
  options.retry.attempts = 0;
  connector.refusals = 1'000;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(failing_get(), "UNAVAILABLE ");
  EXPECT_EQ(failing_get(), "UNAVAILABLE BREAKER_OPEN");
  EXPECT_EQ(connector.endpoints.size(), 10U);
  EXPECT_EQ(numbers().refused, 1U);
  EXPECT_EQ(failing_get("http://b/"), "UNAVAILABLE ");  // another origin
  // Back: used again within two probe intervals.
  connector.refusals = 0;
  loop.advance(5s);
  EXPECT_EQ(get_status(ok_hello), 200);
  EXPECT_EQ(get_status(ok_hello), 200);
  EXPECT_EQ(get_status(ok_hello), 200);
}

TEST_F(BreakerTest, OpensForAnOriginThatFails) {
  for (const int status : {500, 502, 503, 504}) {
    options.breakers = std::make_shared<resilience::Breakers>();
    const std::string text =
        "HTTP/1.1 " + std::to_string(status) + " \r\nContent-Length: 0\r\n\r\n";
    ClientOptions mine;
    mine.breakers = options.breakers;
    Client one(connector, std::move(mine));
    for (int i = 0; i < 10; ++i) {
      auto call = begin(one.get("http://a/"));
      answer(text, connector.peers.size() - 1);
      EXPECT_EQ(call.value().status, status);
    }
    EXPECT_EQ(begin(one.get("http://a/")).error(), "UNAVAILABLE BREAKER_OPEN") << status;
  }
}

TEST_F(BreakerTest, WhatTheClientDidWrongOpensNothing) {
  for (int i = 0; i < 10; ++i) {
    for (const char* status : {"400", "404", "409", "429", "501", "505"}) {
      const std::string text = "HTTP/1.1 " + std::string(status) + " \r\nContent-Length: 0\r\n\r\n";
      EXPECT_EQ(get_status(text), std::stoi(status));
    }
  }
  EXPECT_EQ(numbers().refused, 0U);
}

TEST_F(BreakerTest, StaleConnectionsSayNothing) {
  options.retry.attempts = 0;
  options.breaker.failure_threshold = 1;
  auto first = get("http://a/");
  answer(ok_hello);
  auto call = get("http://a/");
  peer().half_close();
  run();
  answer(ok_hello, 1);
  EXPECT_EQ(call.value().status, 200);
  EXPECT_EQ(get_status(ok_hello), 200);
}

TEST_F(BreakerTest, ASilentOriginOpensItByTheClientsOwnLimit) {
  options.retry.attempts = 0;
  options.breaker.failure_threshold = 2;
  for (int i = 0; i < 2; ++i) {
    auto call = get("http://a/");
    loop.advance(10s);
    EXPECT_EQ(call.error(), "DEADLINE_EXCEEDED RESPONSE_TIMEOUT");
  }
  EXPECT_EQ(failing_get(), "UNAVAILABLE BREAKER_OPEN");
}

TEST_F(BreakerTest, ShortDeadlinesOfCallersSayNothing) {
  options.breaker.failure_threshold = 2;
  for (int i = 0; i < 20; ++i) {
    auto call = begin(client().get("http://a/"), 100ms);
    loop.advance(100ms);
    EXPECT_EQ(call.error(), "DEADLINE_EXCEEDED ");
  }
  EXPECT_EQ(get_status(ok_hello), 200);
}

TEST_F(BreakerTest, ACancelledProbeLeavesItsPlace) {
  options.retry.attempts = 0;
  options.breaker.failure_threshold = 1;
  options.breaker.probes = 1;
  connector.refusals = 1;
  EXPECT_EQ(failing_get(), "UNAVAILABLE ");
  loop.advance(5s);
  auto probe = get("http://a/");
  EXPECT_EQ(get("http://a/").error(), "UNAVAILABLE BREAKER_OPEN");
  probe.cancel();
  EXPECT_EQ(get_status(ok_hello), 200);
}

TEST_F(BreakerTest, IsSwitchedOff) {
  options.retry.attempts = 0;
  options.breaker.enabled = false;
  connector.refusals = 1'000;
  for (int i = 0; i < 50; ++i) EXPECT_EQ(failing_get(), "UNAVAILABLE ");
}

TEST_F(BreakerTest, ClientsOfAProcessShareThem) {
  options.breakers = std::make_shared<resilience::Breakers>();
  options.retry.attempts = 0;
  ClientOptions other_options;
  other_options.breakers = options.breakers;
  Client other(connector, std::move(other_options));
  connector.refusals = 1'000;
  for (int i = 0; i < 10; ++i) failing_get();
  EXPECT_EQ(begin(other.get("http://a/")).error(), "UNAVAILABLE BREAKER_OPEN");
}

/// An upstream that answers 503 for half a minute, and asks to come back at once.
TEST_F(BreakerTest, ARetryStormStaysSmall) {
  for (const bool with_breaker : {true, false}) {
    for (const double failing : {0.05, 0.2, 0.5, 1.0}) {
      ClientOptions mine;
      mine.retry.seed = 1;
      mine.breaker.enabled = with_breaker;
      Client one(connector, std::move(mine));
      std::mt19937_64 random(3);
      std::uniform_real_distribution<double> chance(0, 1);
      int tries = 0;
      constexpr int requests = 1'500;
      for (int i = 0; i < requests; ++i) {
        auto call = begin(one.get("http://a/"));
        while (!call.done()) {
          ++tries;
          answer(chance(random) < failing
                     ? "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
                     : ok_hello,
                 connector.peers.size() - 1);
          run();
        }
        loop.advance(20ms);
      }
      EXPECT_LE(tries, requests * 1.2) << failing;
      if (!with_breaker) {
        EXPECT_GE(tries, requests) << failing;
      } else if (failing == 1.0) {
        EXPECT_LE(tries, 40) << "10, and probes";
      }
    }
  }
}

}  // namespace
}  // namespace kit::http
