// SPDX-License-Identifier: Apache-2.0
// Keys from secrets and PEM, and what each kind of key has to be like.
#include "kit/security/key.hpp"

#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/security/detail/key_material.hpp"
#include "kit/security/weak_secrets.hpp"

namespace kit::security {
namespace detail {
namespace {

Error key_error(std::string reason, std::string message) {
  return Error(Code::invalid_argument, std::move(message)).with_reason(std::move(reason));
}

Result<> check_id(std::string_view id) {
  if (id.empty() || is_key_id(id)) return {};
  return key_error("KEY_ID_INVALID",
                   "the id of a key must be 1 to 64 letters, digits, '_' or '-' (kid)");
}

/// Keys of a generator that was broken (ROCA, CVE-2017-15361): for each of these primes their
/// modulus is a power of 65537. For others that holds once in 2^27.
bool is_of_broken_generator(const BIGNUM* modulus) {
  static constexpr std::array<unsigned, 17> primes = {11, 13, 17,  19,  37,  53,  61,  71, 73,
                                                      79, 97, 103, 107, 109, 127, 151, 157};
  return std::ranges::all_of(primes, [&](unsigned prime) {
    const BN_ULONG rest = BN_mod_word(modulus, prime);
    BN_ULONG power = 1;
    for (unsigned i = 0; i < prime; ++i) {
      if (power == rest) return true;
      power = power * 65537 % prime;
    }
    return false;
  });
}

Bignum parameter(const EVP_PKEY* key, const char* which) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, which, &number) != 1) return nullptr;
  return Bignum(number);
}

Result<Algorithm> check_rsa(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < min_rsa_bits || bits > max_rsa_bits) {
    return key_error("KEY_WEAK", "an RSA key must have " + std::to_string(min_rsa_bits) + " to " +
                                     std::to_string(max_rsa_bits) + " bits, this one has " +
                                     std::to_string(bits));
  }
  const Bignum modulus = parameter(key, OSSL_PKEY_PARAM_RSA_N);
  const Bignum exponent = parameter(key, OSSL_PKEY_PARAM_RSA_E);
  if (!modulus || !exponent || BN_is_odd(modulus.get()) == 0)
    return key_error("KEY_MALFORMED", "the RSA key has no odd modulus");
  if (BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get()) == 1 ||
      BN_num_bits(exponent.get()) > 64)
    return key_error("KEY_WEAK", "the exponent of an RSA key must be odd, at least 3 and short");
  if (is_of_broken_generator(modulus.get())) {
    return key_error("KEY_WEAK",
                     "the RSA key is of a generator that is broken (ROCA, CVE-2017-15361): make "
                     "another one");
  }
  return Algorithm::rs256;
}

Result<Algorithm> check_ec(EVP_PKEY* key) {
  std::array<char, 64> group{};
  if (EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) != 1 ||
      std::string_view(group.data()) != "prime256v1")
    return key_error("KEY_UNSUPPORTED", "an EC key must be on the curve P-256, for ES256");
  const KeyContext context(EVP_PKEY_CTX_new(key, nullptr));
  if (!context || EVP_PKEY_public_check(context.get()) != 1)
    return key_error("KEY_MALFORMED", "the EC key is no point of its curve");
  return Algorithm::es256;
}

Result<Algorithm> check_key(EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      return check_rsa(key);
    case EVP_PKEY_EC:
      return check_ec(key);
    case EVP_PKEY_ED25519:
      return Algorithm::eddsa;
    default:
      return key_error("KEY_UNSUPPORTED", "a key must be RSA, EC on P-256 or Ed25519");
  }
}

/// In the place of a question for a password on the terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

PrivateOrPublicKey read_private(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return PrivateOrPublicKey(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr)
                                : nullptr);
}

PrivateOrPublicKey read_public(std::string_view pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (!bio) return nullptr;
  if (pem.find("-----BEGIN CERTIFICATE-----") == std::string_view::npos)
    return PrivateOrPublicKey(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr));
  const Certificate certificate(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
  return PrivateOrPublicKey(certificate ? X509_get_pubkey(certificate.get()) : nullptr);
}

constexpr std::size_t max_pem_bytes = 64 * 1024;

Result<PrivateOrPublicKey> read_pem(std::string_view pem, bool is_private) {
  const ErrorsCleared cleared;
  if (pem.size() > max_pem_bytes)
    return key_error("KEY_MALFORMED", "the PEM text of a key has more than 64 KiB");
  const bool has_private = pem.find("PRIVATE KEY-----") != std::string_view::npos;
  if (has_private && !is_private) {
    return key_error("KEY_PRIVATE",
                     "this is a private key, and tokens are verified with the public one: write "
                     "it with 'openssl pkey -pubout'");
  }
  PrivateOrPublicKey key = is_private ? read_private(pem) : read_public(pem);
  if (!key) {
    return key_error("KEY_MALFORMED", is_private
                                          ? "there is no private key in PEM without a password"
                                          : "there is no public key or certificate in PEM");
  }
  return key;
}

}  // namespace

Result<Material> material_from_secret(std::string_view secret, std::string id) {
  KIT_TRY(check_id(id));
  if (secret.size() > max_secret_bytes)
    return key_error("SECRET_WEAK", "a secret has at most 4096 bytes");
  if (const auto problem = weakness(secret)) {
    return key_error("SECRET_WEAK", "the secret for HS256 " + std::string(*problem) +
                                        ": make one with 'openssl rand -base64 48'");
  }
  auto material = std::make_shared<KeyMaterial>();
  material->id = std::move(id);
  material->secret = secret;
  return Material(std::move(material));
}

Result<Material> material_from_key(PrivateOrPublicKey key, std::string id) {
  const ErrorsCleared cleared;
  KIT_TRY(check_id(id));
  Result<Algorithm> algorithm = check_key(key.get());
  if (!algorithm) return std::move(algorithm).error();
  auto material = std::make_shared<KeyMaterial>();
  material->algorithm = *algorithm;
  material->id = std::move(id);
  material->key = std::move(key);
  return Material(std::move(material));
}

}  // namespace detail

bool is_key_id(std::string_view text) {
  return !text.empty() && text.size() <= max_key_id_bytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

Result<VerificationKey> VerificationKey::from_secret(std::string_view secret, std::string id) {
  Result<detail::Material> material = detail::material_from_secret(secret, std::move(id));
  if (!material) return std::move(material).error();
  return VerificationKey(*std::move(material));
}

Result<VerificationKey> VerificationKey::from_pem(std::string_view pem, std::string id) {
  Result<detail::PrivateOrPublicKey> key = detail::read_pem(pem, false);
  if (!key) return std::move(key).error();
  Result<detail::Material> material = detail::material_from_key(*std::move(key), std::move(id));
  if (!material) return std::move(material).error();
  return VerificationKey(*std::move(material));
}

VerificationKey::VerificationKey(std::shared_ptr<const detail::KeyMaterial> material)
    : material_(std::move(material)) {}

const std::string& VerificationKey::id() const {
  return material_->id;
}

Algorithm VerificationKey::algorithm() const {
  return material_->algorithm;
}

bool VerificationKey::verifies(std::string_view message, std::string_view signature) const {
  return detail::verifies(*material_, message, signature);
}

bool VerificationKey::same_as(const VerificationKey& other) const {
  const detail::KeyMaterial& a = *material_;
  const detail::KeyMaterial& b = *other.material_;
  if (&a == &b) return true;
  if (a.algorithm != b.algorithm || a.id != b.id) return false;
  if (a.algorithm != Algorithm::hs256) return EVP_PKEY_eq(a.key.get(), b.key.get()) == 1;
  return a.secret.size() == b.secret.size() &&
         CRYPTO_memcmp(a.secret.data(), b.secret.data(), a.secret.size()) == 0;
}

Result<SigningKey> SigningKey::from_secret(std::string_view secret, std::string id) {
  Result<detail::Material> material = detail::material_from_secret(secret, std::move(id));
  if (!material) return std::move(material).error();
  return SigningKey(*std::move(material));
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem, std::string id) {
  Result<detail::PrivateOrPublicKey> key = detail::read_pem(pem, true);
  if (!key) return std::move(key).error();
  Result<detail::Material> material = detail::material_from_key(*std::move(key), std::move(id));
  if (!material) return std::move(material).error();
  return SigningKey(*std::move(material));
}

SigningKey::SigningKey(std::shared_ptr<const detail::KeyMaterial> material)
    : material_(std::move(material)) {}

const std::string& SigningKey::id() const {
  return material_->id;
}

Algorithm SigningKey::algorithm() const {
  return material_->algorithm;
}

Result<std::string> SigningKey::sign(std::string_view message) const {
  return detail::sign(*material_, message);
}

VerificationKey SigningKey::verification_key() const {
  return VerificationKey(material_);
}

}  // namespace kit::security
