// SPDX-License-Identifier: Apache-2.0
// The bundle before a server, on a virtual clock.
#include "kit/middleware/bundle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

#include "kit/async/operation.hpp"
#include "kit/http/server.hpp"
#include "kit/log/capture.hpp"
#include "kit/middleware/outside.hpp"
#include "kit/resilience/dependency.hpp"
#include "kit/resilience/load_shedder.hpp"
#include "kit/security/identity.hpp"
#include "kit/security/jwt_signer.hpp"
#include "kit/security/key_store.hpp"
#include "kit/security/revocation.hpp"
#include "kit/testing/memory_network.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;
using middleware::Options;
using security::Identity;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr const char* secret = "8dQe1xkT0vJm2rYb7uNs5wZa4cHf9gLp";

class BundleTest : public ::testing::Test {
 protected:
  BundleTest() {
    add("/who", [](http::Request&) -> Task<http::Response> {
      co_await sleep_for(1ms);
      const Identity* const identity = Identity::current();
      http::Response response;
      response.body = identity != nullptr         ? identity->subject
                      : current_caller != nullptr ? "nobody"
                                                  : "the program itself";
      co_return response;
    });
    add("/fails", [this](http::Request&) -> Task<http::Response> {
      ++calls;
      if (fails) co_return Error(failure, "broken");
      co_return http::Response{};
    });
    http::RouteOptions open;
    open.is_public = true;
    open.priority = http::Priority::critical;
    add("/healthz", [](http::Request&) { return http::answered({}); }, open);
  }

  void add(std::string_view path, http::Handler handler, http::RouteOptions route = {}) {
    ASSERT_TRUE(router.add(http::Method::get, path, std::move(handler), std::move(route)).ok());
  }
  void serve(const MiddlewareBundle::Builder& builder) {
    auto built = builder.build();
    ASSERT_TRUE(built.ok()) << built.error().message();
    bundle.emplace(std::move(*built));
    http::ServerOptions options;
    options.guard = guard;
    bundle->protect(options, router);
    server = std::make_unique<http::Server>(router, options);
  }
  std::string get(std::string_view path, std::string_view field = {}) {
    ::kit::testing::MemoryClient client(loop, *server);
    std::string request("GET ");
    request.append(path).append(" HTTP/1.1\r\nHost: a\r\n").append(field);
    client.send(request.append(field.empty() ? "\r\n" : "\r\n\r\n"));
    loop.advance(10ms);
    return client.take();
  }
  static std::string token(std::string subject = "ann", std::string_view with = secret) {
    const security::JwtSigner signer(*security::SigningKey::from_secret(with), {});
    return *signer.sign({.subject = std::move(subject)}, Timestamp::now());
  }
  static std::string bearer(std::string subject = "ann") {
    return "Authorization: Bearer " + token(std::move(subject));
  }

  ::kit::testing::VirtualLoop loop;
  http::Router router;
  const http::RequestGuard* guard = nullptr;
  std::optional<MiddlewareBundle> bundle;
  std::unique_ptr<http::Server> server;
  bool fails = true;
  Code failure = Code::unavailable;
  int calls = 0;
};

TEST_F(BundleTest, WithoutAnythingEverybodyComesIn) {
  serve(MiddlewareBundle::builder());
  EXPECT_THAT(get("/who"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/who"), HasSubstr("the program itself"));
}

TEST_F(BundleTest, AGuardOfTheProgramComesLast) {
  struct Own final : http::RequestGuard {
    std::optional<Error> admit(const http::Request& request, const http::Router::Route&,
                               http::Admission& admission) const override {
      if (request.header("x-evil")) return Error(Code::permission_denied, "go away");
      if (admission.caller == nullptr || !admission.caller->subject.empty()) return std::nullopt;
      admission.waits = request.header("x-name").has_value();
      return std::nullopt;
    }
    Task<> enter(const http::Request& request, const http::Router::Route&,
                 http::Admission& admission) const override {
      co_await sleep_for(1ms);
      security::Identity identity;
      identity.subject = *request.header("x-name");
      identity.seal();
      admission.caller = std::make_shared<const security::Identity>(std::move(identity));
    }
  };
  const Own own;
  guard = &own;
  serve(MiddlewareBundle::builder().with_jwt_auth({.secret = secret, .required = false}));
  EXPECT_THAT(get("/who", "X-Evil: 1"), StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(get("/who", "X-Name: eve"), HasSubstr("\r\n\r\neve"));
  EXPECT_THAT(get("/who", bearer()), HasSubstr("\r\n\r\nann"));
  server.reset();
}

TEST_F(BundleTest, OnlyWhoHasATokenComesIn) {
  serve(MiddlewareBundle::builder().with_jwt_auth({.secret = secret}));
  EXPECT_THAT(get("/who", bearer()), HasSubstr("\r\n\r\nann"));
  EXPECT_THAT(get("/who", "authorization: bearer " + token("bob")), HasSubstr("\r\n\r\nbob"));
  const std::string missing = get("/who");
  EXPECT_THAT(missing, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(missing, HasSubstr("www-authenticate: Bearer\r\n"));
  EXPECT_THAT(missing, HasSubstr("TOKEN_MISSING"));
  const std::string forged =
      get("/who", "Authorization: Bearer " + token("ann", "another_secret_that_is_long_enough_1"));
  EXPECT_THAT(forged, StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(forged, HasSubstr("www-authenticate: Bearer error=\"invalid_token\"\r\n"));
  EXPECT_THAT(get("/who", "Authorization: Basic " + token()), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get("/who", bearer() + "\r\n" + bearer()), HasSubstr("TOKEN_TWICE"));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 ")) << "probes are for everybody";
}

TEST_F(BundleTest, TheTokenMayBeInAnotherField) {
  serve(MiddlewareBundle::builder().with_jwt_auth({.secret = secret, .header = "X-Auth-Token"}));
  EXPECT_THAT(get("/who", "X-Auth-Token: " + token()), HasSubstr("\r\n\r\nann"));
  EXPECT_THAT(get("/who", bearer()), StartsWith("HTTP/1.1 401 "));
}

TEST_F(BundleTest, WhereNoTokenIsRequiredAWrongOneIsStillRefused) {
  serve(MiddlewareBundle::builder().with_jwt_auth({.secret = secret, .required = false}));
  EXPECT_THAT(get("/who"), HasSubstr("nobody"));
  EXPECT_THAT(get("/who", bearer()), HasSubstr("ann"));
  EXPECT_THAT(get("/who", "Authorization: Bearer abc"), StartsWith("HTTP/1.1 401 "));
}

TEST_F(BundleTest, TheDisabledAreRefusedAtOnce) {
  serve(MiddlewareBundle::builder().with_jwt_auth({.secret = secret}));
  const std::string field = bearer();
  EXPECT_THAT(get("/who", field), StartsWith("HTTP/1.1 200 "));
  bundle->revocations().set_subject("ann", {.disabled = true, .revision = 1}, Timestamp::now());
  EXPECT_THAT(get("/who", field), HasSubstr("TOKEN_REVOKED"));
  EXPECT_THAT(get("/who", bearer("bob")), StartsWith("HTTP/1.1 200 "));
}

TEST_F(BundleTest, AnApiKeyIsLookedUpAndCountsAsItself) {
  middleware::Outside outside;
  outside.api_key = [](std::string key) -> Task<std::shared_ptr<const Identity>> {
    co_await sleep_for(1ms);
    if (key != "kit_good")
      co_await Error(Code::unauthenticated, "no").with_reason("API_KEY_INVALID");
    Identity identity;
    identity.subject = "robot";
    identity.token_id = "17";
    identity.kind = security::IdentityKind::api_key;
    identity.seal();
    co_return std::make_shared<const Identity>(std::move(identity));
  };
  middleware::JwtAuth auth{.secret = secret};
  auth.failures_per_minute = 2;
  auto made = MiddlewareBundle::builder();
  made.with_jwt_auth(auth);
  made.with_rate_limit({.rules = {{"keys", "1 per 1s by api_key"}}});
  bundle.emplace(std::move(*made.build()));
  bundle->set_outside(std::move(outside));
  http::ServerOptions options;
  bundle->protect(options, router);
  server = std::make_unique<http::Server>(router, options);
  const std::string good = get("/who", "Authorization: Bearer kit_good");
  EXPECT_THAT(good, HasSubstr("\r\n\r\nrobot"));
  EXPECT_THAT(good, HasSubstr("ratelimit: \"keys\";r=0"));
  EXPECT_THAT(get("/who", "Authorization: Bearer kit_good"), StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(get("/who", bearer()), HasSubstr("\r\n\r\nann")) << "tokens are another rule's";
  for (int i = 0; i < 2; ++i) {
    const std::string wrong = get("/who", "Authorization: Bearer kit_bad");
    EXPECT_THAT(wrong, StartsWith("HTTP/1.1 401 "));
    EXPECT_THAT(wrong, HasSubstr("www-authenticate: Bearer error"));
  }
  EXPECT_THAT(get("/who", "Authorization: Bearer kit_bad"), HasSubstr("TOKEN_FAILURES"));
  server.reset();
}

TEST_F(BundleTest, ACertificateStandsForATokenUntilItsSubjectIsDisabled) {
  auto made = MiddlewareBundle::builder();
  made.with_jwt_auth({.secret = secret});
  bundle.emplace(std::move(*made.build()));
  middleware::Outside outside;
  outside.certificate = [](const net::TlsPeer*) {
    Identity identity;
    identity.subject = "worker";
    identity.kind = security::IdentityKind::certificate;
    identity.seal();
    return std::make_shared<const Identity>(std::move(identity));
  };
  bundle->set_outside(std::move(outside));
  http::ServerOptions options;
  bundle->protect(options, router);
  server = std::make_unique<http::Server>(router, options);
  EXPECT_THAT(get("/who"), HasSubstr("\r\n\r\nworker"));
  EXPECT_THAT(get("/who", bearer()), HasSubstr("\r\n\r\nann")) << "a token says more";
  bundle->revocations().set_subject("worker", {.disabled = true, .revision = 1}, Timestamp::now());
  EXPECT_THAT(get("/who"), HasSubstr("CERTIFICATE_REVOKED"));
  EXPECT_THAT(get("/who", bearer()), HasSubstr("\r\n\r\nann"));
  server.reset();
}

TEST_F(BundleTest, ATokenWithANewKeyWaitsForTheIssuersKeys) {
  auto made = MiddlewareBundle::builder();
  made.with_jwt_auth({.keys = "https://id.example.com/keys"});
  bundle.emplace(std::move(*made.build()));
  int fetches = 0;
  middleware::Outside outside;
  outside.fetch_keys = [this, &fetches]() -> Task<bool> {
    co_await sleep_for(1ms);
    if (++fetches == 1) {
      std::vector<security::VerificationKey> keys;
      keys.push_back(*security::VerificationKey::from_secret(secret));
      bundle->key_store()->replace(*security::KeySet::of(std::move(keys)));
    }
    co_return true;
  };
  bundle->set_outside(std::move(outside));
  http::ServerOptions options;
  bundle->protect(options, router);
  server = std::make_unique<http::Server>(router, options);
  EXPECT_THAT(get("/who", bearer()), HasSubstr("\r\n\r\nann"));
  EXPECT_THAT(get("/who", bearer()), HasSubstr("\r\n\r\nann"));
  EXPECT_EQ(fetches, 1);
  EXPECT_THAT(get("/who", "Authorization: Bearer abc"), StartsWith("HTTP/1.1 401 "));
  EXPECT_EQ(fetches, 1) << "what is no token asks for no keys";
  server.reset();
}

TEST_F(BundleTest, LimitsMayBeSharedWithOthers) {
  auto made = MiddlewareBundle::builder();
  made.with_rate_limit({.requests_per_second = 100});
  bundle.emplace(std::move(*made.build()));
  int left = 1;
  middleware::Outside outside;
  outside.shared_limits =
      [&left](resilience::RateLimitRequest asked) -> Task<resilience::RateLimitAnswer> {
    EXPECT_EQ(asked.route, "/who");
    EXPECT_EQ(asked.header("host"), "a");
    co_await sleep_for(1ms);
    resilience::RateLimitAnswer answer;
    answer.rule = "all";
    answer.decision.allowed = left-- > 0;
    answer.decision.retry_after = 3s;
    co_return answer;
  };
  bundle->set_outside(std::move(outside));
  http::ServerOptions options;
  bundle->protect(options, router);
  server = std::make_unique<http::Server>(router, options);
  EXPECT_THAT(get("/who"), StartsWith("HTTP/1.1 200 "));
  const std::string refused = get("/who");
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 3\r\n"));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  server.reset();
}

TEST_F(BundleTest, AnAddressThatGuessesIsHeldOff) {
  serve(MiddlewareBundle::builder().with_jwt_auth({.secret = secret, .failures_per_minute = 3}));
  const std::string field = bearer();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(get("/who", "Authorization: Bearer abc"), StartsWith("HTTP/1.1 401 "));
  }
  EXPECT_THAT(get("/who", field), HasSubstr("TOKEN_FAILURES"));
  EXPECT_THAT(get("/healthz"), StartsWith("HTTP/1.1 200 "));
  loop.advance(20s);
  EXPECT_THAT(get("/who", field), StartsWith("HTTP/1.1 200 "));
}

TEST_F(BundleTest, LimitsCountEachCaller) {
  serve(MiddlewareBundle::builder()
            .with_jwt_auth({.secret = secret})
            .with_rate_limit({.requests_per_second = 2}));
  const std::string first = get("/who", bearer());
  EXPECT_THAT(first, HasSubstr("ratelimit: \"default\";r=1;t="));
  EXPECT_THAT(first, HasSubstr("ratelimit-policy: \"default\";q=2;w=1"));
  get("/who", bearer());
  const std::string refused = get("/who", bearer());
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(get("/who", bearer("bob")), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/healthz"), Not(HasSubstr("ratelimit")));
  loop.advance(1s);
  EXPECT_THAT(get("/who", bearer()), StartsWith("HTTP/1.1 200 "));
}

TEST_F(BundleTest, ARouteThatFailsIsLeftAloneForAWhile) {
  const log::Capture capture;
  serve(MiddlewareBundle::builder().with_circuit_breaker({.timeout = 2s, .failure_threshold = 3}));
  failure = Code::internal;
  for (int i = 0; i < 9; ++i) EXPECT_THAT(get("/fails"), StartsWith("HTTP/1.1 500 "));
  failure = Code::unavailable;
  for (int i = 0; i < 3; ++i) EXPECT_THAT(get("/fails"), StartsWith("HTTP/1.1 503 "));
  const std::string open = get("/fails");
  EXPECT_THAT(open, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(open, HasSubstr("Retry-After: 2\r\n"));
  EXPECT_EQ(calls, 12) << "mistakes of the program count nothing";
  EXPECT_THAT(get("/who"), StartsWith("HTTP/1.1 200 ")) << "others are not touched";
  fails = false;
  loop.advance(2s);
  for (int i = 0; i < 3; ++i) EXPECT_THAT(get("/fails"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(bundle->breakers()->find("route", "GET /fails")->breaker().state(),
            resilience::BreakerState::closed);
}

TEST_F(BundleTest, EverythingChangesWhileItRuns) {
  serve(MiddlewareBundle::builder());
  Options options = bundle->options();
  options.auth.secret = secret;
  options.rate_limit.requests_per_second = 1;
  ASSERT_TRUE(bundle->apply(options).ok());
  EXPECT_THAT(get("/who"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(get("/who", bearer()), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(get("/who", bearer()), StartsWith("HTTP/1.1 429 "));
  options.auth.secret = "b2Vn6tLq8yXc1pRk4mWs9zJd3fGh7uTe";
  options.rate_limit = {};
  ASSERT_TRUE(bundle->apply(options).ok());
  EXPECT_THAT(get("/who", bearer()), StartsWith("HTTP/1.1 401 ")) << "the secret is another one";
  options.auth = {};
  ASSERT_TRUE(bundle->apply(options).ok());
  EXPECT_THAT(get("/who"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(BundleTest, WhatIsWrongChangesNothing) {
  serve(MiddlewareBundle::builder().with_jwt_auth({.secret = secret}));
  const auto refuses = [&](const Options& options, std::string_view what) {
    const auto applied = bundle->apply(options);
    ASSERT_FALSE(applied.ok());
    EXPECT_EQ(applied.error().code(), Code::invalid_argument);
    EXPECT_THAT(applied.error().message(), HasSubstr(std::string(what)));
    EXPECT_THAT(get("/who", bearer()), StartsWith("HTTP/1.1 200 "));
  };
  Options options = bundle->options();
  options.auth.secret = "short";
  refuses(options, "auth.secret");
  options = bundle->options();
  options.auth.secret = "";
  options.auth.keys = "/nowhere/keys.json";
  refuses(options, "auth.keys");
  options = bundle->options();
  options.rate_limit.rules["a"] = "nonsense";
  refuses(options, "the rule 'a'");
  options = bundle->options();
  options.auth.audiences = {"elsewhere"};
  options.rate_limit.requests_per_second = 1'000;
  options.rate_limit.rules["default"] = "1 per 1s";
  refuses(options, "rate_limit.default is there twice");
  options = bundle->options();
  options.breaker.window = 0ms;
  refuses(options, "breaker.");
  options = bundle->options();
  options.tracing.routes["/a"] = "sometimes";
  refuses(options, "tracing.routes");
  EXPECT_FALSE(MiddlewareBundle::builder().with_jwt_auth({.secret = "short"}).build().ok());
}

}  // namespace
}  // namespace kit
