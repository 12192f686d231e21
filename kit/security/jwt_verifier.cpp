// SPDX-License-Identifier: Apache-2.0
#include "kit/security/jwt_verifier.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "kit/base/per_shard.hpp"
#include "kit/base/text.hpp"
#include "kit/security/detail/claims.hpp"
#include "kit/security/detail/token_cache.hpp"
#include "kit/security/jws.hpp"
#include "kit/security/refusal.hpp"
#include "kit/security/revocation.hpp"

namespace kit::security {

/// What counted at one moment.
struct JwtVerifier::Rules {
  std::uint64_t version = 0;
  std::shared_ptr<const JwtOptions> options;
  std::shared_ptr<const KeySet> keys;
};

/// A thread's own.
struct JwtVerifier::Shard {
  std::uint64_t version = 0;  ///< That the cache is of.
  detail::TokenCache cache;
};

struct JwtVerifier::State {
  struct alignas(64) Counts {
    std::atomic<std::uint64_t> remembered{0};
    std::atomic<std::uint64_t> verified{0};
    std::atomic<std::uint64_t> refused{0};
  };
  kit::detail::PerShard<Shard> shards;
  std::array<Counts, kit::detail::shard_count> counts;

  void count(std::atomic<std::uint64_t> Counts::* which) {
    const std::size_t shard = kit::detail::current_shard();
    kit::detail::add_in_shard(counts[shard].*which, shard, std::uint64_t{1});
  }
};

namespace {

Result<> check_type(const std::optional<std::string>& type, const JwtOptions& options) {
  if (!type) return {};
  constexpr std::string_view prefix = "application/";
  std::string_view text = *type;
  if (text.size() > prefix.size() && iequals(text.substr(0, prefix.size()), prefix))
    text.remove_prefix(prefix.size());
  const bool is_known = std::ranges::any_of(
      options.types, [&](const std::string& known) { return iequals(text, known); });
  if (is_known) return {};
  return refused("TOKEN_TYPE", "'typ' of the header is none that is taken");
}

Error bad_option(std::string option, std::string problem) {
  return invalid(std::move(option), std::move(problem));
}

}  // namespace

Result<> check(const JwtOptions& options) {
  if (options.leeway.count() < 0 || options.leeway > max_leeway)
    return bad_option("leeway", "must be 0 to 300 s");
  if (options.max_lifetime.count() < 0) return bad_option("max_lifetime", "must not be negative");
  if (options.cached_tokens > max_cached_tokens)
    return bad_option("cached_tokens", "must be at most 65536");
  if (options.types.empty()) return bad_option("types", "must name a type, for instance JWT");
  const std::array<std::pair<const char*, std::string_view>, 3> claims = {
      {{"roles_claim", options.roles_claim},
       {"scopes_claim", options.scopes_claim},
       {"version_claim", options.version_claim}}};
  for (const auto& [option, claim] : claims) {
    static constexpr std::array<std::string_view, 7> taken = {"iss", "sub", "aud", "exp",
                                                              "nbf", "iat", "jti"};
    if (std::ranges::find(taken, claim) != taken.end())
      return bad_option(option, "must be no claim with a meaning of its own");
    const auto same = std::ranges::count_if(
        claims, [&](const auto& other) { return !claim.empty() && other.second == claim; });
    if (same > 1) return bad_option(option, "must be another claim than the other options have");
  }
  return {};
}

Result<std::unique_ptr<JwtVerifier>> JwtVerifier::make(std::shared_ptr<const KeyStore> keys,
                                                       JwtOptions options,
                                                       const RevocationList* revocations) {
  KIT_TRY(check(options));
  return std::unique_ptr<JwtVerifier>(
      new JwtVerifier(std::move(keys), std::move(options), revocations));
}

JwtVerifier::JwtVerifier(std::shared_ptr<const KeyStore> keys, JwtOptions options,
                         const RevocationList* revocations)
    : keys_(std::move(keys)),
      revocations_(revocations),
      options_(std::make_shared<const JwtOptions>(std::move(options))),
      state_(std::make_unique<State>()) {}

JwtVerifier::~JwtVerifier() = default;

Result<> JwtVerifier::apply(JwtOptions options) {
  KIT_TRY(check(options));
  auto next = std::make_shared<const JwtOptions>(std::move(options));
  const std::lock_guard lock(mutex_);
  options_ = std::move(next);
  options_version_.fetch_add(1, std::memory_order_release);
  return {};
}

JwtFigures JwtVerifier::figures() const {
  JwtFigures sum;
  for (const State::Counts& counts : state_->counts) {
    sum.remembered += counts.remembered.load(std::memory_order_relaxed);
    sum.verified += counts.verified.load(std::memory_order_relaxed);
    sum.refused += counts.refused.load(std::memory_order_relaxed);
  }
  return sum;
}

/// The version is read first: what is newer than it is looked for again by the next call.
std::shared_ptr<const JwtVerifier::Rules> JwtVerifier::rules() const {
  auto rules = std::make_shared<Rules>();
  rules->version = version();
  rules->keys = keys_->current();
  const std::lock_guard lock(mutex_);
  rules->options = options_;
  return rules;
}

void JwtVerifier::renew(Shard& shard, std::uint64_t version) const {
  std::size_t capacity = 0;
  {
    const std::lock_guard lock(mutex_);
    capacity = options_->cached_tokens;
  }
  shard.cache.reset(capacity);
  shard.version = version;
}

Result<std::shared_ptr<const Identity>> JwtVerifier::verify(std::string_view token,
                                                            Timestamp now) const {
  std::shared_ptr<const Identity> known = state_->shards.with([&](Shard& shard) {
    const std::uint64_t current = version();
    if (shard.version != current) [[unlikely]]
      renew(shard, current);
    const auto* const found = shard.cache.find(token, now.since_epoch.count());
    return found != nullptr ? *found : nullptr;
  });
  if (known != nullptr) {
    if (Result<> revoked = check_revoked(*known, now); !revoked) {
      state_->count(&State::Counts::refused);
      return std::move(revoked).error();
    }
    state_->count(&State::Counts::remembered);
    return known;
  }
  Result<std::shared_ptr<const Identity>> verified = verify_anew(token, now);
  state_->count(verified ? &State::Counts::verified : &State::Counts::refused);
  return verified;
}

Result<std::shared_ptr<const Identity>> JwtVerifier::verify_anew(std::string_view token,
                                                                 Timestamp now) const {
  const std::shared_ptr<const Rules> rules = this->rules();
  Result<Jws> jws = parse_jws(token);
  if (!jws) return std::move(jws).error();
  if (rules->keys == nullptr)
    return refused("TOKEN_KEY_UNKNOWN", "there are no keys yet: the issuer was not reached");
  KIT_TRY(verify_jws(*jws, *rules->keys));
  KIT_TRY(check_type(jws->type, *rules->options));
  Result<detail::Claims> claims = detail::read_claims(jws->payload, *rules->options);
  if (!claims) return std::move(claims).error();
  KIT_TRY(detail::judge(*claims, *rules->options, now));
  claims->identity.seal();
  auto identity = std::make_shared<const Identity>(std::move(claims->identity));
  KIT_TRY(check_revoked(*identity, now));
  remember(token, *rules, now, identity);
  return identity;
}

Result<> JwtVerifier::check_revoked(const Identity& identity, Timestamp now) const {
  if (revocations_ == nullptr || !revocations_->refuses(identity, now)) return {};
  return refused("TOKEN_REVOKED", "the token was revoked, or its subject may do nothing any more");
}

void JwtVerifier::remember(std::string_view token, const Rules& rules, Timestamp now,
                           const std::shared_ptr<const Identity>& identity) const {
  std::int64_t good_until = std::numeric_limits<std::int64_t>::max();
  if (identity->expires_at) {
    const std::chrono::microseconds leeway = rules.options->leeway;
    good_until = (identity->expires_at->since_epoch + leeway).count();
  }
  state_->shards.with([&](Shard& shard) {
    // Verified with what counted before a change: the change is for the cache to see first.
    if (shard.version != rules.version) return;
    shard.cache.put(token, now.since_epoch.count(), good_until, identity);
  });
}

}  // namespace kit::security
