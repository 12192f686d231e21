// SPDX-License-Identifier: Apache-2.0
#include "kit/security/revocation.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kit::security {
namespace {

using namespace std::chrono_literals;

const Timestamp noon = Timestamp::parse("2026-03-04T12:00:00Z").value();

Timestamp later(std::chrono::microseconds by) {
  return Timestamp{noon.since_epoch + by};
}

Identity identity(std::string subject, std::string token_id = {}) {
  Identity made;
  made.subject = std::move(subject);
  made.token_id = std::move(token_id);
  made.issued_at = noon;
  made.seal();
  return made;
}

TEST(Revocation, NobodyIsRefusedAtFirst) {
  const RevocationList list;
  EXPECT_FALSE(list.refuses(identity("ann", "t"), noon));
  EXPECT_FALSE(list.refuses(identity(""), noon));
}

TEST(Revocation, VersionsOfASubject) {
  RevocationList list;
  Identity ann = identity("ann");
  ann.token_version = 3;
  list.set_subject("ann", {.min_token_version = 3, .issued_from = later(1h)}, noon);
  EXPECT_FALSE(list.refuses(ann, noon));
  ann.token_version = 2;
  EXPECT_TRUE(list.refuses(ann, noon));
  list.set_subject("ann", {}, noon);
  EXPECT_FALSE(list.refuses(ann, noon));
}

TEST(Revocation, TokensWithoutAVersionAreJudgedByTheirTime) {
  RevocationList list;
  Identity ann = identity("ann");
  list.set_subject("ann", {.min_token_version = 3, .issued_from = noon}, noon);
  EXPECT_FALSE(list.refuses(ann, noon));
  ann.issued_at = later(-1us);
  EXPECT_TRUE(list.refuses(ann, noon));
  ann.issued_at.reset();
  EXPECT_TRUE(list.refuses(ann, noon));
  ann.issued_at = later(1h);
  list.set_subject("ann", {.min_token_version = 3}, noon);
  EXPECT_TRUE(list.refuses(ann, noon));
  list.set_subject("ann", {}, noon);
  EXPECT_FALSE(list.refuses(ann, noon));
}

TEST(Revocation, OnlyDisablingCountsForKeysAndCertificates) {
  RevocationList list;
  for (const IdentityKind kind : {IdentityKind::api_key, IdentityKind::certificate}) {
    Identity ann = identity("ann");
    ann.kind = kind;
    ann.issued_at.reset();
    list.set_subject("ann", {.min_token_version = 9, .issued_from = noon}, noon);
    EXPECT_FALSE(list.refuses(ann, noon));
    list.refuse_issued_before(later(1h));
    EXPECT_FALSE(list.refuses(ann, noon));
    list.set_subject("ann", {.disabled = true}, noon);
    EXPECT_TRUE(list.refuses(ann, noon));
  }
}

TEST(Revocation, RulesEnd) {
  RevocationList list;
  list.revoke_token("t", later(5min), noon);
  EXPECT_TRUE(list.refuses(identity("ann", "t"), later(5min - 1us)));
  EXPECT_FALSE(list.refuses(identity("ann", "t"), later(5min)));
  EXPECT_FALSE(list.refuses(identity("t", "u"), noon));  // a subject is no token
  list.set_subject("bob", {.disabled = true, .until = later(1s)}, noon);
  EXPECT_TRUE(list.refuses(identity("bob"), noon));
  EXPECT_FALSE(list.refuses(identity("bob"), later(1s)));
}

TEST(Revocation, TheLaterRuleCounts) {
  RevocationList list;
  list.set_subject("ann", {.disabled = true, .revision = 5}, noon);
  list.set_subject("ann", {.disabled = false, .revision = 4}, noon);
  EXPECT_TRUE(list.refuses(identity("ann"), noon));
  list.set_subject("ann", {.disabled = false, .revision = 6}, noon);
  EXPECT_FALSE(list.refuses(identity("ann"), noon));
}

TEST(Revocation, OneMoreThanFitsRefusesEverythingIssuedBefore) {
  RevocationList list({.max_entries = 1000});
  list.set_subject("root", {.disabled = true}, noon);  // without an end: not counted
  for (int i = 0; i < 1000; ++i) list.revoke_token(std::to_string(i), later(1h), noon);
  EXPECT_EQ(list.overflows(), 0U);
  EXPECT_FALSE(list.refuses(identity("ann", "x"), noon));
  for (int i = 0; i < 1000; ++i)
    EXPECT_TRUE(list.refuses(identity("ann", std::to_string(i)), noon)) << i;
  list.revoke_token("1000", later(1h), later(1s));
  EXPECT_EQ(list.overflows(), 1U);
  EXPECT_TRUE(list.refuses(identity("ann", "x"), noon));
  EXPECT_TRUE(list.refuses(identity("root"), noon));
  Identity fresh = identity("ann", "x");
  fresh.issued_at = later(1s);
  EXPECT_FALSE(list.refuses(fresh, noon));
  fresh = identity("root");
  fresh.issued_at = later(1h);
  EXPECT_TRUE(list.refuses(fresh, noon));
}

TEST(Revocation, WhatIsOverMakesRoom) {
  RevocationList list({.max_entries = 1000});
  for (int i = 0; i < 100'000; ++i) {
    const Timestamp now = later(std::chrono::seconds(i));
    list.revoke_token(std::to_string(i), Timestamp{now.since_epoch + 500s}, now);
    ASSERT_TRUE(list.refuses(identity("ann", std::to_string(i)), now)) << i;
  }
  EXPECT_EQ(list.overflows(), 0U);
  EXPECT_LE(list.size(), 1000U);
}

TEST(Revocation, RulesWithoutAnEndAreNotBounded) {
  RevocationList list({.max_entries = 100});
  for (int i = 0; i < 5000; ++i) list.set_subject(std::to_string(i), {.disabled = true}, noon);
  EXPECT_EQ(list.overflows(), 0U);
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(list.refuses(identity(std::to_string(i)), noon)) << i;
  EXPECT_FALSE(list.refuses(identity("5000"), noon));
}

}  // namespace
}  // namespace kit::security
