// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/live_value.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/http/message.hpp"
#include "kit/middleware/options.hpp"
#include "kit/resilience/rate_limiter.hpp"
#include "kit/security/jwt_verifier.hpp"
#include "kit/security/revocation.hpp"

namespace kit::middleware {

/// Tells from its token who a request comes from. Thread safety: any thread. Lifetime:
/// `revocations` outlives it.
class Authentication {
 public:
  /// `options` are on. Fails as `apply`.
  static Result<std::unique_ptr<Authentication>> make(const JwtAuth& options,
                                                      const security::RevocationList* revocations);

  /// What a request says who it is from with; empty: nothing, and it need not. Fails with
  /// `unauthenticated`: TOKEN_MISSING, TOKEN_TWICE. Lifetime: the request's.
  Result<std::string_view> token_of(const http::Request& request) const;
  /// Who that is. Fails with `unauthenticated` and the reasons of `security::JwtVerifier`.
  Result<std::shared_ptr<const security::Identity>> verify(std::string_view token,
                                                           const http::Request& request,
                                                           Clock::time_point now) const;
  /// Why a token of this address is not even looked at: `resource_exhausted`, TOKEN_FAILURES, when
  /// too many from there were wrong.
  std::optional<Error> hold_off(const http::Request& request, Clock::time_point now) const;
  /// One more was wrong.
  void count_failure(const http::Request& request, Clock::time_point now) const;
  void count_missing() const { missing_.fetch_add(1, std::memory_order_relaxed); }

  /// From now on; the keys are read again. Fails with `invalid_argument`, naming what is wrong, and
  /// changes nothing then.
  Result<> apply(const JwtAuth& options);

  security::JwtFigures figures() const { return verifier_->figures(); }
  /// Requests without a token, and those that were not looked at.
  std::uint64_t missing() const { return missing_.load(std::memory_order_relaxed); }
  std::uint64_t held_off() const { return held_off_.load(std::memory_order_relaxed); }
  /// Where keys of an issuer go.
  const std::shared_ptr<security::KeyStore>& keys() const { return keys_; }

 private:
  struct Rules {
    std::string header;  // in lower case
    bool has_scheme = true;
    bool required = true;
    std::uint32_t failures_per_minute = 0;
  };
  Authentication(const JwtAuth& options, std::shared_ptr<security::KeyStore> keys,
                 std::unique_ptr<security::JwtVerifier> verifier);
  static Rules rules_of(const JwtAuth& options);
  /// Nothing: they are an issuer's, and come later.
  static Result<std::optional<security::KeySet>> keys_of(const JwtAuth& options);
  static resilience::Rate rate_of(const JwtAuth& options);

  std::shared_ptr<security::KeyStore> keys_;
  std::unique_ptr<security::JwtVerifier> verifier_;
  LiveValue<Rules> rules_;
  mutable resilience::RateLimiter failures_;
  /// Until then an address may be held off: nobody is looked up while all is well.
  mutable std::atomic<Clock::rep> suspicious_until_{0};
  mutable std::atomic<std::uint64_t> missing_{0}, held_off_{0};
};

}  // namespace kit::middleware
