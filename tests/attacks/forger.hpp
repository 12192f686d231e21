// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/security/jwt_verifier.hpp"
#include "kit/security/key.hpp"
#include "kit/security/revocation.hpp"

namespace attacks {

using kit::Timestamp;
using kit::security::Algorithm;
using kit::security::SigningKey;

/// When everything here happens.
Timestamp now();

/// A service whose tokens are to be forged, and what an attacker has: public keys, honest tokens of
/// a user, keys and words of their own.
class Forger {
 public:
  explicit Forger(Algorithm algorithm);

  Algorithm algorithm() const { return key_.algorithm(); }
  kit::security::JwtVerifier& verifier() { return *verifier_; }
  /// What the service itself issues.
  std::string honest() const { return signed_by(key_, header(), claims()); }
  /// The same for somebody else.
  std::string honest_of(std::string_view subject) const;

  /// A header as the service writes it, with further members ("\"jku\":\"...\"").
  std::string header(std::string_view more = {}) const;
  /// Another algorithm or key id, both as JSON values: "\"none\"", "null".
  std::string header_with(std::string_view alg, std::string_view kid,
                          std::string_view more = {}) const;
  /// Claims that are good, but for the member `name`, which is `value`; without a value it is
  /// missing.
  std::string claims(std::string_view name = {}, std::string_view value = {}) const;

  static std::string signed_by(const SigningKey& key, std::string_view header,
                               std::string_view claims);
  /// Signed by the service: what only its own mistakes or a stolen key would bring.
  std::string genuine(std::string_view header, std::string_view claims) const {
    return signed_by(key_, header, claims);
  }
  /// With whatever stands in the place of a signature.
  static std::string unsigned_of(std::string_view header, std::string_view claims,
                                 std::string_view signature = {});
  /// HMAC-SHA256 with any secret, of any length.
  static std::string hmac_by(std::string_view secret, std::string_view header,
                             std::string_view claims);

  /// The attacker's own key of the same algorithm, and one of another.
  const SigningKey& own_key() const { return own_; }
  const SigningKey& other_key() const { return other_; }
  std::string public_pem() const;
  std::string public_jwk() const;
  std::string own_jwk() const;
  /// The parts of an honest token.
  struct Parts {
    std::string header, payload, signature;
  };
  Parts parts() const;
  /// An honest token with other bytes as its signature.
  std::string with_signature(std::string_view bytes) const;
  /// The bytes of an honest token's signature.
  std::string signature() const;

 private:
  const SigningKey key_;
  const SigningKey second_;  ///< Another good key of the service, "k2".
  const SigningKey own_;
  const SigningKey other_;
  kit::security::RevocationList revocations_;
  std::unique_ptr<kit::security::JwtVerifier> verifier_;
};

struct Attack {
  std::string_view name;
  std::string (*forge)(const Forger& forger);
  /// What the token has to be refused with; "A|B" where it depends on the kind of key.
  std::string_view reasons;
  bool (*applies)(Algorithm algorithm) = nullptr;  ///< Null: to each.
};

std::vector<Attack> attacks_on_algorithms();
std::vector<Attack> attacks_on_keys();
std::vector<Attack> attacks_on_shape();
std::vector<Attack> attacks_on_headers();
std::vector<Attack> attacks_on_claims();
std::vector<Attack> attacks_on_signatures();

}  // namespace attacks
