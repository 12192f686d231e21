// SPDX-License-Identifier: Apache-2.0
// Public keys as JSON Web Keys (RFC 7517, 7518 section 6, 8037).
#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kit/json/writer.hpp"
#include "kit/security/detail/key_material.hpp"
#include "kit/security/key_set.hpp"

namespace kit::security {
namespace {

using detail::Bignum;
using detail::bytes_of;

Bignum number(const EVP_PKEY* key, const char* parameter) {
  BIGNUM* found = nullptr;
  KIT_ASSERT(EVP_PKEY_get_bn_param(key, parameter, &found) == 1, "a checked key has its numbers");
  return Bignum(found);
}

/// Big-endian and as short as it goes, as RFC 7518 section 2 wants it.
std::string shortest(const EVP_PKEY* key, const char* parameter) {
  const Bignum value = number(key, parameter);
  std::string text(static_cast<std::size_t>(BN_num_bytes(value.get())), '\0');
  BN_bn2bin(value.get(), bytes_of(text));
  return base64url_encode(text);
}

/// Of P-256: always 32 bytes.
std::string coordinate(const EVP_PKEY* key, const char* parameter) {
  const Bignum value = number(key, parameter);
  std::string text(32, '\0');
  BN_bn2binpad(value.get(), bytes_of(text), static_cast<int>(text.size()));
  return base64url_encode(text);
}

std::string raw_public(const EVP_PKEY* key) {
  std::string text(32, '\0');
  std::size_t size = text.size();
  KIT_ASSERT(EVP_PKEY_get_raw_public_key(key, bytes_of(text), &size) == 1,
             "an Ed25519 key has its 32 bytes");
  return base64url_encode(text);
}

void write_members(json::Writer& writer, Algorithm algorithm, const EVP_PKEY* key) {
  if (algorithm == Algorithm::rs256) {
    writer.member("kty", "RSA");
    writer.member("n", shortest(key, OSSL_PKEY_PARAM_RSA_N));
    writer.member("e", shortest(key, OSSL_PKEY_PARAM_RSA_E));
  } else if (algorithm == Algorithm::es256) {
    writer.member("kty", "EC");
    writer.member("crv", "P-256");
    writer.member("x", coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X));
    writer.member("y", coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y));
  } else {
    writer.member("kty", "OKP");
    writer.member("crv", "Ed25519");
    writer.member("x", raw_public(key));
  }
}

}  // namespace

std::string public_jwks(const std::vector<VerificationKey>& keys) {
  std::string text;
  json::Writer writer(text);
  writer.begin_object();
  writer.member("keys");
  writer.begin_array();
  for (const VerificationKey& key : keys) {
    if (key.algorithm() == Algorithm::hs256) continue;
    writer.begin_object();
    write_members(writer, key.algorithm(), key.material().key.get());
    writer.member("alg", name(key.algorithm()));
    writer.member("use", "sig");
    if (!key.id().empty()) writer.member("kid", key.id());
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  return text;
}

}  // namespace kit::security
