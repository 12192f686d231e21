// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/error.hpp"
#include "kit/base/function.hpp"
#include "kit/resilience/rate_limiter.hpp"

namespace kit::resilience {

/// What tells one counter of a rule from another.
enum class RateKeyPart : std::uint8_t {
  user,     ///< The subject of the caller. A request without one does not match the rule.
  api_key,  ///< The id of the API key. A request without one does not match the rule.
  caller,   ///< The user, else the API key, else the address: somebody in any case.
  address,  ///< Of the client; an IPv6 address by its /64, which is one household.
  route,    ///< The template of the route.
  header,   ///< The value of `RateLimitRule::header`; those without it are counted together.
};

/// Whom a rule is about.
enum class CallerKind : std::uint8_t { anybody, anonymous, user, api_key };

/// One limit: which requests it counts, what by, and how many it lets through.
struct RateLimitRule {
  std::string name;                    ///< [a-z0-9_-], 1 to 64: in headers, metrics and settings.
  std::vector<std::string> routes{};   ///< Templates; with '*' at its end a prefix. Empty: all.
  std::vector<std::string> methods{};  ///< "POST"; empty: all.
  CallerKind callers = CallerKind::anybody;
  std::vector<RateKeyPart> key{};  ///< Empty: one counter for all.
  std::string header{};            ///< Of `RateKeyPart::header`, in lower case.
  Rate rate{};
  std::uint32_t cost = 1;  ///< What a request takes of the rate.
  std::size_t keys = RateLimiter::default_keys;

  /// Fails with `invalid_argument`, naming the field.
  Result<> check() const;
  friend bool operator==(const RateLimitRule&, const RateLimitRule&) = default;
};

/// What rules look at. Lifetime: of the call.
struct RateLimitRequest {
  std::string_view method;
  std::string_view route;
  std::string_view address;
  std::string_view user{};
  std::string_view api_key{};
  FunctionRef<std::optional<std::string_view>(std::string_view name)> header;
};

/// What the rules say, as the one rule that leaves the least or refuses.
struct RateLimitAnswer {
  RateDecision decision{};
  std::string rule{};        ///< Empty: no rule matched.
  std::string rate_limit{};  ///< Value of the field RateLimit; empty without a rule.
  std::string policy{};      ///< Value of the field RateLimit-Policy.
  bool allowed() const { return decision.allowed; }
  /// Says it as `decision` of a rule.
  void set(std::string_view name, const Rate& rate, const RateDecision& of_rule);
  /// What a refused request is answered with: `resource_exhausted`, reason RATE_LIMITED, with
  /// `retry_after`.
  Error error() const;
};

/// Whether `a` leaves less than `b`, each of its own limit.
bool tighter(const RateDecision& a, const RateDecision& b);

/// A rule that counts a request, for whoever keeps the counts elsewhere.
struct RateLimitMatch {
  std::string rule;
  std::string key;  ///< What the request is counted by: the same in every process. Of any bytes.
  Rate rate;
  std::uint32_t cost = 1;
};

/// Whether `rules` can be those of a service. Fails with `invalid_argument` for one that can't be
/// right, a name that is there twice or more than `RateLimitRules::most_rules`.
Result<> check(const std::vector<RateLimitRule>& rules);

/// All rules of a service. A request is counted by each rule that matches it, and by none when one
/// of them refuses it, so that who is over one limit cannot use up another that is shared.
/// Thread safety: any thread. Cost: some 30 ns without a rule that matches, 100 ns for each that
/// does.
class RateLimitRules {
 public:
  static constexpr std::size_t most_rules = 64;

  RateLimitRules();
  ~RateLimitRules();

  /// From now on. A rule whose name, key and number of places stay keeps its counts, whatever else
  /// about it changes. Fails like `check`; the old rules stay then.
  Result<> replace(std::vector<RateLimitRule> rules, Clock::time_point now);
  RateLimitAnswer ask(const RateLimitRequest& request, Clock::time_point now);

  /// The rules that `ask` would ask, in their order.
  std::vector<RateLimitMatch> matches(const RateLimitRequest& request) const;

  struct Counts {
    std::string rule;
    std::uint64_t allowed = 0;
    std::uint64_t refused = 0;
    std::uint64_t displaced = 0;  ///< See `RateLimiter::displaced`.
  };
  /// Of the rules that there are now, in their order.
  std::vector<Counts> counts() const;
  std::vector<RateLimitRule> rules() const;

 private:
  struct Entry;
  mutable std::shared_mutex mutex_;
  std::vector<std::shared_ptr<Entry>> entries_;
};

/// The fields of draft-ietf-httpapi-ratelimit-headers-10: `"name";r=5;t=30` and
/// `"name";q=100;w=60`. Times in seconds, rounded up.
std::string rate_limit_field(std::string_view rule, const RateDecision& decision);
std::string rate_limit_policy_field(std::string_view rule, const Rate& rate);

/// An address as rules count by it: IPv4 as it is (also when it stands in IPv6), of IPv6 the first
/// 64 bits. What is no address is returned as it is. The text is at most as long as an address.
std::string rate_limit_address(std::string_view address);

}  // namespace kit::resilience
