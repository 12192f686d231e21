// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/rate_limit.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "kit/base/sha256.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::redis {
namespace {

using std::chrono::microseconds;

/// The generic cell rate algorithm of `kit/resilience/rate_limiter.hpp`, in microseconds of the
/// server's clock: whole numbers that a double keeps. A debt beyond the window is of a clock that
/// was set back, or of a rate that was replaced.
const Script& rate_script() {
  static const Script script(R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local window = interval * burst
local function keep(owed)
  redis.call('SET', KEYS[1], string.format('%.0f', now + owed), 'PX', math.ceil(owed / 1000))
end
local owed = math.max((tonumber(redis.call('GET', KEYS[1]) or 0) or 0) - now, 0)
if owed > window then
  owed = window
  keep(owed)
end
if owed + interval * cost > window then return {0, owed} end
owed = owed + interval * cost
keep(owed)
return {1, owed}
)lua");
  return script;
}

resilience::DependencyOptions guard_of(const RateLimitOptions& options) {
  resilience::DependencyOptions guard;
  guard.timeout = options.deadline;
  guard.patience = options.deadline;
  guard.breaker.failure_threshold = options.failures;
  guard.breaker.open_time = options.pause;
  guard.breaker.probes = 1;
  guard.breaker.probe_successes = 1;
  return guard;
}

/// What the script's answer means.
Result<resilience::RateDecision> decision_of(const Reply& reply,
                                             const resilience::RateLimitMatch& match,
                                             microseconds interval) {
  if (reply.items().size() != 2) {
    return Error(Code::internal, "the rate limit script answered something else")
        .with_reason("REDIS_UNEXPECTED_REPLY");
  }
  auto allowed = reply.items()[0].as_integer();
  if (!allowed) return std::move(allowed).error();
  auto owed_us = reply.items()[1].as_integer();
  if (!owed_us) return std::move(owed_us).error();
  const microseconds owed(std::max<std::int64_t>(*owed_us, 0));
  const microseconds window = interval * match.rate.most_at_once();
  resilience::RateDecision decision;
  decision.allowed = *allowed == 1;
  decision.limit = match.rate.most_at_once();
  decision.remaining =
      static_cast<std::uint32_t>(std::max(window - owed, microseconds(0)) / interval);
  decision.reset = owed;
  if (!decision.allowed) decision.retry_after = owed + interval * match.cost - window;
  return decision;
}

}  // namespace

RateLimits::RateLimits(Client& client, resilience::RateLimitRules& rules, RateLimitOptions options)
    : client_(client),
      rules_(rules),
      options_(std::move(options)),
      dependency_(std::make_shared<resilience::Dependency>("redis", "limits at " + client.name(),
                                                           guard_of(options_))) {}
RateLimits::~RateLimits() = default;

Task<resilience::RateDecision> RateLimits::decide(resilience::RateLimitMatch match) {
  // Rounded up again: never more than was said.
  const microseconds interval = std::chrono::ceil<microseconds>(match.rate.interval());
  // What clients send is of any length and any bytes.
  const std::string key = options_.prefix + match.rule + ":" + sha256_hex(match.key).substr(0, 32);
  const std::array<std::string_view, 1> keys = {key};
  const std::array<std::string, 3> numbers = {std::to_string(interval.count()),
                                              std::to_string(match.rate.most_at_once()),
                                              std::to_string(match.cost)};
  const std::array<std::string_view, 3> arguments = {numbers[0], numbers[1], numbers[2]};
  const Reply reply = co_await client_.run(rate_script(), keys, arguments);
  co_return decision_of(reply, match, interval);
}

Task<resilience::RateLimitAnswer> RateLimits::ask(resilience::RateLimitRequest request) {
  std::vector<resilience::RateLimitMatch> matches = rules_.matches(request);
  // Counted here too, so that who has used up their part does not begin anew when Redis goes.
  resilience::RateLimitAnswer local = rules_.ask(request, Clock::now());
  if (matches.empty()) co_return std::move(local);
  resilience::RateLimitAnswer answer;
  for (resilience::RateLimitMatch& match : matches) {
    const std::string rule = match.rule;
    const resilience::Rate rate = match.rate;
    Task<resilience::RateDecision> deciding = dependency_->call(decide(std::move(match)));
    const Result<resilience::RateDecision> decision = co_await as_result(std::move(deciding));
    if (!decision.ok()) {
      const Context* const context = Context::current();
      if (context != nullptr && context->cancelled()) co_return context->why().clone();
      local_.fetch_add(1, std::memory_order_relaxed);
      co_return std::move(local);
    }
    if (answer.rule.empty() || tighter(*decision, answer.decision))
      answer.set(rule, rate, *decision);
    if (!decision->allowed) break;
  }
  shared_.fetch_add(1, std::memory_order_relaxed);
  co_return std::move(answer);
}

RateLimits::Counts RateLimits::counts() const {
  return {.shared = shared_.load(std::memory_order_relaxed),
          .local = local_.load(std::memory_order_relaxed)};
}

void RateLimits::add_metrics(telemetry::Registry& registry) const {
  registry.add_readings(
      "rate_limit_decisions_total", "Rate limits decided by Redis, and by this instance alone",
      {"where"}, [this] {
        const Counts all = counts();
        return std::vector<telemetry::Reading>{{{"shared"}, static_cast<double>(all.shared)},
                                               {{"local"}, static_cast<double>(all.local)}};
      });
}

}  // namespace kit::redis
