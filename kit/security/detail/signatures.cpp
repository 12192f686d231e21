// SPDX-License-Identifier: Apache-2.0
// Signing and verifying with OpenSSL, and new keys.
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <array>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/security/detail/key_material.hpp"
#include "kit/security/key.hpp"

namespace kit::security {
namespace detail {
namespace {

constexpr std::size_t hmac_bytes = 32;
constexpr std::size_t es256_half = 32;
constexpr std::size_t ed25519_bytes = 64;

std::array<unsigned char, hmac_bytes> hmac(std::string_view secret, std::string_view message) {
  std::array<unsigned char, hmac_bytes> sum{};
  unsigned int size = 0;
  const unsigned char* const made =
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(message),
           message.size(), sum.data(), &size);
  KIT_ASSERT(made != nullptr && size == sum.size(), "HMAC of any bytes can be made");
  return sum;
}

bool verifies_hmac(const KeyMaterial& key, std::string_view message, std::string_view signature) {
  if (signature.size() != hmac_bytes) return false;
  const std::array<unsigned char, hmac_bytes> wanted = hmac(key.secret, message);
  return CRYPTO_memcmp(wanted.data(), signature.data(), hmac_bytes) == 0;
}

bool verifies_with(EVP_PKEY* key, const EVP_MD* digest, std::string_view message,
                   std::string_view signature) {
  const DigestContext context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                          message.size()) == 1;
}

/// Whether 0 < `number` < the order of P-256 (SEC 2, secp256r1).
bool is_in_range(std::string_view number) {
  static constexpr std::string_view order(
      "\xFF\xFF\xFF\xFF\x00\x00\x00\x00\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
      "\xBC\xE6\xFA\xAD\xA7\x17\x9E\x84\xF3\xB9\xCA\xC2\xFC\x63\x25\x51",
      es256_half);
  return number.find_first_not_of('\0') != std::string_view::npos && number < order;
}

/// From r and s of 32 bytes each, as RFC 7518 has them, to what OpenSSL reads.
bool verifies_es256(const KeyMaterial& key, std::string_view message, std::string_view signature) {
  if (signature.size() != 2 * es256_half) return false;
  const std::string_view r = signature.substr(0, es256_half);
  const std::string_view s = signature.substr(es256_half);
  if (!is_in_range(r) || !is_in_range(s)) return false;
  Bignum r_number(BN_bin2bn(bytes_of(r), es256_half, nullptr));
  Bignum s_number(BN_bin2bn(bytes_of(s), es256_half, nullptr));
  const EcdsaSignature pair(ECDSA_SIG_new());
  if (!pair || !r_number || !s_number ||
      ECDSA_SIG_set0(pair.get(), r_number.get(), s_number.get()) != 1)
    return false;
  (void)r_number.release();  // the pair's now
  (void)s_number.release();
  std::array<unsigned char, 80> der{};  // at most 72: two integers of 33 bytes and three heads
  unsigned char* end = der.data();
  const int size = i2d_ECDSA_SIG(pair.get(), &end);
  if (size <= 0) return false;
  const std::string_view text(reinterpret_cast<const char*>(der.data()),
                              static_cast<std::size_t>(size));
  return verifies_with(key.key.get(), EVP_sha256(), message, text);
}

Error signing_failed() {
  return Error(Code::internal, "OpenSSL could not sign");
}

Result<std::string> sign_with(EVP_PKEY* key, const EVP_MD* digest, std::string_view message) {
  const DigestContext context(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes_of(message), message.size()) != 1)
    return signing_failed();
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(message),
                     message.size()) != 1)
    return signing_failed();
  signature.resize(size);
  return signature;
}

Result<std::string> raw_es256(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  const EcdsaSignature pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!pair) return signing_failed();
  std::string raw(2 * es256_half, '\0');
  const int half = static_cast<int>(es256_half);
  if (BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), bytes_of(raw), half) != half ||
      BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), bytes_of(raw) + es256_half, half) != half)
    return signing_failed();
  return raw;
}

PrivateOrPublicKey generate_key(Algorithm algorithm) {
  if (algorithm == Algorithm::es256) return PrivateOrPublicKey(EVP_EC_gen("P-256"));
  if (algorithm == Algorithm::rs256) return PrivateOrPublicKey(EVP_RSA_gen(3072));
  return PrivateOrPublicKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

template <class Write>
std::string write_pem(const KeyMaterial& material, Write write) {
  if (material.algorithm == Algorithm::hs256) return {};
  const Bio bio(BIO_new(BIO_s_mem()));
  KIT_ASSERT(bio && write(bio.get(), material.key.get()) == 1, "a key can be written to memory");
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace

bool verifies(const KeyMaterial& key, std::string_view message, std::string_view signature) {
  if (key.algorithm == Algorithm::hs256) return verifies_hmac(key, message, signature);
  const ErrorsCleared cleared;
  switch (key.algorithm) {
    case Algorithm::es256:
      return verifies_es256(key, message, signature);
    case Algorithm::rs256:
      return signature.size() == static_cast<std::size_t>(EVP_PKEY_get_size(key.key.get())) &&
             verifies_with(key.key.get(), EVP_sha256(), message, signature);
    case Algorithm::eddsa:
      return signature.size() == ed25519_bytes &&
             verifies_with(key.key.get(), nullptr, message, signature);
    case Algorithm::hs256:
      break;
  }
  return false;
}

Result<std::string> sign(const KeyMaterial& key, std::string_view message) {
  if (key.algorithm == Algorithm::hs256) {
    const std::array<unsigned char, hmac_bytes> sum = hmac(key.secret, message);
    return std::string(reinterpret_cast<const char*>(sum.data()), sum.size());
  }
  const ErrorsCleared cleared;
  const EVP_MD* const digest = key.algorithm == Algorithm::eddsa ? nullptr : EVP_sha256();
  Result<std::string> signature = sign_with(key.key.get(), digest, message);
  if (!signature || key.algorithm != Algorithm::es256) return signature;
  return raw_es256(*signature);
}

}  // namespace detail

SigningKey SigningKey::generate(Algorithm algorithm, std::string id) {
  if (algorithm == Algorithm::hs256) {
    std::string secret(min_secret_bytes, '\0');
    KIT_ASSERT(RAND_bytes(detail::bytes_of(secret), static_cast<int>(secret.size())) == 1,
               "the system has random bytes");
    return from_secret(secret, std::move(id)).value();
  }
  detail::PrivateOrPublicKey key = detail::generate_key(algorithm);
  KIT_ASSERT(key != nullptr, "OpenSSL makes keys");
  return SigningKey(detail::material_from_key(std::move(key), std::move(id)).value());
}

std::string SigningKey::public_pem() const {
  return detail::write_pem(*material_, PEM_write_bio_PUBKEY);
}

std::string SigningKey::private_pem() const {
  return detail::write_pem(*material_, [](BIO* bio, const EVP_PKEY* key) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace kit::security
