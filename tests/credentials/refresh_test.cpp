// SPDX-License-Identifier: Apache-2.0
// Refresh tokens and API keys: on SQLite by itself, on servers with run.py around it.
#include "credentials_test.hpp"
#include "kit/credentials/api_keys.hpp"
#include "kit/credentials/refresh_tokens.hpp"
#include "kit/credentials/revocations.hpp"

namespace kit::tests {
namespace {

using namespace std::chrono_literals;
using credentials::ApiKeys;
using credentials::RefreshToken;
using credentials::RefreshTokens;

const Timestamp noon = Timestamp::parse("2026-03-04T12:00:00Z").value();

Timestamp later(std::chrono::microseconds by) {
  return Timestamp{noon.since_epoch + by};
}

class RefreshTest : public CredentialsTest {
 protected:
  /// The text of the first token of a new family.
  Task<std::string> begin(std::string subject = "ann") {
    Task<RefreshToken> beginning = tokens_.begin(std::move(subject), noon);
    const RefreshToken token = co_await std::move(beginning);
    co_return token.text.reveal();
  }
  /// The next text, or "!" and the reason.
  Task<std::string> exchange(std::string text, Timestamp now) {
    Task<RefreshToken> exchanging = tokens_.exchange(std::move(text), now);
    const Result<RefreshToken> token = co_await as_result(std::move(exchanging));
    if (token) co_return token->text.reveal();
    EXPECT_EQ(token.error().code(), Code::unauthenticated) << token.error().describe();
    co_return "!" + token.error().reason();
  }

  RefreshTokens tokens_{*database_};
};

TEST_F(RefreshTest, EachIsGoodForOneExchange) {
  steps([&]() -> Task<> {
    std::string text = co_await begin();
    for (int i = 1; i <= 20; ++i) text = co_await exchange(text, later(i * 1min));
    EXPECT_EQ(text.size(), 43U);
    EXPECT_EQ(co_await count("SELECT count(*) FROM kit_refresh_tokens"), 21);
    EXPECT_EQ(co_await count("SELECT count(*) FROM kit_refresh_tokens WHERE state = 0"), 1);
  });
}

TEST_F(RefreshTest, ASecondUseEndsTheFamily) {
  steps([&]() -> Task<> {
    const std::string first = co_await begin();
    const std::string other = co_await begin();  // another session of the same subject
    const std::string second = co_await exchange(first, later(1min));
    const std::string third = co_await exchange(second, later(2min));
    EXPECT_EQ(co_await exchange(first, later(3min)), "!REFRESH_REUSED");
    EXPECT_EQ(co_await exchange(third, later(3min)), "!REFRESH_INVALID");
    EXPECT_EQ(co_await exchange(second, later(3min)), "!REFRESH_INVALID");
    const std::string goes_on = co_await exchange(other, later(3min));
    EXPECT_EQ(goes_on.size(), 43U);
  });
}

TEST_F(RefreshTest, ALostAnswerIsAskedForAgainInTime) {
  steps([&]() -> Task<> {
    const std::string first = co_await begin();
    const std::string lost = co_await exchange(first, later(1min));
    const std::string again = co_await exchange(first, later(1min + 10s - 1us));
    EXPECT_EQ(again.size(), 43U);
    EXPECT_NE(again, lost);
    EXPECT_EQ(co_await count("SELECT count(*) FROM kit_refresh_tokens WHERE state = 0"), 1);
    const std::string next = co_await exchange(again, later(2min));
    EXPECT_EQ(next.size(), 43U);
    // Whoever has the answer that was lost is not whom it was for.
    EXPECT_EQ(co_await exchange(lost, later(2min)), "!REFRESH_REUSED");
    EXPECT_EQ(co_await exchange(next, later(2min)), "!REFRESH_INVALID");
  });
}

TEST_F(RefreshTest, AfterTheGraceOrTheNextExchangeItIsNoLostAnswer) {
  steps([&]() -> Task<> {
    const std::string first = co_await begin();
    const std::string second = co_await exchange(first, later(1min));
    EXPECT_EQ(co_await exchange(first, later(1min + 10s)), "!REFRESH_REUSED");
    EXPECT_EQ(co_await exchange(second, later(1min + 10s)), "!REFRESH_INVALID");
    const std::string other = co_await begin();
    const std::string used = co_await exchange(other, later(1min));
    (void)co_await exchange(used, later(1min + 1s));
    EXPECT_EQ(co_await exchange(other, later(1min + 2s)), "!REFRESH_REUSED");
  });
}

TEST_F(RefreshTest, AFamilyLastsEightHours) {
  steps([&]() -> Task<> {
    const std::string first = co_await begin();
    const std::string second = co_await exchange(first, later(8h - 1us));
    EXPECT_EQ(second.size(), 43U);
    EXPECT_EQ(co_await exchange(second, later(8h)), "!REFRESH_EXPIRED");
    EXPECT_EQ(co_await tokens_.remove_expired(later(8h - 1us), 10), 0);
    EXPECT_EQ(co_await tokens_.remove_expired(later(8h), 1), 1);
    EXPECT_EQ(co_await tokens_.remove_expired(later(8h), 10), 1);
    EXPECT_EQ(co_await exchange(second, later(8h)), "!REFRESH_INVALID");
  });
}

TEST_F(RefreshTest, DisabledSubjectsGetNone) {
  steps([&]() -> Task<> {
    security::RevocationList list;
    credentials::Revocations revocations(*database_, nullptr, list);
    const std::string first = co_await begin();
    Task<> disabling = revocations.disable("ann");
    co_await std::move(disabling);
    EXPECT_EQ(co_await exchange(first, later(1min)), "!SUBJECT_DISABLED");
    Task<RefreshToken> beginning = tokens_.begin("ann", noon);
    const Result<RefreshToken> none = co_await as_result(std::move(beginning));
    EXPECT_EQ(none.error().reason(), "SUBJECT_DISABLED");
    Task<> enabling = revocations.enable("ann");
    co_await std::move(enabling);
    Task<RefreshToken> exchanging = tokens_.exchange(first, later(1min));
    const RefreshToken next = co_await std::move(exchanging);
    EXPECT_EQ(next.token_version, 1);
  });
}

TEST_F(RefreshTest, SigningOut) {
  steps([&]() -> Task<> {
    const std::string first = co_await begin();
    const std::string other = co_await begin();
    const std::string bobs = co_await begin("bob");
    co_await tokens_.end_family(first);
    co_await tokens_.end_family("unknown");
    EXPECT_EQ(co_await exchange(first, later(1min)), "!REFRESH_INVALID");
    const std::string second = co_await exchange(other, later(1min));
    co_await tokens_.end_all("ann");
    EXPECT_EQ(co_await exchange(second, later(1min)), "!REFRESH_INVALID");
    const std::string goes_on = co_await exchange(bobs, later(1min));
    EXPECT_EQ(goes_on.size(), 43U);
  });
}

TEST_F(RefreshTest, WhatIsNone) {
  steps([&]() -> Task<> {
    const std::string first = co_await begin();
    for (const std::string& bad : {std::string(), std::string("x"), std::string(43, 'A'),
                                   first + "A", first.substr(1), std::string(100'000, 'x')}) {
      EXPECT_EQ(co_await exchange(bad, noon), "!REFRESH_INVALID");
    }
    EXPECT_EQ(
        co_await count("SELECT count(*) FROM kit_refresh_tokens WHERE hash = '" + first + "'"), 0);
  });
}

TEST_F(RefreshTest, ManyAtOnceLeaveOneThatCounts) {
  steps([&]() -> Task<> {
    const std::string first = co_await begin();
    int good = 0;
    const auto one = [&]() -> Task<> {
      const std::string next = co_await exchange(first, later(1min));
      if (next.size() == 43U) ++good;
    };
    TaskGroup group("many");
    for (int i = 0; i < 10; ++i) group.spawn(one());
    Task<> joining = group.join();
    co_await std::move(joining);
    EXPECT_EQ(good, 10);
    EXPECT_EQ(co_await count("SELECT count(*) FROM kit_refresh_tokens WHERE state = 0"), 1);
  });
}

class ApiKeysTest : public CredentialsTest {
 protected:
  Task<std::string> reason(std::string text, Timestamp now) {
    Task<std::shared_ptr<const security::Identity>> verifying = keys_.verify(text, now);
    const Result<std::shared_ptr<const security::Identity>> identity =
        co_await as_result(std::move(verifying));
    co_return identity ? std::string() : identity.error().reason();
  }
  security::RevocationList list_;
  credentials::Revocations revocations_{*database_, nullptr, list_};
  ApiKeys keys_{*database_, revocations_, list_};
};

TEST_F(ApiKeysTest, TellWhoItIs) {
  steps([&]() -> Task<> {
    credentials::ApiKeyGrant grant{.subject = "ann",
                                   .label = "export",
                                   .scopes = {"read", "write"},
                                   .roles = {"clerk"},
                                   .expires_at = later(1h)};
    Task<ApiKeys::Created> creating = keys_.create(grant, noon);
    const ApiKeys::Created created = co_await std::move(creating);
    const std::string text = created.text.reveal();
    Task<std::shared_ptr<const security::Identity>> verifying = keys_.verify(text, noon);
    const auto identity = co_await std::move(verifying);
    EXPECT_EQ(identity->subject, "ann");
    EXPECT_EQ(identity->kind, security::IdentityKind::api_key);
    EXPECT_TRUE(identity->has("clerk"));
    EXPECT_TRUE(identity->has_scope("write"));
    EXPECT_EQ(identity->token_id, created.id);
    std::string other = text;
    other[25] = other[25] == 'A' ? 'B' : 'A';
    EXPECT_EQ(co_await reason(other, noon), "API_KEY_INVALID");
    EXPECT_EQ(co_await reason("kit_0123456789abcdef_" + std::string(43, 'A'), noon),
              "API_KEY_INVALID");
    EXPECT_EQ(co_await reason("x", noon), "API_KEY_INVALID");
    EXPECT_EQ(co_await reason(text, later(1h - 1us)), "");
    EXPECT_EQ(co_await reason(text, later(1h)), "API_KEY_EXPIRED");
    Task<std::vector<credentials::ApiKeyInfo>> listing = keys_.list("ann");
    const std::vector<credentials::ApiKeyInfo> known = co_await std::move(listing);
    EXPECT_EQ(known.size(), 1U);
    EXPECT_EQ(known[0].grant.label, "export");
    EXPECT_EQ(known[0].grant.expires_at, later(1h));
    const std::string secret = text.substr(21);
    EXPECT_EQ(co_await count("SELECT count(*) FROM kit_api_keys WHERE hash = '" + secret + "'"), 0);
  });
}

TEST_F(ApiKeysTest, RevokedAndDisabledOnesAreRefusedAtOnce) {
  steps([&]() -> Task<> {
    const Timestamp now = Timestamp::now();
    std::vector<ApiKeys::Created> created;
    for (const char* subject : {"ann", "ann", "bob"}) {
      Task<ApiKeys::Created> creating = keys_.create({.subject = subject}, now);
      created.push_back(co_await std::move(creating));
      EXPECT_EQ(co_await reason(created.back().text.reveal(), now), "");
    }
    Task<> revoking = keys_.revoke(created[0].id, now);
    co_await std::move(revoking);
    EXPECT_EQ(co_await reason(created[0].text.reveal(), now), "API_KEY_REVOKED");
    EXPECT_EQ(co_await reason(created[1].text.reveal(), now), "");
    Task<> again = keys_.revoke(created[0].id, now);
    const Result<> twice = co_await as_result(std::move(again));
    EXPECT_EQ(twice.error().reason(), "API_KEY_UNKNOWN");
    Task<> disabling = revocations_.disable("ann");
    co_await std::move(disabling);
    EXPECT_EQ(co_await reason(created[1].text.reveal(), now), "API_KEY_REVOKED");
    EXPECT_EQ(co_await reason(created[2].text.reveal(), now), "");
    // An instance that remembers nothing knows it from the table.
    security::RevocationList empty;
    ApiKeys fresh(*database_, revocations_, empty);
    Task<std::shared_ptr<const security::Identity>> verifying =
        fresh.verify(created[0].text.reveal(), now);
    const auto refused = co_await as_result(std::move(verifying));
    EXPECT_EQ(refused.error().reason(), "API_KEY_REVOKED");
  });
}

TEST_F(ApiKeysTest, GrantsThatMakeNoSense) {
  steps([&]() -> Task<> {
    const credentials::ApiKeyGrant bad[] = {{.subject = ""},
                                            {.subject = std::string(256, 'a')},
                                            {.subject = "a", .label = std::string(256, 'a')},
                                            {.subject = "a", .scopes = {"a b"}},
                                            {.subject = "a", .roles = {""}},
                                            {.subject = "a", .expires_at = noon}};
    for (const credentials::ApiKeyGrant& grant : bad) {
      Task<ApiKeys::Created> creating = keys_.create(grant, noon);
      const Result<ApiKeys::Created> created = co_await as_result(std::move(creating));
      EXPECT_EQ(created.error().code(), Code::invalid_argument);
    }
  });
}

}  // namespace
}  // namespace kit::tests
