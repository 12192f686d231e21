// SPDX-License-Identifier: Apache-2.0
#include "kit/security/remote_keys.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/security/discovery.hpp"
#include "kit/security/jwt_signer.hpp"
#include "kit/security/jwt_verifier.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::security {
namespace {

using namespace std::chrono_literals;

const Timestamp noon = Timestamp::parse("2026-03-04T12:00:00Z").value();

/// An issuer with a key that rotates.
struct Issuer {
  SigningKey key = SigningKey::generate(Algorithm::es256, "k1");
  std::vector<VerificationKey> published{key.verification_key()};
  std::string instead{};  ///< What it answers in the place of its keys.
  bool is_down = false;
  Clock::duration takes{10ms};
  std::atomic<int> fetches{0};

  Task<std::string> answer() {
    ++fetches;
    Sleep delay(takes);
    co_await delay;
    if (is_down) co_return Error(Code::unavailable, "the issuer is down");
    if (!instead.empty()) co_return instead;
    co_return public_jwks(published);
  }
  std::string token() { return JwtSigner(key, {}).sign({.subject = "ann"}, noon).value(); }
  void rotate(std::string id) {
    key = SigningKey::generate(Algorithm::es256, std::move(id));
    published.push_back(key.verification_key());
  }
};

class RemoteKeysTest : public ::testing::Test {
 protected:
  /// Runs `steps` beside `run`.
  template <class F>
  void with(F steps) {
    const auto all = [&]() -> Task<> {
      TaskGroup group("keys");
      group.spawn(keys_.run());
      Sleep begin(100ms);
      co_await begin;
      Task<> stepping = steps();
      co_await std::move(stepping);
      group.cancel();
      Task<> joining = group.join();
      (void)co_await as_result(std::move(joining));
    };
    const Result<> ended = run(loop_, all());
    EXPECT_TRUE(ended.ok()) << ended.error().describe();
  }
  Task<std::string> reason() {
    const std::string text = issuer_.token();
    Task<std::shared_ptr<const Identity>> verifying = verify(*verifier_, &keys_, text, noon);
    const Result<std::shared_ptr<const Identity>> verified =
        co_await as_result(std::move(verifying));
    co_return verified ? std::string() : verified.error().reason();
  }

  Issuer issuer_;
  testing::VirtualLoop loop_;
  std::shared_ptr<KeyStore> store_ = std::make_shared<KeyStore>();
  RemoteKeys keys_{[this] { return issuer_.answer(); }, store_};
  std::unique_ptr<JwtVerifier> verifier_ = JwtVerifier::make(store_, {}).value();
};

TEST_F(RemoteKeysTest, FetchesAtOnceAndEachInterval) {
  with([&]() -> Task<> {
    EXPECT_EQ(co_await reason(), "");
    EXPECT_EQ(issuer_.fetches, 1);
    Sleep wait(1h);
    co_await wait;
    EXPECT_GE(issuer_.fetches, 11);
    EXPECT_LE(issuer_.fetches, 13);
    EXPECT_EQ(store_->version(), 1U);  // the same keys are no change
  });
}

TEST_F(RemoteKeysTest, ANewKeyIsFetchedWhenATokenHasIt) {
  with([&]() -> Task<> {
    Sleep wait(20s);
    co_await wait;
    issuer_.rotate("k2");
    EXPECT_EQ(co_await reason(), "");
    EXPECT_EQ(issuer_.fetches, 2);
  });
}

TEST_F(RemoteKeysTest, UnknownKeysAreNoFlood) {
  with([&]() -> Task<> {
    Sleep wait(20s);
    co_await wait;
    const SigningKey foreign = SigningKey::generate(Algorithm::es256, "x");
    issuer_.key = foreign;
    for (int second = 0; second < 60; ++second) {
      for (int i = 0; i < 50; ++i) EXPECT_EQ(co_await reason(), "TOKEN_KEY_UNKNOWN");
      Sleep pause(1s);
      co_await pause;
    }
    EXPECT_LE(issuer_.fetches, 8);
    EXPECT_GE(issuer_.fetches, 6);
  });
}

TEST_F(RemoteKeysTest, ManyWaitForOneFetch) {
  with([&]() -> Task<> {
    Sleep wait(20s);
    co_await wait;
    issuer_.rotate("k2");
    issuer_.takes = 1s;
    int good = 0;
    const auto one = [&]() -> Task<> {
      const std::string why = co_await reason();
      if (why.empty()) ++good;
    };
    TaskGroup group("waiters");
    for (int i = 0; i < 100; ++i) group.spawn(one());
    Task<> joining = group.join();
    co_await std::move(joining);
    EXPECT_EQ(good, 100);
    EXPECT_EQ(issuer_.fetches, 2);
  });
}

TEST_F(RemoteKeysTest, TheLastGoodKeysStay) {
  with([&]() -> Task<> {
    EXPECT_EQ(co_await reason(), "");
    issuer_.is_down = true;
    Sleep wait(1h);
    co_await wait;
    EXPECT_EQ(co_await reason(), "");
    EXPECT_GT(keys_.status().failures, 10U);
    EXPECT_NE(keys_.status().problem.find("down"), std::string::npos);
    issuer_.is_down = false;
    const std::string oct = R"({"keys":[{"kty":"oct","k":"AAAA"}]})";
    for (const std::string& bad : {std::string("<html>"), std::string("{\"keys\":[]}"), oct,
                                   std::string(max_key_set_bytes + 1, ' ')}) {
      issuer_.instead = bad;
      Sleep pause(10min);
      co_await pause;
      EXPECT_EQ(co_await reason(), "");
      EXPECT_FALSE(keys_.status().problem.empty());
    }
    issuer_.instead.clear();
    Sleep more(30s);
    co_await more;
    EXPECT_EQ(keys_.status().problem, "");
  });
}

TEST_F(RemoteKeysTest, AnIssuerThatHangsIsGivenUp) {
  issuer_.takes = 1h;
  with([&]() -> Task<> {
    Sleep wait(6s);
    co_await wait;
    EXPECT_EQ(keys_.status().failures, 1U);
    issuer_.takes = 10ms;
    EXPECT_EQ(co_await reason(), "TOKEN_KEY_UNKNOWN");  // it is not time to ask again
    Sleep more(10s);
    co_await more;
    EXPECT_EQ(co_await reason(), "");
  });
}

TEST_F(RemoteKeysTest, AKeyThatIsTakenBackCountsNoMore) {
  with([&]() -> Task<> {
    EXPECT_EQ(co_await reason(), "");
    issuer_.published = {SigningKey::generate(Algorithm::eddsa, "k9").verification_key()};
    Sleep wait(6min);
    co_await wait;
    EXPECT_EQ(co_await reason(), "TOKEN_KEY_UNKNOWN");
  });
}

TEST_F(RemoteKeysTest, NobodyWaitsWhenNobodyFetches) {
  const auto all = [&]() -> Task<> {
    EXPECT_FALSE(co_await keys_.fetch_again());
    EXPECT_EQ(co_await reason(), "TOKEN_KEY_UNKNOWN");
  };
  EXPECT_TRUE(run(loop_, all()).ok());
}

TEST(RemoteKeysThreads, WaitOnLoopsOfTheirOwn) {
  Issuer issuer;
  auto store = std::make_shared<KeyStore>();
  issuer.takes = 1ms;
  RemoteKeys keys([&] { return issuer.answer(); }, store,
                  {.refresh_interval = 300s, .min_interval = 0s});
  const auto verifier = JwtVerifier::make(store, {}).value();
  const std::string token = issuer.token();
  std::atomic<int> good{0};
  std::atomic<int> left{4};
  const auto ask = [&]() -> Task<> {
    while (true) {  // until the first fetch has ended
      Task<std::shared_ptr<const Identity>> verifying = verify(*verifier, &keys, token, noon);
      const Result<std::shared_ptr<const Identity>> verified =
          co_await as_result(std::move(verifying));
      if (verified) break;
      Sleep pause(1ms);
      co_await pause;
    }
    ++good;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto loop = std::move(*make_epoll_loop());
      EXPECT_TRUE(run(*loop, ask()).ok());
      --left;
    });
  }
  const auto fetch = [&]() -> Task<> {
    TaskGroup group("keys");
    group.spawn(keys.run());
    while (left > 0) {
      Sleep pause(1ms);
      co_await pause;
    }
    group.cancel();
    Task<> joining = group.join();
    (void)co_await as_result(std::move(joining));
  };
  auto loop = std::move(*make_epoll_loop());
  EXPECT_TRUE(run(*loop, fetch()).ok());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 4);
}

TEST(Discovery, IsTheIssuersOwn) {
  EXPECT_EQ(discovery_url("https://id.example"),
            "https://id.example/.well-known/openid-configuration");
  EXPECT_EQ(discovery_url("https://id.example/realm/"),
            "https://id.example/realm/.well-known/openid-configuration");
  const std::string_view issuer = "https://id.example";
  const auto read = [&](std::string_view json) { return parse_discovery(json, issuer); };
  const auto good =
      read(R"({"issuer":"https://id.example","x":[1],"jwks_uri":"https://keys.example/k"})");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->jwks_uri, "https://keys.example/k");
  for (
      const char* bad :
      {"", "[]", "{}", R"({"issuer":"https://id.example"})",
       R"({"issuer":"https://id.example/","jwks_uri":"https://k/"})",
       R"({"issuer":"https://evil.example","jwks_uri":"https://k/"})",
       R"({"issuer":1,"jwks_uri":"https://k/"})",
       R"({"issuer":"https://id.example","jwks_uri":"http://k/"})",
       R"({"issuer":"https://id.example","jwks_uri":"file:///etc/passwd"})",
       R"({"issuer":"https://id.example","jwks_uri":"https://a@k/"})",
       R"({"issuer":"https://id.example","jwks_uri":"https:///k"})",
       R"({"issuer":"https://id.example","jwks_uri":"https://k/\r\nx"})",
       R"({"issuer":"https://evil.example","issuer":"https://id.example","jwks_uri":"https://k"})"}) {
    const auto refused = read(bad);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_EQ(refused.error().reason(), "DISCOVERY_INVALID") << bad;
  }
  const std::string_view plain = R"({"issuer":"https://id.example","jwks_uri":"http://k/"})";
  EXPECT_TRUE(parse_discovery(plain, issuer, true).ok());
  std::string large = R"({"issuer":"https://id.example","jwks_uri":"https://k/"})";
  large.resize(max_metadata_bytes, ' ');
  EXPECT_TRUE(read(large).ok());
  EXPECT_FALSE(read(large + ' ').ok());
}

}  // namespace
}  // namespace kit::security
