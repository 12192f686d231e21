// SPDX-License-Identifier: Apache-2.0
#include "kit/security/key.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "kit/base/text.hpp"
#include "kit/security/key_set.hpp"
#include "kit/security/weak_secrets.hpp"

namespace kit::security {
namespace {

constexpr std::string_view good_secret = "uX8fP2mQ0vT5yR7kLw3nZ1cJ6hB9dG4s";

std::string reason_of(const Result<VerificationKey>& key) {
  return key ? "" : key.error().reason();
}
std::string reason_of(const Result<KeySet>& keys) {
  return keys ? "" : keys.error().reason();
}

std::string jwk_of(const SigningKey& key) {
  const std::string set = public_jwks({key.verification_key()});
  const std::size_t begin = set.find('[') + 1;
  return set.substr(begin, set.rfind(']') - begin);
}

class EachAlgorithm : public ::testing::TestWithParam<Algorithm> {};
INSTANTIATE_TEST_SUITE_P(Key, EachAlgorithm,
                         ::testing::Values(Algorithm::hs256, Algorithm::es256, Algorithm::rs256,
                                           Algorithm::eddsa),
                         [](const auto& tested) { return std::string(name(tested.param)); });

TEST_P(EachAlgorithm, SignsAndVerifies) {
  const SigningKey key = SigningKey::generate(GetParam(), "a");
  EXPECT_EQ(key.algorithm(), GetParam());
  const std::string signature = key.sign("message").value();
  const VerificationKey public_key = key.verification_key();
  EXPECT_TRUE(public_key.verifies("message", signature));
  EXPECT_FALSE(public_key.verifies("messagf", signature));
  EXPECT_FALSE(public_key.verifies("message", ""));
  EXPECT_FALSE(public_key.verifies("message", signature + '\0'));
  EXPECT_FALSE(public_key.verifies("message", std::string_view(signature).substr(1)));
  for (std::size_t i = 0; i < signature.size(); ++i) {
    std::string changed = signature;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(public_key.verifies("message", changed)) << i;
  }
  EXPECT_FALSE(SigningKey::generate(GetParam()).verification_key().verifies("message", signature));
}

TEST_P(EachAlgorithm, GoesThroughPemAndJwk) {
  if (GetParam() == Algorithm::hs256) return;
  const SigningKey key = SigningKey::generate(GetParam(), "a_b-C");
  const SigningKey again = SigningKey::from_pem(key.private_pem(), "a_b-C").value();
  const std::string signature = again.sign("m").value();
  EXPECT_TRUE(VerificationKey::from_pem(key.public_pem()).value().verifies("m", signature));
  const KeySet keys = parse_jwks(public_jwks({key.verification_key()}), KeySource::network).value();
  ASSERT_NE(keys.find("a_b-C"), nullptr);
  EXPECT_TRUE(keys.find("a_b-C")->verifies("m", signature));
  EXPECT_TRUE(keys.find("a_b-C")->same_as(key.verification_key()));
  EXPECT_EQ(reason_of(VerificationKey::from_pem(key.private_pem())), "KEY_PRIVATE");
  EXPECT_FALSE(SigningKey::from_pem(key.public_pem()).ok());
}

TEST(Key, SecretsOfHs256AreLongAndNotKnown) {
  EXPECT_TRUE(VerificationKey::from_secret(good_secret).ok());
  EXPECT_EQ(reason_of(VerificationKey::from_secret(good_secret.substr(1))), "SECRET_WEAK");
  EXPECT_EQ(reason_of(VerificationKey::from_secret("")), "SECRET_WEAK");
  EXPECT_EQ(reason_of(VerificationKey::from_secret("a-string-secret-at-least-256-bits-long")),
            "SECRET_WEAK");
  EXPECT_EQ(reason_of(VerificationKey::from_secret(std::string(64, 'x'))), "SECRET_WEAK");
  std::string longest;
  while (longest.size() < max_secret_bytes) longest += good_secret;
  EXPECT_TRUE(VerificationKey::from_secret(longest).ok());
  EXPECT_EQ(reason_of(VerificationKey::from_secret(longest + "x")), "SECRET_WEAK");
}

TEST(WeakSecrets, WhatIsKnown) {
  for (const char* known : {"qmPlus", "demo-key", "secret", "SECRET", " changeme\n",
                            "secretsecretsecretsecretsecretsecret", "password", "P@ssw0rd",
                            "0123456789abcdef0123456789abcdef", "your-256-bit-secret"}) {
    EXPECT_TRUE(is_well_known_secret(known)) << known;
    EXPECT_TRUE(weakness(known)) << known;
  }
  EXPECT_FALSE(is_well_known_secret(good_secret));
  EXPECT_EQ(weakness(good_secret), std::nullopt);
  EXPECT_EQ(weakness(""), "is empty");
  EXPECT_EQ(weakness(good_secret.substr(1)), "has fewer than 32 bytes");
  EXPECT_EQ(weakness("abcdefgabcdefgabcdefgabcdefgabcdefg"), "has hardly any different characters");
  EXPECT_EQ(weakness("abcdefghabcdefghabcdefghabcdefgh"), std::nullopt);
}

TEST(Key, IdsAreShortAndPlain) {
  const auto with_id = [](std::string id) {
    return VerificationKey::from_secret(good_secret, std::move(id));
  };
  EXPECT_TRUE(with_id(std::string(64, 'k')).ok());
  EXPECT_EQ(reason_of(with_id(std::string(65, 'k'))), "KEY_ID_INVALID");
  for (const char* bad : {"../../etc/passwd", "a b", "a'--", "a.b", "\n", "http://x"}) {
    EXPECT_EQ(reason_of(with_id(bad)), "KEY_ID_INVALID") << bad;
  }
}

TEST(Key, PemOfNothing) {
  for (const char* bad : {"", "x", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                          "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    EXPECT_EQ(reason_of(VerificationKey::from_pem(bad)), "KEY_MALFORMED") << bad;
  }
  EXPECT_EQ(reason_of(VerificationKey::from_pem(std::string(64 * 1024 + 1, '-'))), "KEY_MALFORMED");
}

TEST(KeySet, TakesOneOfEachId) {
  const VerificationKey a = SigningKey::generate(Algorithm::es256, "a").verification_key();
  const VerificationKey b = SigningKey::generate(Algorithm::eddsa, "b").verification_key();
  const VerificationKey nameless = SigningKey::generate(Algorithm::es256).verification_key();
  EXPECT_EQ(reason_of(KeySet::of({})), "KEY_SET_INVALID");
  EXPECT_EQ(reason_of(KeySet::of({a, b, a})), "KEY_SET_INVALID");
  EXPECT_EQ(reason_of(KeySet::of({nameless, nameless})), "KEY_SET_INVALID");
  const VerificationKey secret = VerificationKey::from_secret(good_secret, "s").value();
  EXPECT_EQ(reason_of(KeySet::of({a, secret})), "KEY_SET_INVALID");
  const KeySet set = KeySet::of({b, nameless, a}).value();
  EXPECT_TRUE(set.find("a")->same_as(a));
  EXPECT_TRUE(set.find(std::nullopt)->same_as(nameless));
  EXPECT_EQ(set.find("c"), nullptr);
  EXPECT_EQ(KeySet::of({a, b}).value().find(std::nullopt), nullptr);
  const KeySet one = KeySet::of({a}).value();
  EXPECT_NE(one.find(std::nullopt), nullptr);
  EXPECT_EQ(one.find("b"), nullptr);
  EXPECT_NE(KeySet::of({nameless}).value().find("whatever"), nullptr);
}

TEST(KeySet, AsManyAsFit) {
  const SigningKey key = SigningKey::generate(Algorithm::eddsa);
  std::vector<VerificationKey> keys;
  for (std::size_t i = 0; i < max_keys; ++i) {
    keys.push_back(VerificationKey::from_pem(key.public_pem(), "k" + std::to_string(i)).value());
  }
  EXPECT_TRUE(KeySet::of(keys).ok());
  std::string json = public_jwks(keys);
  EXPECT_EQ(parse_jwks(json, KeySource::network).value().keys().size(), max_keys);
  keys.push_back(key.verification_key());
  EXPECT_EQ(reason_of(KeySet::of(keys)), "KEY_SET_INVALID");
  EXPECT_EQ(reason_of(parse_jwks(public_jwks(keys), KeySource::network)), "KEY_SET_INVALID");
  json.resize(max_key_set_bytes, ' ');
  EXPECT_TRUE(parse_jwks(json, KeySource::network).ok());
  EXPECT_EQ(reason_of(parse_jwks(json + ' ', KeySource::network)), "KEY_SET_INVALID");
}

class KeyFileTest : public ::testing::Test {
 protected:
  KeyFileTest() {
    std::string name = ::testing::TempDir() + "kit_keys_XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  ~KeyFileTest() override { std::filesystem::remove_all(folder_); }
  std::string file(std::string_view text, std::filesystem::perms mode) {
    const std::string path = folder_ + "/key";
    std::ofstream(path, std::ios::binary) << text;
    std::filesystem::permissions(path, mode);
    return path;
  }
  static constexpr auto own =
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;
  static constexpr auto shared = own | std::filesystem::perms::group_read;
  std::string folder_;
};

TEST_F(KeyFileTest, PublicOnesMayBeReadByAll) {
  const SigningKey key = SigningKey::generate(Algorithm::es256, "k1");
  EXPECT_TRUE(read_key_file(file(key.public_pem(), shared)).ok());
  EXPECT_TRUE(read_key_file(file(public_jwks({key.verification_key()}), shared)).ok());
  EXPECT_EQ(reason_of(read_key_file(file(key.private_pem(), own))), "KEY_PRIVATE");
}

TEST_F(KeyFileTest, SecretsAreTheOwnersAlone) {
  const std::string oct = R"({"kty":"oct","k":")" + base64url_encode(good_secret) + R"("})";
  EXPECT_TRUE(read_key_file(file(oct, own)).ok());
  EXPECT_EQ(reason_of(read_key_file(file(oct, shared))), "KEY_READABLE");
  const SigningKey key = SigningKey::generate(Algorithm::eddsa);
  EXPECT_TRUE(read_signing_key(file(key.private_pem(), own), "k1").ok());
  EXPECT_EQ(read_signing_key(file(key.private_pem(), shared)).error().reason(), "KEY_READABLE");
}

TEST_F(KeyFileTest, WhatIsNoKeyFile) {
  EXPECT_EQ(reason_of(read_key_file(folder_ + "/none")), "KEY_FILE_MISSING");
  EXPECT_EQ(reason_of(read_key_file(folder_)), "KEY_FILE_MISSING");
  EXPECT_EQ(reason_of(read_key_file("")), "KEY_FILE_MISSING");
  EXPECT_EQ(reason_of(read_key_file(file("", own))), "KEY_SET_INVALID");
  EXPECT_EQ(reason_of(read_key_file(file(std::string(max_key_set_bytes + 1, ' '), own))),
            "KEY_SET_INVALID");
}

TEST(Jwks, LeavesOutWhatIsForSomethingElse) {
  const std::string good = jwk_of(SigningKey::generate(Algorithm::es256, "good"));
  for (const char* other :
       {R"({"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB","kid":"x"})",
        R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})", R"({"kty":"LMS","pub":"AA"})",
        R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA","key_ops":["sign"]})",
        R"({"kty":"RSA","alg":"PS256","n":"AQAB","e":"AQAB"})", R"({})"}) {
    std::vector<std::string> left_out;
    const std::string both = "{\"keys\":[" + std::string(other) + "," + good + "]}";
    const Result<KeySet> set = parse_jwks(both, KeySource::file, &left_out);
    ASSERT_TRUE(set.ok()) << other << set.error().describe();
    EXPECT_EQ(set->keys().size(), 1U);
    EXPECT_EQ(left_out.size(), 1U) << other;
    EXPECT_EQ(reason_of(parse_jwks(other, KeySource::file)), "KEY_SET_INVALID") << other;
  }
}

TEST(Jwks, RefusesWhatIsWrong) {
  const auto file = [](std::string_view json) {
    return reason_of(parse_jwks(json, KeySource::file));
  };
  EXPECT_EQ(file(""), "KEY_SET_INVALID");
  EXPECT_EQ(file("[]"), "KEY_SET_INVALID");
  EXPECT_EQ(file(R"({"keys":{}})"), "KEY_SET_INVALID");
  EXPECT_EQ(file(R"({"keys":[]})"), "KEY_SET_INVALID");
  EXPECT_EQ(file(R"({"keys":[1]})"), "KEY_SET_INVALID");
  EXPECT_EQ(file(R"({"keys":[],"keys":[]})"), "KEY_SET_INVALID");
  EXPECT_EQ(file(R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})"), "KEY_MALFORMED");
  EXPECT_EQ(file(R"({"kty":"EC","crv":"P-256","x":1,"y":"AA"})"), "KEY_MALFORMED");
  EXPECT_EQ(file(R"({"kty":"OKP","crv":"Ed25519","x":"AA"})"), "KEY_MALFORMED");
  EXPECT_EQ(file(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"), "KEY_WEAK");
  EXPECT_EQ(file(R"({"kty":"oct","k":"c2VjcmV0"})"), "SECRET_WEAK");
  EXPECT_EQ(file(R"({"kty":"oct","k":"c2Vjc*"})"), "KEY_MALFORMED");
  std::string secret = jwk_of(SigningKey::generate(Algorithm::es256, "a"));
  secret.insert(1, R"("d":"AA",)");
  EXPECT_EQ(file(secret), "KEY_PRIVATE");
  std::string bad_id = jwk_of(SigningKey::generate(Algorithm::es256, "id"));
  bad_id.replace(bad_id.find("\"id\""), 4, "\"i/d\"");
  EXPECT_EQ(file(bad_id), "KEY_ID_INVALID");
}

TEST(Jwks, OfTheNetworkHasNoSecretsAndMayHaveABadKey) {
  const std::string good = jwk_of(SigningKey::generate(Algorithm::eddsa, "good"));
  const auto with = [&](std::string_view other) {
    return "{\"keys\":[" + good + "," + std::string(other) + "]}";
  };
  const std::string oct =
      R"({"kty":"oct","kid":"s","k":")" + base64url_encode(good_secret) + R"("})";
  EXPECT_EQ(reason_of(parse_jwks(with(oct), KeySource::network)), "KEY_PRIVATE");
  EXPECT_EQ(reason_of(parse_jwks(oct, KeySource::network)), "KEY_PRIVATE");
  EXPECT_TRUE(parse_jwks(oct, KeySource::file).ok());
  const std::string d = R"({"kty":"LMS","kid":"x","d":"AA"})";
  EXPECT_EQ(reason_of(parse_jwks(with(d), KeySource::network)), "KEY_PRIVATE");
  std::vector<std::string> left_out;
  const std::string bad = R"({"kty":"EC","crv":"P-256","kid":"bad","x":"AA","y":"AA"})";
  EXPECT_TRUE(parse_jwks(with(bad), KeySource::network, &left_out).ok());
  ASSERT_EQ(left_out.size(), 1U);
  EXPECT_NE(left_out[0].find("'bad'"), std::string::npos) << left_out[0];
  EXPECT_EQ(reason_of(parse_jwks(with(bad), KeySource::file)), "KEY_MALFORMED");
}

}  // namespace
}  // namespace kit::security
