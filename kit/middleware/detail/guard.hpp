// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kit/base/live_value.hpp"
#include "kit/http/guard.hpp"
#include "kit/middleware/detail/authentication.hpp"
#include "kit/middleware/options.hpp"
#include "kit/middleware/outside.hpp"
#include "kit/resilience/dependency.hpp"
#include "kit/resilience/load_shedder.hpp"
#include "kit/resilience/rate_limit_rules.hpp"

namespace kit::middleware {

/// What every request passes before anything is done for it, the cheapest refusals first: load
/// shedding, the breaker of its route, its token, the limits of its caller. Thread safety: any
/// thread. Lifetime: longer than the servers' that use it.
class Guard final : public http::RequestGuard {
 public:
  Guard(resilience::Breakers& breakers, const security::RevocationList& revocations);

  /// From now on. Fails with `invalid_argument`, naming what is wrong, and changes nothing then.
  Result<> apply(const Options& options);
  /// Before the servers start.
  void set_outside(Outside outside) { outside_ = std::move(outside); }
  /// Gives each route of `router` a breaker. `next` (may be null) is asked for what passes here,
  /// and may name the caller; it must not count. Before the servers start. Lifetime: `next`
  /// outlives them.
  void know_routes(const http::Router& router, const http::RequestGuard* next);

  std::optional<Error> admit(const http::Request& request, const http::Router::Route& route,
                             http::Admission& admission) const override;
  Task<> enter(const http::Request& request, const http::Router::Route& route,
               http::Admission& admission) const override;
  void leave(const Left& left) const override;

  resilience::LoadShedder& shedder() { return shedder_; }
  resilience::RateLimitRules& rate_limits() const { return rate_limits_; }
  /// Null: nobody has to say who they are.
  std::shared_ptr<const Authentication> authentication() const { return authentication_.get()->is; }
  /// Where an issuer's keys go. Null: nobody has to say who they are.
  std::shared_ptr<security::KeyStore> key_store() const;

 private:
  struct Authenticating {
    std::shared_ptr<const Authentication> is;  // null: nobody has to say who they are
    /// Whom requests without a token are served for: not for the program itself, which may do
    /// everything.
    std::shared_ptr<const Caller> nobody;
  };
  struct Kept;
  std::optional<Error> admit(const http::Request& request, const http::Router::Route& route,
                             http::Admission& admission, Kept& kept) const;
  std::optional<Error> authenticate(const http::Request& request, const http::Router::Route& route,
                                    http::Admission& admission, Clock::time_point now) const;
  std::optional<Error> authenticate(const Authentication& by, const http::Request& request,
                                    http::Admission& admission, Clock::time_point now) const;
  Task<> authenticate_later(const http::Request& request, http::Admission& admission) const;
  Task<> limit_later(const http::Request& request, http::Admission& admission) const;
  std::optional<Error> limit(const http::Request& request, http::Admission& admission,
                             Clock::time_point now) const;

  resilience::Breakers& breakers_;
  const security::RevocationList& revocations_;
  mutable resilience::LoadShedder shedder_;
  mutable resilience::RateLimitRules rate_limits_;
  std::atomic<bool> has_rate_limits_{false};
  std::vector<std::shared_ptr<resilience::Dependency>> routes_;  // by number
  const http::RequestGuard* next_ = nullptr;
  Outside outside_;
  std::mutex mutex_;                     // one `apply` at a time
  std::shared_ptr<Authentication> own_;  // under mutex_
  LiveValue<Authenticating> authentication_{Authenticating{}};
};

}  // namespace kit::middleware
