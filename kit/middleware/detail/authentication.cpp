// SPDX-License-Identifier: Apache-2.0
#include "kit/middleware/detail/authentication.hpp"

#include <utility>

#include "kit/base/text.hpp"
#include "kit/resilience/rate_limit_rules.hpp"
#include "kit/security/refusal.hpp"

namespace kit::middleware {
namespace {

constexpr std::chrono::minutes failure_window{1};
/// Of `failures_per_minute`; addresses whose tokens are wrong are few.
constexpr std::size_t failing_addresses = 4'096;
constexpr std::string_view scheme = "bearer";

std::uint64_t address_key(std::string_view peer) {
  resilience::RateKey key;
  key.add(resilience::rate_limit_address(peer));
  return key.value();
}

Error named(std::string_view option, const Error& why) {
  std::string reason = why.reason();
  return Error(Code::invalid_argument, "auth." + std::string(option) + ": " + why.message())
      .with_reason(std::move(reason));
}

}  // namespace

Authentication::Rules Authentication::rules_of(const JwtAuth& options) {
  Rules rules;
  rules.header = to_lower(options.header);
  rules.has_scheme = rules.header == "authorization";
  rules.required = options.required;
  rules.failures_per_minute = options.failures_per_minute;
  return rules;
}

resilience::Rate Authentication::rate_of(const JwtAuth& options) {
  resilience::Rate rate;
  rate.requests = std::max(1U, options.failures_per_minute);
  rate.per = failure_window;
  return rate;
}

Result<std::optional<security::KeySet>> Authentication::keys_of(const JwtAuth& options) {
  if (!options.secret.reveal().empty()) {
    if (!options.keys.empty()) {
      return Error(
          Code::invalid_argument,
          "auth.secret and auth.keys exclude each other: who may only verify must not hold "
          "the secret that signs");
    }
    Result<security::VerificationKey> key =
        security::VerificationKey::from_secret(options.secret.reveal());
    if (!key) return named("secret", key.error());
    std::vector<security::VerificationKey> all;
    all.push_back(std::move(*key));
    Result<security::KeySet> set = security::KeySet::of(std::move(all));
    if (!set) return named("secret", set.error());
    return std::optional<security::KeySet>(std::move(*set));
  }
  if (options.keys_are_remote()) return std::optional<security::KeySet>();
  Result<security::KeySet> keys = security::read_key_file(options.keys);
  if (!keys) return named("keys", keys.error());
  return std::optional<security::KeySet>(std::move(*keys));
}

Result<std::unique_ptr<Authentication>> Authentication::make(
    const JwtAuth& options, const security::RevocationList* revocations) {
  if (options.header.empty()) return Error(Code::invalid_argument, "auth.header is empty");
  Result<std::optional<security::KeySet>> keys = keys_of(options);
  if (!keys) return std::move(keys).error();
  auto store = *keys ? std::make_shared<security::KeyStore>(std::move(**keys))
                     : std::make_shared<security::KeyStore>();
  auto verifier = security::JwtVerifier::make(store, options.jwt(), revocations);
  if (!verifier) return named("options", verifier.error());
  return std::unique_ptr<Authentication>(
      new Authentication(options, std::move(store), std::move(*verifier)));
}

Authentication::Authentication(const JwtAuth& options, std::shared_ptr<security::KeyStore> keys,
                               std::unique_ptr<security::JwtVerifier> verifier)
    : keys_(std::move(keys)),
      verifier_(std::move(verifier)),
      rules_(rules_of(options)),
      failures_(rate_of(options), failing_addresses) {}

Result<> Authentication::apply(const JwtAuth& options) {
  if (options.header.empty()) return Error(Code::invalid_argument, "auth.header is empty");
  Result<std::optional<security::KeySet>> keys = keys_of(options);
  if (!keys) return std::move(keys).error();
  KIT_TRY(verifier_->apply(options.jwt()));
  if (*keys) keys_->replace(std::move(**keys));
  failures_.apply(rate_of(options), Clock::now());
  rules_.replace(rules_of(options));
  return {};
}

// A field that is there twice is refused: whoever else looked at this request may have taken the
// other one.
Result<std::string_view> Authentication::token_of(const http::Request& request) const {
  return rules_.read([&](const Rules& rules) -> Result<std::string_view> {
    std::optional<std::string_view> value;
    for (const http::Header& field : request.headers) {
      if (field.name.size() != rules.header.size() || !iequals(field.name, rules.header)) continue;
      if (value) return security::refused("TOKEN_TWICE", "there are two fields with a token");
      value = field.value;
    }
    if (!value) {
      if (!rules.required) return std::string_view();
      return security::refused("TOKEN_MISSING", "there is no token");
    }
    std::string_view token = *value;
    if (rules.has_scheme) {
      const std::size_t blank = token.find(' ');
      if (!iequals(token.substr(0, blank), scheme)) {
        return security::refused("TOKEN_MISSING", "the Authorization is not of the scheme Bearer");
      }
      token = blank == token.npos ? std::string_view() : token.substr(blank + 1);
    }
    if (token.empty()) return security::refused("TOKEN_MISSING", "the token is empty");
    return token;
  });
}

std::optional<Error> Authentication::hold_off(const http::Request& request,
                                              Clock::time_point now) const {
  if (now.time_since_epoch().count() >= suspicious_until_.load(std::memory_order_relaxed))
      [[likely]]
    return std::nullopt;
  if (rules_.read([](const Rules& rules) { return rules.failures_per_minute; }) == 0) {
    return std::nullopt;
  }
  if (failures_.look(address_key(request.peer), now).allowed) return std::nullopt;
  held_off_.fetch_add(1, std::memory_order_relaxed);
  return Error(Code::resource_exhausted, "too many tokens from this address were wrong")
      .with_reason("TOKEN_FAILURES")
      .with_retry_after(std::chrono::seconds{1});
}

void Authentication::count_failure(const http::Request& request, Clock::time_point now) const {
  suspicious_until_.store((now + failure_window).time_since_epoch().count(),
                          std::memory_order_relaxed);
  static_cast<void>(failures_.ask(address_key(request.peer), now));
}

Result<std::shared_ptr<const security::Identity>> Authentication::verify(
    std::string_view token, const http::Request& request, Clock::time_point now) const {
  Result<std::shared_ptr<const security::Identity>> identity =
      verifier_->verify(token, Timestamp::now());
  if (!identity) count_failure(request, now);
  return identity;
}

}  // namespace kit::middleware
