// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/async/task.hpp"
#include "kit/base/result.hpp"
#include "kit/middleware/options.hpp"

namespace kit::http {
class Router;          // kit/http/router.hpp
struct ServerOptions;  // kit/http/server.hpp
}  // namespace kit::http
namespace kit::middleware {
struct Outside;  // kit/middleware/outside.hpp
}
namespace kit::resilience {
class Breakers;        // kit/resilience/dependency.hpp
class LoadShedder;     // kit/resilience/load_shedder.hpp
class RateLimitRules;  // kit/resilience/rate_limit_rules.hpp
}  // namespace kit::resilience
namespace kit::security {
class KeyStore;        // kit/security/key_store.hpp
class RevocationList;  // kit/security/revocation.hpp
}  // namespace kit::security
namespace kit::telemetry {
class Registry;  // kit/telemetry/registry.hpp
}

namespace kit {

/// Everything production expects of a service in one call: who may come in, how much, what happens
/// under load and beside what fails.
///
///     auto bundle = kit::MiddlewareBundle::builder()
///                       .with_jwt_auth({.secret = "...", .header = "X-Auth-Token"})
///                       .with_tracing({.sampler_rate = 0.1})
///                       .with_circuit_breaker({.timeout = 2s, .failure_threshold = 5})
///                       .with_rate_limit({.requests_per_second = 1000})
///                       .build();
///
/// What is written here is a default: `kit::app::run` reads the sections auth, rate_limit,
/// shedding, breaker and tracing of the configuration over it, and again while the program runs.
/// Thread safety: any thread. Lifetime: longer than the servers' that use it.
class MiddlewareBundle {
 public:
  class Builder;
  static Builder builder();

  /// Fails with `invalid_argument`, naming the option.
  static Result<MiddlewareBundle> make(middleware::Options options);
  MiddlewareBundle(MiddlewareBundle&&) noexcept;
  MiddlewareBundle& operator=(MiddlewareBundle&&) noexcept;
  ~MiddlewareBundle();

  /// Replaces all options while requests are served. Fails with `invalid_argument`, naming the
  /// option, and changes nothing then.
  Result<> apply(middleware::Options options);
  middleware::Options options() const;

  /// What has to be waited for: API keys, an issuer's keys, limits that instances share. Before
  /// `protect`.
  void set_outside(middleware::Outside outside);
  /// Puts itself before the servers that are made with `options` for `router`, which has all its
  /// routes by now. A guard that `options` have already is asked for what passes here; it may name
  /// the caller, but not count.
  void protect(http::ServerOptions& options, const http::Router& router);
  void add_metrics(telemetry::Registry& registry) const;
  /// Keeps an eye on the CPU, for shedding. Ends only by cancellation. Once in a process.
  Task<> watch();

  /// Breakers of routes and of whatever else has one.
  const std::shared_ptr<resilience::Breakers>& breakers() const;
  resilience::LoadShedder& shedder() const;
  resilience::RateLimitRules& rate_limits() const;
  /// Where an issuer's keys go; null where there are no tokens.
  std::shared_ptr<security::KeyStore> key_store() const;
  /// Tokens and subjects that no longer count.
  security::RevocationList& revocations() const;

 private:
  struct State;
  explicit MiddlewareBundle(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Collects options; nothing is checked before `build`.
class MiddlewareBundle::Builder {
 public:
  Builder& with_jwt_auth(middleware::JwtAuth options) {
    options_.auth = std::move(options);
    return *this;
  }
  Builder& with_rate_limit(middleware::RateLimit options) {
    options_.rate_limit = std::move(options);
    return *this;
  }
  Builder& with_load_shedding(resilience::LoadShedderOptions options) {
    options_.shedding = options;
    return *this;
  }
  Builder& with_circuit_breaker(middleware::CircuitBreaker options) {
    options_.breaker = options;
    return *this;
  }
  Builder& with_tracing(middleware::Tracing options) {
    options_.tracing = std::move(options);
    return *this;
  }
  /// Fails with `invalid_argument`, naming the option.
  Result<MiddlewareBundle> build() const { return MiddlewareBundle::make(options_); }

 private:
  middleware::Options options_;
};

inline MiddlewareBundle::Builder MiddlewareBundle::builder() {
  return {};
}

}  // namespace kit
