// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/security/key.hpp"

namespace kit::security {

inline constexpr std::size_t max_key_set_bytes = 256 * 1024;
inline constexpr std::size_t max_keys = 100;

/// The keys that tokens may be signed with, found by their ids. Immutable. Thread safety: any
/// thread.
class KeySet {
 public:
  /// Fails with `invalid_argument`: KEY_SET_INVALID when there is none or more than `max_keys`,
  /// two have one id or none, or secrets and public keys are mixed (whoever holds the public one
  /// must not be near the secret one).
  static Result<KeySet> of(std::vector<VerificationKey> keys);

  /// The key for a token with this id; null: there is none. A token without an id means the only
  /// key, or the only one without an id. A set of one key without an id takes tokens with any.
  const VerificationKey* find(std::optional<std::string_view> id) const;
  const std::vector<VerificationKey>& keys() const { return keys_; }
  bool same_as(const KeySet& other) const;

 private:
  explicit KeySet(std::vector<VerificationKey> keys) : keys_(std::move(keys)) {}
  std::vector<VerificationKey> keys_;  // by id
};

/// Where a JWK Set is from.
enum class KeySource {
  file,    ///< Written for this program: every key must be good, secrets are allowed.
  network  ///< An issuer's: keys of other kinds are left out, private and secret ones refused.
};

/// A JWK Set (RFC 7517) or a single JWK. What is not for verifying signatures (`use`, `key_ops`) or
/// of an algorithm other than ours is left out, and said in `left_out` when that is not null. Fails
/// with `invalid_argument`: KEY_SET_INVALID, and the reasons of `VerificationKey::from_pem` and
/// `from_secret`.
Result<KeySet> parse_jwks(std::string_view json, KeySource source,
                          std::vector<std::string>* left_out = nullptr);

/// The text of a file as a key set: JWK Set or PEM, of one key. Fails as `parse_jwks`, and with
/// `not_found` (KEY_FILE_MISSING), or `invalid_argument` (KEY_READABLE: it has secrets, and others
/// than its owner may read it; the message has the chmod).
Result<KeySet> read_key_file(const std::string& path);
/// A private key in PEM. Fails as `SigningKey::from_pem` and `read_key_file`.
Result<SigningKey> read_signing_key(const std::string& path, std::string id = {});

/// The public keys of `keys` as a JWK Set, for others to verify with. Secrets are left out.
std::string public_jwks(const std::vector<VerificationKey>& keys);

}  // namespace kit::security
