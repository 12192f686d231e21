// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "kit/async/context.hpp"
#include "kit/security/jws.hpp"
#include "kit/security/jwt_signer.hpp"
#include "kit/security/jwt_verifier.hpp"
#include "kit/security/revocation.hpp"

namespace kit::security {
namespace {

using namespace std::chrono_literals;

const Timestamp noon = Timestamp::parse("2026-03-04T12:00:00Z").value();

Timestamp later(std::chrono::microseconds by) {
  return Timestamp{noon.since_epoch + by};
}

/// A verifier of what `key_` signs.
class JwtTest : public ::testing::Test {
 protected:
  JwtTest() { start({}); }
  void start(JwtOptions options) {
    verifier_ = JwtVerifier::make(keys_, std::move(options), &revocations_).value();
  }
  std::string token(std::string_view payload) { return sign_jws(payload, key_).value(); }
  std::string issued(const JwtClaims& claims = {.subject = "ann"}) {
    return JwtSigner(key_, {}).sign(claims, noon).value();
  }
  std::string reason(std::string_view text, Timestamp now = noon) {
    const auto identity = verifier_->verify(text, now);
    if (identity) return "";
    EXPECT_EQ(identity.error().code(), Code::unauthenticated);
    EXPECT_EQ(identity.error().message(), "the credentials were refused; sign in again");
    EXPECT_NE(identity.error().cause(), nullptr);
    return identity.error().reason();
  }
  std::string reason_of_claims(std::string_view claims) {
    return reason(token(R"({"sub":"ann",)" + std::string(claims) + "}"));
  }

  const SigningKey key_ = SigningKey::generate(Algorithm::es256, "first");
  std::shared_ptr<KeyStore> keys_ =
      std::make_shared<KeyStore>(KeySet::of({key_.verification_key()}).value());
  RevocationList revocations_;
  std::unique_ptr<JwtVerifier> verifier_;
};

TEST_F(JwtTest, TellsWhoItIs) {
  start({.issuer = "https://id.example", .audiences = {"store", "books"}, .roles_claim = "roles"});
  const JwtSigner signer(key_, {.issuer = "https://id.example", .audience = {"books", "x"}});
  JwtClaims claims{.subject = "ann",
                   .token_id = "t1",
                   .token_version = 7,
                   .scopes = {"read", "write"},
                   .roles = {"clerk"}};
  claims.more = {{"email", "ann@example.org"}, {"level", 3}, {"nothing", nullptr}};
  const auto identity = verifier_->verify(signer.sign(claims, noon).value(), noon).value();
  EXPECT_EQ(identity->subject, "ann");
  EXPECT_EQ(identity->kind, IdentityKind::token);
  EXPECT_EQ(identity->issuer, "https://id.example");
  EXPECT_EQ(identity->audience, (std::vector<std::string>{"books", "x"}));
  EXPECT_EQ(identity->scopes, (std::vector<std::string>{"read", "write"}));
  EXPECT_TRUE(identity->has("clerk"));
  EXPECT_TRUE(identity->has_scope("write"));
  EXPECT_EQ(identity->token_id, "t1");
  EXPECT_EQ(identity->token_version, 7);
  EXPECT_EQ(identity->issued_at, noon);
  EXPECT_EQ(identity->expires_at, later(5min));
  EXPECT_EQ(identity->claim<std::string>("email").value(), "ann@example.org");
  EXPECT_EQ(identity->claim<std::int64_t>("level").value(), 3);
  EXPECT_EQ(identity->claim<std::string>("nothing").value(), std::nullopt);
  EXPECT_EQ(identity->claim<std::string>("absent").value(), std::nullopt);
  EXPECT_EQ(identity->claim<std::string>("level").error().reason(), "TOKEN_CLAIM");
}

TEST_F(JwtTest, RolesComeFromATokenOnlyWhenThatIsWanted) {
  const std::string text = issued({.subject = "ann", .roles = {"admin"}});
  EXPECT_TRUE(verifier_->verify(text, noon).value()->roles.empty());
  ASSERT_TRUE(verifier_->apply({.roles_claim = "roles"}).ok());
  EXPECT_EQ(verifier_->verify(text, noon).value()->roles, std::vector<std::string>{"admin"});
  start({});
  const std::string nameless = token(R"({"sub":"ann","exp":1772625900,"":["admin"]})");
  EXPECT_TRUE(verifier_->verify(nameless, noon).value()->roles.empty());
}

TEST_F(JwtTest, TimesAreTakenWithLeeway) {
  const std::string text = issued();  // from noon, for 5 min
  EXPECT_EQ(reason(text, later(5min + 30s - 1us)), "");
  EXPECT_EQ(reason(text, later(5min + 30s)), "TOKEN_EXPIRED");
  EXPECT_EQ(reason(text, later(-30s)), "");
  EXPECT_EQ(reason(text, later(-30s)), "");  // remembered
  start({});
  EXPECT_EQ(reason(text, later(-30s - 1us)), "TOKEN_NOT_YET_VALID");
  ASSERT_TRUE(verifier_->apply({.leeway = 0s}).ok());
  EXPECT_EQ(reason(text, later(5min)), "TOKEN_EXPIRED");
  EXPECT_EQ(reason(text, later(5min - 1us)), "");
  EXPECT_EQ(reason(text, later(5min)), "TOKEN_EXPIRED");  // though it is remembered
}

TEST_F(JwtTest, ClaimsAreOfTheirTypes) {
  const std::string exp = R"("exp":1772625900)";  // 12:05
  EXPECT_EQ(reason_of_claims(exp), "");
  EXPECT_EQ(reason_of_claims(R"("exp":1772625900.5)"), "");
  EXPECT_EQ(reason_of_claims(R"("exp":1.7726259e9)"), "");
  EXPECT_EQ(reason_of_claims(R"("exp":253402300799)"), "");
  for (const char* bad :
       {R"("exp":"1772625900")", R"("exp":-1)", R"("exp":253402300800)", R"("exp":1e400)",
        R"("exp":1e20)", R"("exp":null)", R"("exp":true)", R"("exp":[1772625900])"}) {
    EXPECT_EQ(reason_of_claims(bad), "TOKEN_CLAIM") << bad;
  }
  for (const char* bad :
       {R"("nbf":"x")", R"("iat":{})", R"("iss":1)", R"("jti":1)", R"("aud":1)", R"("aud":[1])",
        R"("tv":-1)", R"("tv":1.5)", R"("tv":9007199254740993)", R"("scope":7)"}) {
    EXPECT_EQ(reason_of_claims(exp + "," + bad), "TOKEN_CLAIM") << bad;
  }
  EXPECT_EQ(reason_of_claims(R"("iat":1772625600)"), "TOKEN_CLAIM");  // no exp
  EXPECT_EQ(reason(token("{" + exp + "}")), "TOKEN_CLAIM");           // no sub
  EXPECT_EQ(reason(token(R"({"sub":"",)" + exp + "}")), "TOKEN_CLAIM");
  EXPECT_EQ(reason(token(R"({"sub":7,)" + exp + "}")), "TOKEN_CLAIM");
  EXPECT_EQ(reason(token(R"({"sub":"a\nb",)" + exp + "}")), "TOKEN_CLAIM");
  const auto with_subject = [&](std::size_t size) {
    return reason(token(R"({"sub":")" + std::string(size, 'a') + "\"," + exp + "}"));
  };
  EXPECT_EQ(with_subject(255), "");
  EXPECT_EQ(with_subject(256), "TOKEN_CLAIM");
  EXPECT_EQ(reason_of_claims(exp + R"(,"sub":"bob")"), "TOKEN_MALFORMED");
  EXPECT_EQ(reason(token("[]")), "TOKEN_MALFORMED");
  EXPECT_EQ(reason(token("{" + exp)), "TOKEN_MALFORMED");
}

TEST_F(JwtTest, ListsAreBounded) {
  const auto scopes = [&](std::size_t count) {
    std::string words;
    for (std::size_t i = 0; i < count; ++i) words += "s ";
    return reason_of_claims(R"("exp":1772625900,"scope":")" + words + "\"");
  };
  EXPECT_EQ(scopes(256), "");
  EXPECT_EQ(scopes(257), "TOKEN_CLAIM");
}

TEST_F(JwtTest, IssuerAndAudienceAreExact) {
  const std::string exp = R"("exp":1772625900)";
  EXPECT_EQ(reason_of_claims(exp + R"(,"aud":"x")"), "TOKEN_AUDIENCE");  // none is configured
  start({.issuer = "https://id.example", .audiences = {"store"}});
  const std::string iss = R"("iss":"https://id.example",)" + exp;
  EXPECT_EQ(reason_of_claims(iss + R"(,"aud":"store")"), "");
  EXPECT_EQ(reason_of_claims(iss + R"(,"aud":["x","store"])"), "");
  EXPECT_EQ(reason_of_claims(iss), "TOKEN_AUDIENCE");
  EXPECT_EQ(reason_of_claims(iss + R"(,"aud":[])"), "TOKEN_AUDIENCE");
  EXPECT_EQ(reason_of_claims(iss + R"(,"aud":"Store")"), "TOKEN_AUDIENCE");
  EXPECT_EQ(reason_of_claims(exp + R"(,"aud":"store")"), "TOKEN_ISSUER");
  EXPECT_EQ(reason_of_claims(exp + R"(,"iss":"https://id.example/","aud":"store")"),
            "TOKEN_ISSUER");
}

TEST_F(JwtTest, LifetimeMayBeBounded) {
  start({.max_lifetime = 300s});
  EXPECT_EQ(reason(issued()), "");
  EXPECT_EQ(reason(JwtSigner(key_, {.lifetime = 301s}).sign({.subject = "ann"}, noon).value()),
            "TOKEN_CLAIM");
  EXPECT_EQ(reason_of_claims(R"("exp":1772625900)"), "TOKEN_CLAIM");  // no iat
}

TEST_F(JwtTest, TypeIsOneOfThoseThatAreTaken) {
  const std::string payload = R"({"sub":"ann","exp":1772625900})";
  const auto typed = [&](std::string_view type) {
    return reason(sign_jws(payload, key_, type).value());
  };
  EXPECT_EQ(typed(""), "");
  EXPECT_EQ(typed("jwt"), "");
  EXPECT_EQ(typed("application/at+JWT"), "");
  EXPECT_EQ(typed("secevent+jwt"), "TOKEN_TYPE");
  EXPECT_EQ(typed("application/"), "TOKEN_TYPE");
}

TEST_F(JwtTest, SizeIsBounded) {
  const auto of_size = [&](std::size_t size) {
    const std::string head = R"({"sub":"ann","exp":1772625900,"x":")";
    std::size_t filling = size * 3 / 4 - 300;
    while (true) {
      std::string made = token(head + std::string(filling++, 'x') + "\"}");
      if (made.size() >= size) return made;
    }
  };
  const std::string largest = of_size(max_token_bytes - 1);
  ASSERT_LE(largest.size(), max_token_bytes);
  EXPECT_EQ(reason(largest), "");
  EXPECT_EQ(reason(of_size(max_token_bytes + 1)), "TOKEN_TOO_LARGE");
}

TEST_F(JwtTest, AKeyThatIsGoneTakesItsTokensWithIt) {
  const std::string text = issued();
  EXPECT_EQ(reason(text), "");
  EXPECT_EQ(reason(text), "");
  EXPECT_EQ(verifier_->figures().remembered, 1U);
  const SigningKey second = SigningKey::generate(Algorithm::eddsa, "second");
  const auto both = [&] {
    return KeySet::of({key_.verification_key(), second.verification_key()}).value();
  };
  EXPECT_TRUE(keys_->replace(both()));
  EXPECT_FALSE(keys_->replace(both()));
  EXPECT_EQ(reason(text), "");
  EXPECT_EQ(verifier_->figures().verified, 2U);
  keys_->replace(KeySet::of({second.verification_key()}).value());
  EXPECT_EQ(reason(text), "TOKEN_KEY_UNKNOWN");
}

TEST_F(JwtTest, WithoutKeysNothingIsTaken) {
  const auto none = JwtVerifier::make(std::make_shared<KeyStore>(), {}, nullptr).value();
  EXPECT_EQ(none->verify(issued(), noon).error().reason(), "TOKEN_KEY_UNKNOWN");
}

TEST_F(JwtTest, RevocationCountsForRememberedTokensToo) {
  const std::string ann = issued({.subject = "ann", .token_id = "t1", .token_version = 1});
  const std::string bob = issued({.subject = "bob", .token_id = "t2"});
  EXPECT_EQ(reason(ann), "");
  EXPECT_EQ(reason(bob), "");
  revocations_.set_subject("ann", {.min_token_version = 2, .revision = 1}, noon);
  EXPECT_EQ(reason(ann), "TOKEN_REVOKED");
  EXPECT_EQ(reason(bob), "");
  EXPECT_EQ(reason(issued({.subject = "ann", .token_version = 2})), "");
  revocations_.set_subject("ann", {.disabled = true, .revision = 2}, noon);
  EXPECT_EQ(reason(issued({.subject = "ann", .token_version = 1 << 30})), "TOKEN_REVOKED");
  revocations_.revoke_token("t2", later(10min), noon);
  EXPECT_EQ(reason(bob), "TOKEN_REVOKED");
}

TEST_F(JwtTest, NothingButTheWholeTokenIsRemembered) {
  const std::string text = issued();
  EXPECT_EQ(reason(text), "");
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed == text) continue;
    EXPECT_NE(reason(changed), "") << i;
  }
  EXPECT_NE(reason(text + "="), "");
  EXPECT_NE(reason(text.substr(0, text.size() - 1)), "");
  EXPECT_EQ(verifier_->figures().remembered, 0U);
}

TEST_F(JwtTest, MoreTokensThanAreRemembered) {
  start({.cached_tokens = 8});
  std::vector<std::string> tokens;
  for (int i = 0; i < 100; ++i) {
    tokens.push_back(issued({.subject = std::to_string(i)}));
    EXPECT_EQ(reason(tokens.back()), "");
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(verifier_->verify(tokens[static_cast<std::size_t>(i)], noon).value()->subject,
              std::to_string(i));
  }
  EXPECT_LE(verifier_->figures().remembered, 8U);
  start({.cached_tokens = 0});
  EXPECT_EQ(reason(tokens[0]), "");
  EXPECT_EQ(reason(tokens[0]), "");
  EXPECT_EQ(verifier_->figures().remembered, 0U);
}

TEST_F(JwtTest, OptionsThatMakeNoSenseChangeNothing) {
  for (const JwtOptions& bad :
       {JwtOptions{.leeway = 301s}, JwtOptions{.leeway = -1s}, JwtOptions{.max_lifetime = -1s},
        JwtOptions{.types = {}}, JwtOptions{.roles_claim = "sub"},
        JwtOptions{.roles_claim = "scope"}, JwtOptions{.cached_tokens = max_cached_tokens + 1}}) {
    EXPECT_EQ(verifier_->apply(bad).error().code(), Code::invalid_argument);
  }
  EXPECT_TRUE(verifier_->apply({.leeway = 300s, .cached_tokens = max_cached_tokens}).ok());
}

TEST_F(JwtTest, SignerRefusesWhatNobodyWouldTake) {
  const JwtSigner signer(key_, {});
  EXPECT_FALSE(signer.sign({}, noon).ok());
  EXPECT_FALSE(signer.sign({.subject = "a", .more = {{"exp", 1}}}, noon).ok());
  EXPECT_FALSE(signer.sign({.subject = "a", .more = {{"x", 1}, {"x", 2}}}, noon).ok());
  EXPECT_FALSE(signer.sign({.subject = "a", .more = {{"x", std::string(8192, 'x')}}}, noon).ok());
}

TEST_F(JwtTest, IdentityIsFoundByWhatRunsForIt) {
  const auto identity = verifier_->verify(issued(), noon).value();
  EXPECT_EQ(Identity::current(), nullptr);
  {
    Context context;
    context.set_caller(identity.get());
    const Context::Entry entry(&context);
    EXPECT_EQ(Identity::current(), identity.get());
    EXPECT_EQ(current_caller, identity.get());
  }
  EXPECT_EQ(Identity::current(), nullptr);
  const Caller somebody{.subject = "ann", .roles = {}};
  EXPECT_EQ(Identity::of(somebody), nullptr);
}

TEST_F(JwtTest, ManyThreadsWhileKeysAndRulesChange) {
  const std::string ann = issued({.subject = "ann", .token_version = 1});
  const std::string bob = issued({.subject = "bob"});
  const SigningKey other = SigningKey::generate(Algorithm::eddsa, "other");
  std::atomic<bool> is_ann_out{false};
  std::atomic<bool> ends{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 18; ++i) {  // more than have a shard of their own
    threads.emplace_back([&] {
      while (!ends) {
        const bool was_out = is_ann_out;
        const auto of_ann = verifier_->verify(ann, noon);
        if (was_out && of_ann) ++wrong;
        const auto of_bob = verifier_->verify(bob, noon);
        if (!of_bob || (*of_bob)->subject != "bob") ++wrong;
      }
    });
  }
  for (int i = 0; i < 60; ++i) {
    auto keys =
        KeySet::of(i % 2 == 0 ? std::vector{key_.verification_key()}
                              : std::vector{key_.verification_key(), other.verification_key()});
    keys_->replace(*std::move(keys));
    ASSERT_TRUE(verifier_->apply({.cached_tokens = i % 3 == 0 ? 0U : 64U}).ok());
    revocations_.set_subject("u" + std::to_string(i), {.disabled = true, .revision = i}, noon);
    if (i == 30) {
      revocations_.set_subject("ann", {.min_token_version = 2, .revision = 1}, noon);
      is_ann_out = true;
    }
    for (int k = 0; k < 10; ++k) (void)verifier_->verify(bob, noon);
  }
  ends = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace kit::security
