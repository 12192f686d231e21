// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "kit/adapters/redis/redis.hpp"
#include "kit/resilience/dependency.hpp"
#include "kit/resilience/rate_limit_rules.hpp"

namespace kit::telemetry {
class Registry;
}

namespace kit::redis {

struct RateLimitOptions {
  /// Before every key, so that services share a Redis: "store:".
  std::string prefix = "limit:";
  std::chrono::milliseconds deadline{20};  ///< Of an answer; after it the local counts decide.
  /// After so many failures in a row Redis is not asked for `pause`.
  std::uint32_t failures = 3;
  std::chrono::milliseconds pause{1'000};
};

/// Rate limits that all instances of a service share: what `RateLimitRules` says, counted in Redis
/// by its clock. While Redis is away, or slow, the rules' own counts decide, which are kept up to
/// date all the time: each instance then lets through what one may.
///
/// Each rule that matches a request is a round trip, in the order of the rules; one that refuses
/// ends it, and those before it have counted the request. Thread safety: any thread that runs a
/// loop. Lifetime: `client` and `rules` outlive it and its tasks.
class RateLimits {
 public:
  RateLimits(Client& client, resilience::RateLimitRules& rules, RateLimitOptions options = {});
  ~RateLimits();

  /// Fails with why the task was cancelled only.
  Task<resilience::RateLimitAnswer> ask(resilience::RateLimitRequest request);

  struct Counts {
    std::uint64_t shared = 0;  ///< Requests that Redis decided about.
    std::uint64_t local = 0;   ///< Requests that this instance decided about alone.
  };
  Counts counts() const;
  /// Whether Redis is asked.
  resilience::Dependency& dependency() { return *dependency_; }
  /// rate_limit_decisions_total by where they were made: "shared" or "local". Once a registry.
  /// Lifetime: this is there whenever the registry is written out.
  void add_metrics(telemetry::Registry& registry) const;

 private:
  Task<resilience::RateDecision> decide(resilience::RateLimitMatch match);

  Client& client_;
  resilience::RateLimitRules& rules_;
  RateLimitOptions options_;
  std::shared_ptr<resilience::Dependency> dependency_;
  std::atomic<std::uint64_t> shared_{0}, local_{0};
};

}  // namespace kit::redis
