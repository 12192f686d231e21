// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"
#include "kit/resilience/load_shedder_options.hpp"

namespace kit {
class AccessPolicy;
}
namespace kit::config {
class Section;
}
namespace kit::resilience {
struct BreakerOptions;  // kit/resilience/breaker.hpp
struct RateLimitRule;   // kit/resilience/rate_limit_rules.hpp
}  // namespace kit::resilience
namespace kit::security {
struct JwtOptions;  // kit/security/jwt_options.hpp
}
namespace kit::telemetry {
struct SamplerOptions;  // kit/telemetry/sampler.hpp
}

namespace kit::middleware {

/// Who may come in: section `auth`. Off without a secret and without keys.
struct JwtAuth {
  Secret<std::string> secret{};  ///< HS256: at least 32 random bytes.
  /// Instead of a secret: a file with a JWK Set or a public key in PEM, read again by SIGHUP; the
  /// address of a JWK Set; or "issuer": wherever the OpenID provider `issuer` says its keys are.
  std::string keys{};
  /// Where the token is: "Authorization" with "Bearer " before it, any other field without.
  std::string header = "Authorization";
  std::string issuer{};
  std::vector<std::string> audiences{};
  std::chrono::seconds leeway{30};
  std::chrono::seconds max_lifetime{0};  ///< Of a token; 0: any.
  /// The claim that roles come from; empty: tokens bring none (docs/adr/0041).
  std::string roles_claim{};
  /// Certificates of clients that stand for a token, where TLS asks for them: {"uri:spiffe://shop/
  /// worker": worker}, by uri, dns or cn; the whole name.
  std::map<std::string, std::string> certificates{};
  /// Requests without a token are refused, but for routes that are for everybody.
  bool required = true;
  std::size_t cached_tokens = 1'024;  ///< Of each thread.
  /// Tokens of one address that may be wrong in a minute; more are not even looked at. 0: any. Not
  /// behind a proxy, whose address is everybody's.
  std::uint32_t failures_per_minute = 0;
  /// Of every caller, those without a token too: see `Caller::policy`. Outlives the bundle.
  const AccessPolicy* policy = nullptr;

  bool is_on() const { return !secret.reveal().empty() || !keys.empty(); }
  /// `keys` is the address of a JWK Set, or of an OpenID provider.
  bool keys_are_remote() const {
    return keys.starts_with("https://") || keys.starts_with("http://") || keys == "issuer";
  }
  security::JwtOptions jwt() const;
};

/// How much anybody may ask: section `rate_limit`. Off with neither.
struct RateLimit {
  std::uint32_t requests_per_second = 0;  ///< Of each caller: user, API key or address; 0: any.
  std::uint32_t burst = 0;                ///< At once; 0: as many as in a second.
  /// Counted in Redis (cache.url) for all instances together; by each alone while it is away.
  bool shared = false;
  /// By name, as texts: see `parse_rate_limit_rule`.
  std::map<std::string, std::string> rules{};

  bool is_on() const { return requests_per_second > 0 || !rules.empty(); }
  /// Fails with `invalid_argument`, naming the rule, also when there are too many or two of a name.
  Result<std::vector<resilience::RateLimitRule>> all() const;
};

/// Keeps requests from a route that only answers 502, 503 or 504, since something it needs is gone:
/// section `breaker`.
struct CircuitBreaker {
  bool enabled = true;
  /// Open for so long, then between two probes: who is back is used again within a second.
  std::chrono::milliseconds timeout{500};
  std::uint32_t failure_threshold = 10;  ///< Failures in a row; 0: not by that.
  double failure_ratio = 0;              ///< Of the calls of `window`; 0: not by that.
  std::uint32_t minimum_calls = 20;      ///< In `window`, before a ratio means anything.
  std::chrono::milliseconds window{10'000};
  std::uint32_t probes = 2;

  resilience::BreakerOptions options() const;
};

/// What of the work is recorded as traces: section `tracing`.
struct Tracing {
  double sampler_rate = 0.01;  ///< Of the traces that begin here.
  /// Of single routes: "/api/v1/orders: always", "/internal/*: never", "/search: 0.1".
  std::map<std::string, std::string> routes{};
  std::chrono::milliseconds slow{250};  ///< What takes longer is kept for /debug/requests.
  std::string force_header{};           ///< Of trusted peers: makes a trace recorded. Empty: none.
  /// Whose traces go on here: see `http::TrustedPeers`.
  std::vector<std::string> trusted_peers{"private"};
  /// Where spans are posted to as OTLP, "/v1/traces" included. Empty: what OTEL_EXPORTER_OTLP_*
  /// says; else they are on /debug/requests only.
  std::string endpoint{};
  bool gzip = false;

  /// Fails with `invalid_argument`, naming the route.
  Result<telemetry::SamplerOptions> sampling() const;
};

/// Everything that a bundle can be told. Whatever is written in a program is a default that the
/// configuration may change.
struct Options {
  JwtAuth auth{};
  RateLimit rate_limit{};
  resilience::LoadShedderOptions shedding{};
  CircuitBreaker breaker{};
  Tracing tracing{};
};

/// Declares the fields of the sections auth, rate_limit, shedding, breaker and tracing.
void describe(config::Section& section, JwtAuth& options);
void describe(config::Section& section, RateLimit& options);
void describe(config::Section& section, resilience::LoadShedderOptions& options);
void describe(config::Section& section, CircuitBreaker& options);
void describe(config::Section& section, Tracing& options);

/// A rule as people write it, in this order: how many, by what, where, for whom.
///
///     100 per 1s
///     10 per 1m burst 20 by address on POST /api/v1/login
///     5 per 1s by user+route on /api/v1/reports/* for user
///
/// `by` takes user, api_key, caller, address, route and header:NAME, with + between them; without
/// it by caller, "by all" is one count for everybody. `on` takes methods with commas between them
/// and a route or prefix. `for` takes user, anonymous or api_key. Fails with `invalid_argument`,
/// saying which word is wrong and what is known.
Result<resilience::RateLimitRule> parse_rate_limit_rule(std::string_view name,
                                                        std::string_view text);

}  // namespace kit::middleware
