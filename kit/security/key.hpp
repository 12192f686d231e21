// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/security/algorithm.hpp"

namespace kit::security {

/// A secret of HS256 has at least as many bytes as its hash (RFC 7518 section 3.2).
inline constexpr std::size_t min_secret_bytes = 32;
inline constexpr std::size_t max_secret_bytes = 4096;
inline constexpr int min_rsa_bits = 2048;
/// Larger ones make each verification a burden, and nobody has them.
inline constexpr int max_rsa_bits = 8192;
inline constexpr std::size_t max_key_id_bytes = 64;

/// Whether it is 1 to 64 of `[A-Za-z0-9_-]`: an id is compared and logged, never part of a path,
/// a query or an address.
bool is_key_id(std::string_view text);

namespace detail {
struct KeyMaterial;
}

/// What tokens are verified with. Immutable and cheap to copy. Thread safety: any thread.
class VerificationKey {
 public:
  /// For HS256. Fails with `invalid_argument`: KEY_ID_INVALID, SECRET_WEAK (fewer than
  /// `min_secret_bytes`, more than `max_secret_bytes`, or what `weakness` says of it).
  static Result<VerificationKey> from_secret(std::string_view secret, std::string id = {});
  /// A public key or a certificate in PEM; the kind of the key decides the algorithm. Fails with
  /// `invalid_argument`: KEY_ID_INVALID, KEY_MALFORMED, KEY_UNSUPPORTED (another kind or curve),
  /// KEY_WEAK (RSA below `min_rsa_bits`, a bad exponent, or of a generator known to be broken),
  /// KEY_PRIVATE (a private key does not belong where tokens are only verified).
  static Result<VerificationKey> from_pem(std::string_view pem, std::string id = {});
  explicit VerificationKey(std::shared_ptr<const detail::KeyMaterial> material);

  const std::string& id() const;  ///< Empty: none.
  Algorithm algorithm() const;
  /// Whether `signature` is this key's for `message`. Cost: HS256 1 us, ES256 100 us, RS256 30 us,
  /// EdDSA 130 us.
  bool verifies(std::string_view message, std::string_view signature) const;
  /// Whether the algorithm, the material and the id are the same.
  bool same_as(const VerificationKey& other) const;
  /// For this module.
  const detail::KeyMaterial& material() const { return *material_; }

 private:
  std::shared_ptr<const detail::KeyMaterial> material_;
};

/// What tokens are signed with. Immutable and cheap to copy. Thread safety: any thread.
class SigningKey {
 public:
  /// As `VerificationKey::from_secret`.
  static Result<SigningKey> from_secret(std::string_view secret, std::string id = {});
  /// A private key in PEM that is not encrypted. Fails as `VerificationKey::from_pem`.
  static Result<SigningKey> from_pem(std::string_view pem, std::string id = {});
  /// A new one; RS256 keys have 3072 bits.
  static SigningKey generate(Algorithm algorithm, std::string id = {});
  explicit SigningKey(std::shared_ptr<const detail::KeyMaterial> material);

  const std::string& id() const;
  Algorithm algorithm() const;
  /// The signature as it stands in a token, before base64url. Fails with `internal`.
  Result<std::string> sign(std::string_view message) const;
  VerificationKey verification_key() const;
  /// For others to verify with, as PEM; empty for HS256.
  std::string public_pem() const;
  /// The key itself as PEM, for a file that only its owner reads; empty for HS256.
  std::string private_pem() const;

 private:
  std::shared_ptr<const detail::KeyMaterial> material_;
};

}  // namespace kit::security
