// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/security/identity.hpp"
#include "kit/security/jwt_options.hpp"
#include "kit/security/key_store.hpp"

namespace kit::security {

class RevocationList;

/// What became of tokens since the start.
struct JwtFigures {
  std::uint64_t remembered = 0;  ///< Taken because they were verified before.
  std::uint64_t verified = 0;    ///< Taken.
  std::uint64_t refused = 0;
};

/// Tells from a JSON Web Token (RFC 7519) who a request is from. Which algorithm counts is a matter
/// of the key, never of the token. What was verified once is remembered by each thread until it
/// expires, until the keys or the options change, or until it is revoked: that is asked each time.
/// Thread safety: any thread. Lifetime: `revocations` (null: none) outlives it.
class JwtVerifier {
 public:
  /// Fails as `apply`.
  static Result<std::unique_ptr<JwtVerifier>> make(std::shared_ptr<const KeyStore> keys,
                                                   JwtOptions options,
                                                   const RevocationList* revocations = nullptr);
  ~JwtVerifier();
  JwtVerifier(const JwtVerifier&) = delete;
  JwtVerifier& operator=(const JwtVerifier&) = delete;

  /// Fails with `unauthenticated`, always with the same sentence, and the reasons of `parse_jws`,
  /// `verify_jws`, `TOKEN_TYPE`, TOKEN_CLAIM, TOKEN_ISSUER, TOKEN_AUDIENCE, TOKEN_EXPIRED,
  /// TOKEN_NOT_YET_VALID, TOKEN_REVOKED; the cause says more, for the log. Cost: 0.1 us for a token
  /// that is remembered, otherwise that of the key (`VerificationKey::verifies`) and some 5 us.
  Result<std::shared_ptr<const Identity>> verify(std::string_view token, Timestamp now) const;

  /// Counts from the next call on. Fails with `invalid_argument`, naming the option, and leaves
  /// everything as it was.
  Result<> apply(JwtOptions options);
  JwtFigures figures() const;

 private:
  struct Rules;
  struct Shard;
  struct State;
  JwtVerifier(std::shared_ptr<const KeyStore> keys, JwtOptions options,
              const RevocationList* revocations);

  std::uint64_t version() const {
    return keys_->version() + options_version_.load(std::memory_order_acquire);
  }
  std::shared_ptr<const Rules> rules() const;
  void renew(Shard& shard, std::uint64_t version) const;
  Result<std::shared_ptr<const Identity>> verify_anew(std::string_view token, Timestamp now) const;
  Result<> check_revoked(const Identity& identity, Timestamp now) const;
  void remember(std::string_view token, const Rules& rules, Timestamp now,
                const std::shared_ptr<const Identity>& identity) const;

  const std::shared_ptr<const KeyStore> keys_;
  const RevocationList* const revocations_;
  std::atomic<std::uint64_t> options_version_{1};
  mutable std::mutex mutex_;  // guards the options
  std::shared_ptr<const JwtOptions> options_;
  const std::unique_ptr<State> state_;
};

}  // namespace kit::security
