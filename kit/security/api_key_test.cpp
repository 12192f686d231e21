// SPDX-License-Identifier: Apache-2.0
#include "kit/security/api_key.hpp"

#include <gtest/gtest.h>

#include <set>

#include "kit/base/sha256.hpp"
#include "kit/security/secret_token.hpp"

namespace kit::security {
namespace {

TEST(ApiKey, IsFoundAgainByItsText) {
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const NewApiKey key = make_api_key();
    const std::string text = key.text.reveal();
    EXPECT_EQ(text.size(), 4U + 16 + 1 + 43);
    const auto parts = parse_api_key(text);
    ASSERT_TRUE(parts) << text;
    EXPECT_EQ(parts->id, key.id);
    EXPECT_EQ(token_hash(parts->secret), key.hash);
    EXPECT_EQ(text.find(key.hash), std::string::npos);
    EXPECT_TRUE(seen.insert(key.id).second);
    EXPECT_TRUE(seen.insert(key.hash).second);
  }
}

TEST(ApiKey, WhatIsNone) {
  const std::string good = make_api_key().text.reveal();
  EXPECT_TRUE(parse_api_key(good));
  EXPECT_FALSE(parse_api_key(""));
  EXPECT_FALSE(parse_api_key("kit_"));
  EXPECT_FALSE(parse_api_key(good.substr(1)));
  EXPECT_FALSE(parse_api_key(good.substr(0, good.size() - 1)));
  EXPECT_FALSE(parse_api_key(good + "A"));
  EXPECT_FALSE(parse_api_key(good + "="));
  EXPECT_FALSE(parse_api_key(" " + good));
  std::string other = good;
  other[5] = 'G';
  EXPECT_FALSE(parse_api_key(other));
  other = good;
  other[20] = '-';
  EXPECT_FALSE(parse_api_key(other));
}

TEST(SecretToken, HashesAndCompares) {
  EXPECT_EQ(token_hash("abc"), sha256_hex("abc"));
  EXPECT_EQ(random_token().reveal().size(), 43U);
  EXPECT_NE(random_token().reveal(), random_token().reveal());
  EXPECT_EQ(random_id(16).size(), 32U);
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_TRUE(same_secret("ab", "ab"));
  EXPECT_FALSE(same_secret("ab", "ac"));
  EXPECT_FALSE(same_secret("ab", "abc"));
}

}  // namespace
}  // namespace kit::security
