// SPDX-License-Identifier: Apache-2.0
// The names of options in the configuration.
#include <utility>

#include "kit/config/codec.hpp"
#include "kit/config/section.hpp"
#include "kit/middleware/options.hpp"
#include "kit/resilience/breaker.hpp"
#include "kit/resilience/rate_limit_rules.hpp"
#include "kit/security/jwt_options.hpp"
#include "kit/telemetry/sampler.hpp"

namespace kit::middleware {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool is_ratio(double value) {
  return value >= 0 && value <= 1;
}

}  // namespace

security::JwtOptions JwtAuth::jwt() const {
  security::JwtOptions options;
  options.issuer = issuer;
  options.audiences = audiences;
  options.leeway = leeway;
  options.max_lifetime = max_lifetime;
  options.roles_claim = roles_claim;
  options.cached_tokens = cached_tokens;
  options.policy = policy;
  return options;
}

resilience::BreakerOptions CircuitBreaker::options() const {
  resilience::BreakerOptions options;
  options.enabled = enabled;
  options.failure_threshold = failure_threshold;
  options.failure_ratio = failure_ratio;
  options.minimum_calls = minimum_calls;
  options.window = window;
  options.open_time = timeout;
  // A probe that hangs on what is gone must not keep others from finding that it is back.
  options.probe_timeout = timeout;
  options.probes = probes;
  options.probe_successes = probes;
  return options;
}

Result<telemetry::SamplerOptions> Tracing::sampling() const {
  telemetry::SamplerOptions options;
  options.ratio = sampler_rate;
  for (const auto& [route, how] : routes) {
    telemetry::SamplingRule rule;
    rule.route = route;
    if (how == "always") {
      rule.mode = telemetry::SamplingMode::always;
    } else if (how == "never") {
      rule.mode = telemetry::SamplingMode::never;
    } else if (const auto ratio =
                   config::parse_number(config::Raw{.text = how, .items = {}, .members = {}});
               ratio && is_ratio(*ratio)) {
      rule.ratio = *ratio;
    } else {
      return Error(Code::invalid_argument, "tracing.routes: " + route +
                                               " is sampled always, never or by a ratio from 0 to "
                                               "1, not '" +
                                               how + "'");
    }
    options.rules.push_back(std::move(rule));
  }
  return options;
}

void describe(config::Section& section, JwtAuth& options) {
  section.field("secret", options.secret,
                "HS256 secret of tokens, 32 random bytes or more; without it and without keys "
                "everybody may come in");
  section.field("keys", options.keys,
                "instead of a secret: file with a JWK Set or a public key in PEM, address of a JWK "
                "Set (https://), or issuer: where the OpenID provider auth.issuer has them; ES256, "
                "RS256, EdDSA");
  section.field("header", options.header,
                "where the token is: Authorization with Bearer before it, any other without");
  section.field("issuer", options.issuer, "what iss has to be; empty: anything");
  section.field("audiences", options.audiences,
                "one of them has to be in aud; empty: only tokens without aud are taken");
  section.field("leeway", options.leeway, "how far the clocks of issuer and server may be apart")
      .min(seconds{0})
      .max(seconds{300});
  section.field("max_lifetime", options.max_lifetime, "longest life of a token; 0: any")
      .min(seconds{0});
  section.field("roles_claim", options.roles_claim,
                "the claim that roles come from; empty: tokens bring none");
  section.field("certificates", options.certificates,
                "clients whose certificate stands for a token: {uri:spiffe://shop/worker: worker}, "
                "by uri, dns or cn; a restart");
  section.field("required", options.required,
                "refuse requests without a token, but on routes for everybody");
  section.field("cached_tokens", options.cached_tokens, "verified tokens each thread remembers")
      .max(security::max_cached_tokens);
  section
      .field(
          "failures_per_minute", options.failures_per_minute,
          "wrong tokens of one address; more are not looked at; 0: any number, as behind a proxy, "
          "whose address is everybody's")
      .max(1'000'000);
}

void describe(config::Section& section, RateLimit& options) {
  section
      .field("requests_per_second", options.requests_per_second,
             "requests of each user, API key or address; more gets 429; 0: any number")
      .max(1'000'000'000);
  section.field("burst", options.burst, "of them at once; 0: as many as in a second")
      .max(1'000'000'000);
  section.field("shared", options.shared,
                "count for all instances together, in the Redis of cache.url; a restart");
  // Which word of a rule is wrong says `RateLimit::all`.
  section.field("rules", options.rules,
                "further limits by name: {login: 10 per 1m by address on POST /api/v1/login}");
}

void describe(config::Section& section, resilience::LoadShedderOptions& options) {
  section.field("enabled", options.enabled,
                "refuse requests that could not be answered in time; 503");
  section.field("cpu", options.cpu, "part of its CPU from which on the process is overloaded")
      .accept("a number from 0.1 to 1", [](double value) { return value >= 0.1 && value <= 1; });
  section
      .field("queue_delay", options.queue_delay,
             "how long requests wait before they are looked at, from which on it is overloaded")
      .min(milliseconds{1})
      .max(milliseconds{10'000});
  section.field("cool_off", options.cool_off, "it stays overloaded for this long after a sign")
      .min(milliseconds{100})
      .max(milliseconds{60'000});
  section.field("retry_after", options.retry_after, "what the refused are told")
      .min(milliseconds{100})
      .max(milliseconds{3'600'000});
}

void describe(config::Section& section, CircuitBreaker& options) {
  section.field("enabled", options.enabled, "keep requests from routes that only fail; 503");
  section.field("timeout", options.timeout, "open for this long, and between two probes")
      .min(milliseconds{10})
      .max(milliseconds{3'600'000});
  section
      .field("failure_threshold", options.failure_threshold,
             "failures (502, 503, 504) of a route in a row that open it; 0: not by that")
      .max(1'000'000);
  section
      .field("failure_ratio", options.failure_ratio,
             "part of the requests of the window that failed and opens it; 0: not by that")
      .accept("a number from 0 to 1", is_ratio);
  section.field("minimum_calls", options.minimum_calls, "in the window, before the ratio counts")
      .min(1)
      .max(1'000'000);
  section.field("window", options.window, "what the ratio is counted over")
      .min(milliseconds{100})
      .max(milliseconds{3'600'000});
  section.field("probes", options.probes, "requests that have to succeed before it closes")
      .min(1)
      .max(1'000);
}

void describe(config::Section& section, Tracing& options) {
  section.field("sampler_rate", options.sampler_rate, "part of the traces that is recorded")
      .accept("a number from 0 to 1", is_ratio);
  section.field("routes", options.routes,
                "of single routes: {/api/v1/orders: always, /internal/*: never, /search: 0.1}");
  section.field("slow", options.slow, "what takes longer is kept for /debug/requests; 0: nothing")
      .min(milliseconds{0});
  section.field("force_header", options.force_header,
                "field of a trusted peer that makes a trace recorded; empty: none");
  section.field("trusted_peers", options.trusted_peers,
                "whose traces go on here: networks, private, unix, all or none");
  section.field("endpoint", options.endpoint,
                "where spans are sent as OTLP: http://collector:4318/v1/traces; a restart; empty: "
                "OTEL_EXPORTER_OTLP_ENDPOINT, else nowhere");
  section.field("gzip", options.gzip, "send them compressed; a restart");
}

}  // namespace kit::middleware
