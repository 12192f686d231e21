// SPDX-License-Identifier: Apache-2.0
#include "kit/middleware/detail/guard.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "kit/async/loop.hpp"
#include "kit/security/api_key.hpp"
#include "kit/security/refusal.hpp"

namespace kit::middleware {
namespace {

using resilience::Breaker;
using security::Identity;
using security::IdentityKind;

resilience::Priority priority_of(const http::Router::Route& route) {
  switch (route.options.priority) {
    case http::Priority::critical:
      return resilience::Priority::critical;
    case http::Priority::low:
      return resilience::Priority::low;
    case http::Priority::normal:
      break;
  }
  return resilience::Priority::normal;
}

/// Something the route needs is gone or too slow. 500 is a mistake in the program, which one
/// request meets and the next does not: who finds such a request must not close the route to all.
bool is_failure(int status) {
  return status == 502 || status == 503 || status == 504;
}

constexpr std::string_view invalid_token = "Bearer error=\"invalid_token\"";

void add_field(http::Admission& admission, std::string_view name, std::string_view value) {
  if (value.empty() || value.size() > http::Admission::most_value_bytes) return;
  http::Admission::Field* const field = admission.add_field(name);
  if (field == nullptr) return;
  std::memcpy(field->text.data(), value.data(), value.size());
  field->size = static_cast<std::uint8_t>(value.size());
}

bool is_api_key(std::string_view token) {
  return token.starts_with(security::api_key_prefix);
}

using HeaderOf = FunctionRef<std::optional<std::string_view>(std::string_view name)>;

/// A request as rules look at it.
resilience::RateLimitRequest limited(const http::Request& request, const http::Admission& admission,
                                     HeaderOf header) {
  resilience::RateLimitRequest asked{.method = request.method_name,
                                     .route = request.route,
                                     .address = request.peer,
                                     .header = header};
  if (admission.caller == nullptr) return asked;
  const auto* const identity = Identity::of(*admission.caller);
  if (identity != nullptr && identity->kind == IdentityKind::api_key) {
    asked.api_key = identity->token_id;
  } else {
    asked.user = admission.caller->subject;
  }
  return asked;
}

void add_limits(http::Admission& admission, const resilience::RateLimitAnswer& answer) {
  add_field(admission, "ratelimit", answer.rate_limit);
  add_field(admission, "ratelimit-policy", answer.policy);
}

}  // namespace

/// Of a request that is under way.
struct Guard::Kept {
  std::optional<Breaker::Call> call;
  bool refused = false;
  bool awaits_identity = false;
  bool awaits_limits = false;
};

Guard::Guard(resilience::Breakers& breakers, const security::RevocationList& revocations)
    : breakers_(breakers), revocations_(revocations) {
  static_assert(sizeof(Kept) <= http::Admission::room_bytes);
}

Result<> Guard::apply(const Options& options) {
  const resilience::BreakerOptions breaker = options.breaker.options();
  if (Result<> fits = breaker.check(); !fits) {
    return Error(Code::invalid_argument, "breaker." + fits.error().message());
  }
  KIT_TRY(options.shedding.check());
  Result<std::vector<resilience::RateLimitRule>> rules = options.rate_limit.all();
  if (!rules) return std::move(rules).error();

  const std::lock_guard lock(mutex_);
  std::shared_ptr<Authentication> next = own_;
  if (!options.auth.is_on()) {
    next = nullptr;
  } else if (next == nullptr) {
    Result<std::unique_ptr<Authentication>> made =
        Authentication::make(options.auth, &revocations_);
    if (!made) return std::move(made).error();
    next = std::move(*made);
  } else {
    KIT_TRY(next->apply(options.auth));
  }
  // What is left has been checked.
  const auto now = Clock::now();
  const bool any = !rules->empty();
  KIT_TRY(rate_limits_.replace(std::move(*rules), now));
  has_rate_limits_.store(any, std::memory_order_relaxed);
  shedder_.apply(options.shedding);
  resilience::DependencyOptions route;
  route.breaker = breaker;
  KIT_TRY(breakers_.apply({}, {{"route", "", route}}, now));
  own_ = next;
  std::shared_ptr<const Caller> nobody;
  if (next != nullptr) {
    Caller caller;
    caller.policy = options.auth.policy;
    nobody = std::make_shared<const Caller>(std::move(caller));
  }
  authentication_.replace({std::move(next), std::move(nobody)});
  return {};
}

void Guard::know_routes(const http::Router& router, const http::RequestGuard* next) {
  next_ = next;
  routes_.clear();
  for (const http::Router::Route* route : router.all()) {
    routes_.push_back(
        breakers_.at("route", std::string(http::name(route->method)) + ' ' + route->path_template));
  }
}

std::optional<Error> Guard::admit(const http::Request& request, const http::Router::Route& route,
                                  http::Admission& admission) const {
  const Loop& loop = Loop::current();
  const auto waited = loop.age_of_turn();
  if (!shedder_.admit(priority_of(route), loop.now() + waited, waited)) return shedder_.refusal();
  auto* const kept = ::new (admission.room()) Kept;
  admission.counted = true;
  std::optional<Error> refusal = admit(request, route, admission, *kept);
  kept->refused = refusal.has_value();
  return refusal;
}

std::optional<Error> Guard::admit(const http::Request& request, const http::Router::Route& route,
                                  http::Admission& admission, Kept& kept) const {
  const auto now = Loop::current().now();
  // Who looks whether the process lives is never told that it is busy.
  const bool is_critical = route.options.priority == http::Priority::critical;
  if (!is_critical && route.number < routes_.size()) {
    Breaker& breaker = routes_[route.number]->breaker();
    kept.call = breaker.try_enter(now);
    if (!kept.call) return breaker.refusal(route.path_template, now);
  }
  if (std::optional<Error> refusal = authenticate(request, route, admission, now)) return refusal;
  if (admission.waits) {
    // Limits come behind it: who it is has to be known.
    kept.awaits_identity = true;
    kept.awaits_limits = !is_critical;
    return std::nullopt;
  }
  if (!is_critical && has_rate_limits_.load(std::memory_order_relaxed)) {
    if (outside_.shared_limits) {
      admission.waits = kept.awaits_limits = true;
      return std::nullopt;
    }
    if (std::optional<Error> refusal = limit(request, admission, now)) return refusal;
  }
  return next_ == nullptr ? std::nullopt : next_->admit(request, route, admission);
}

Task<> Guard::enter(const http::Request& request, const http::Router::Route& route,
                    http::Admission& admission) const {
  const Kept& kept = *static_cast<const Kept*>(admission.room());
  if (kept.awaits_identity || kept.awaits_limits) {
    if (kept.awaits_identity) co_await authenticate_later(request, admission);
    if (kept.awaits_limits) co_await limit_later(request, admission);
    if (next_ == nullptr) co_return;
    admission.waits = false;
    if (std::optional<Error> refusal = next_->admit(request, route, admission)) {
      co_await std::move(*refusal);
    }
    if (!admission.waits) co_return;
  }
  co_await next_->enter(request, route, admission);
}

/// For an API key, and for a token whose key was not known yet.
Task<> Guard::authenticate_later(const http::Request& request, http::Admission& admission) const {
  const std::shared_ptr<const Authentication> by = authentication();
  if (by == nullptr) co_await security::refused("TOKEN_MISSING", "there are no tokens any more");
  const std::string_view token = co_await by->token_of(request);
  Result<std::shared_ptr<const Identity>> identity = std::shared_ptr<const Identity>();
  if (is_api_key(token)) {
    Task<std::shared_ptr<const Identity>> verifying = outside_.api_key(std::string(token));
    identity = co_await as_result(std::move(verifying));
    const bool is_wrong = !identity && identity.error().code() == Code::unauthenticated;
    if (is_wrong) by->count_failure(request, Loop::current().now());
  } else {
    Task<bool> fetching = outside_.fetch_keys();
    // One that was fetched moments ago is not fetched again: what there is decides.
    const Result<bool> fetched = co_await as_result(std::move(fetching));
    if (!fetched && fetched.error().code() == Code::cancelled) co_await fetched.error().clone();
    identity = by->verify(token, request, Loop::current().now());
  }
  if (!identity) {
    if (identity.error().code() == Code::unauthenticated) {
      add_field(admission, "www-authenticate", invalid_token);
    }
    co_await std::move(identity).error();
  }
  admission.caller = std::move(*identity);
}

Task<> Guard::limit_later(const http::Request& request, http::Admission& admission) const {
  if (!has_rate_limits_.load(std::memory_order_relaxed)) co_return;
  if (!outside_.shared_limits) {
    if (std::optional<Error> refusal = limit(request, admission, Loop::current().now())) {
      co_await std::move(*refusal);
    }
    co_return;
  }
  const auto header = [&request](std::string_view name) { return request.header(name); };
  Task<resilience::RateLimitAnswer> asking =
      outside_.shared_limits(limited(request, admission, header));
  const resilience::RateLimitAnswer answer = co_await std::move(asking);
  add_limits(admission, answer);
  if (!answer.allowed()) co_await answer.error();
}

std::optional<Error> Guard::authenticate(const http::Request& request,
                                         const http::Router::Route& route,
                                         http::Admission& admission, Clock::time_point now) const {
  return authentication_.read([&](const Authenticating& by) -> std::optional<Error> {
    admission.caller = by.nobody;
    if (by.is == nullptr || route.options.is_public) return std::nullopt;
    return authenticate(*by.is, request, admission, now);
  });
}

std::optional<Error> Guard::authenticate(const Authentication& by, const http::Request& request,
                                         http::Admission& admission, Clock::time_point now) const {
  const Result<std::string_view> token = by.token_of(request);
  const bool is_missing = !token && token.error().reason() == "TOKEN_MISSING";
  if ((is_missing || (token && token->empty())) && outside_.certificate) {
    if (auto identity = outside_.certificate(request.tls)) {
      // A certificate is good for years: who is disabled is refused all the same.
      if (revocations_.refuses(*identity, Timestamp::now())) {
        return security::refused("CERTIFICATE_REVOKED", "the client is disabled");
      }
      admission.caller = std::move(identity);
      return std::nullopt;
    }
  }
  if (!token) {
    by.count_missing();
    // RFC 6750 section 3.1: without a token nothing is said about what is wrong with it.
    add_field(admission, "www-authenticate", is_missing ? "Bearer" : invalid_token);
    return token.error().clone();
  }
  if (token->empty()) return std::nullopt;
  if (std::optional<Error> refusal = by.hold_off(request, now)) return refusal;
  if (outside_.api_key && is_api_key(*token)) {
    admission.waits = true;
    return std::nullopt;
  }
  Result<std::shared_ptr<const Identity>> identity = by.verify(*token, request, now);
  if (identity) {
    admission.caller = std::move(*identity);
    return std::nullopt;
  }
  if (outside_.fetch_keys && identity.error().reason() == "TOKEN_KEY_UNKNOWN") {
    admission.waits = true;
    return std::nullopt;
  }
  add_field(admission, "www-authenticate", invalid_token);
  return std::move(identity).error();
}

std::optional<Error> Guard::limit(const http::Request& request, http::Admission& admission,
                                  Clock::time_point now) const {
  const auto header = [&request](std::string_view name) { return request.header(name); };
  const resilience::RateLimitAnswer answer =
      rate_limits_.ask(limited(request, admission, header), now);
  add_limits(admission, answer);
  if (answer.allowed()) return std::nullopt;
  return answer.error();
}

std::shared_ptr<security::KeyStore> Guard::key_store() const {
  const auto by = authentication();
  return by == nullptr ? nullptr : by->keys();
}

void Guard::leave(const Left& left) const {
  auto* const kept = static_cast<Kept*>(left.admission.room());
  const Loop& loop = Loop::current();
  const auto now = loop.now() + loop.age_of_turn();
  const bool answered = !kept->refused && !left.cancelled && left.status != 0;
  if (kept->call && answered) {
    if (is_failure(left.status)) {
      kept->call->failed(now);
    } else {
      kept->call->succeeded(now);
    }
  }
  shedder_.finish(now, left.duration, answered && left.status < 500);
  std::destroy_at(kept);
}

}  // namespace kit::middleware
