// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/rate_limit_rules.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>

namespace kit::resilience {
namespace {

using std::chrono::ceil;
using std::chrono::seconds;

constexpr std::size_t longest_name = 64;
constexpr std::size_t most_keys = 16 * 1024 * 1024;

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= longest_name && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool matches_route(const std::vector<std::string>& routes, std::string_view route) {
  return routes.empty() || std::ranges::any_of(routes, [&](std::string_view wanted) {
           if (!wanted.ends_with('*')) return wanted == route;
           return route.starts_with(wanted.substr(0, wanted.size() - 1));
         });
}

bool matches_caller(CallerKind kind, const RateLimitRequest& request) {
  switch (kind) {
    case CallerKind::anybody:
      return true;
    case CallerKind::anonymous:
      return request.user.empty() && request.api_key.empty();
    case CallerKind::user:
      return !request.user.empty();
    case CallerKind::api_key:
      return !request.api_key.empty();
  }
  return false;
}

bool matches(const RateLimitRule& rule, const RateLimitRequest& request) {
  for (RateKeyPart part : rule.key) {
    if (part == RateKeyPart::user && request.user.empty()) return false;
    if (part == RateKeyPart::api_key && request.api_key.empty()) return false;
  }
  return matches_caller(rule.callers, request) && matches_route(rule.routes, request.route) &&
         (rule.methods.empty() ||
          std::ranges::find(rule.methods, request.method) != rule.methods.end());
}

/// Calls `add` with each text that the request is counted by.
template <class Add>
void for_each_part(const RateLimitRule& rule, const RateLimitRequest& request, Add add) {
  const auto add_caller = [&] {
    // With what it is: a user may be called like an address.
    if (!request.user.empty()) {
      add("user");
      add(request.user);
    } else if (!request.api_key.empty()) {
      add("key");
      add(request.api_key);
    } else {
      add("address");
      add(rate_limit_address(request.address));
    }
  };
  for (RateKeyPart part : rule.key) {
    switch (part) {
      case RateKeyPart::user:
        add(request.user);
        break;
      case RateKeyPart::api_key:
        add(request.api_key);
        break;
      case RateKeyPart::caller:
        add_caller();
        break;
      case RateKeyPart::address:
        add(rate_limit_address(request.address));
        break;
      case RateKeyPart::route:
        add(request.route);
        break;
      case RateKeyPart::header:
        add(request.header(rule.header).value_or(""));
        break;
    }
  }
}

std::uint64_t key_of(const RateLimitRule& rule, const RateLimitRequest& request) {
  RateKey key;
  for_each_part(rule, request, [&](std::string_view part) { key.add(part); });
  return key.value();
}

std::string number(std::int64_t value) {
  return std::to_string(value);
}

}  // namespace

bool tighter(const RateDecision& a, const RateDecision& b) {
  if (a.allowed != b.allowed) return !a.allowed;
  return std::uint64_t{a.remaining} * b.limit < std::uint64_t{b.remaining} * a.limit;
}

struct RateLimitRules::Entry {
  Entry(RateLimitRule described, std::shared_ptr<RateLimiter> counts)
      : rule(std::move(described)), limiter(std::move(counts)) {}

  RateLimitRule rule;
  std::shared_ptr<RateLimiter> limiter;
  std::atomic<std::uint64_t> allowed{0};
  std::atomic<std::uint64_t> refused{0};
};

RateLimitRules::RateLimitRules() = default;
RateLimitRules::~RateLimitRules() = default;

Result<> RateLimitRule::check() const {
  const auto bad = [this](std::string_view field, std::string_view why) {
    return invalid("rate_limit." + name + "." + std::string(field), std::string(why));
  };
  if (!is_name(name)) {
    return invalid("rate_limit.name", "must be 1 to 64 of a-z, 0-9, '-' and '_'");
  }
  if (Result<> checked = rate.check(); !checked) {
    return Error(Code::invalid_argument, "rate_limit." + name + ": " + checked.error().message());
  }
  if (cost == 0) return bad("cost", "must be at least 1");
  if (cost > rate.most_at_once()) return bad("cost", "is more than the burst: nothing would pass");
  if (keys < 8 || keys > most_keys) return bad("keys", "must be 8 to 16777216");
  const bool by_header = std::ranges::find(key, RateKeyPart::header) != key.end();
  if (by_header == header.empty()) {
    return bad("header", by_header ? "must name the header of the key" : "is in no key");
  }
  for (const std::string& route : routes) {
    if (!route.starts_with('/') && route != "*") return bad("routes", "must begin with '/'");
  }
  return {};
}

Result<> check(const std::vector<RateLimitRule>& rules) {
  if (rules.size() > RateLimitRules::most_rules) {
    return invalid("rate_limit", "must be at most 64 rules");
  }
  for (std::size_t i = 0; i < rules.size(); ++i) {
    KIT_TRY(rules[i].check());
    for (std::size_t other = 0; other < i; ++other) {
      if (rules[other].name != rules[i].name) continue;
      return invalid("rate_limit." + rules[i].name, "is there twice; give one another name");
    }
  }
  return {};
}

Result<> RateLimitRules::replace(std::vector<RateLimitRule> rules, Clock::time_point now) {
  KIT_TRY(check(rules));
  const std::unique_lock lock(mutex_);
  std::vector<std::shared_ptr<Entry>> next;
  for (RateLimitRule& rule : rules) {
    const auto before = std::ranges::find_if(entries_, [&](const auto& entry) {
      return entry->rule.name == rule.name && entry->rule.key == rule.key &&
             entry->rule.header == rule.header && entry->rule.keys == rule.keys;
    });
    if (before == entries_.end()) {
      auto limiter = std::make_shared<RateLimiter>(rule.rate, rule.keys);
      next.push_back(std::make_shared<Entry>(std::move(rule), std::move(limiter)));
      continue;
    }
    if ((*before)->rule == rule) {
      next.push_back(*before);
      continue;
    }
    if ((*before)->rule.rate != rule.rate) (*before)->limiter->apply(rule.rate, now);
    auto entry = std::make_shared<Entry>(std::move(rule), (*before)->limiter);
    entry->allowed.store((*before)->allowed.load());
    entry->refused.store((*before)->refused.load());
    next.push_back(std::move(entry));
  }
  entries_ = std::move(next);
  return {};
}

RateLimitAnswer RateLimitRules::ask(const RateLimitRequest& request, Clock::time_point now) {
  struct Match {
    Entry* entry;
    std::uint64_t key;
  };
  std::array<Match, most_rules> matched;
  std::size_t count = 0;
  RateLimitAnswer answer;
  const Entry* tightest = nullptr;
  const auto consider = [&](Entry& entry, const RateDecision& decision) {
    if (tightest != nullptr && !tighter(decision, answer.decision)) return;
    tightest = &entry;
    answer.decision = decision;
  };

  const std::shared_lock lock(mutex_);
  for (const auto& entry : entries_) {
    if (!resilience::matches(entry->rule, request)) continue;
    matched[count++] = {entry.get(), key_of(entry->rule, request)};
  }
  const auto ask_one = [&](const Match& match, bool take) {
    RateLimiter& limiter = *match.entry->limiter;
    const std::uint32_t cost = match.entry->rule.cost;
    const RateDecision decision =
        take ? limiter.ask(match.key, now, cost) : limiter.look(match.key, now, cost);
    if (take || !decision.allowed) consider(*match.entry, decision);
    return decision.allowed;
  };
  // One is asked for good at once; of several, each has to agree before any counts.
  bool allowed = true;
  for (std::size_t i = 0; i < count && count > 1 && allowed; ++i)
    allowed = ask_one(matched[i], false);
  for (std::size_t i = 0; i < count && allowed; ++i) allowed = ask_one(matched[i], true);
  for (std::size_t i = 0; i < count; ++i) {
    Entry& entry = *matched[i].entry;
    if (allowed) entry.allowed.fetch_add(1, std::memory_order_relaxed);
    if (!allowed && &entry == tightest) entry.refused.fetch_add(1, std::memory_order_relaxed);
  }
  if (tightest == nullptr) return answer;
  answer.set(tightest->rule.name, tightest->rule.rate, answer.decision);
  return answer;
}

void RateLimitAnswer::set(std::string_view name, const Rate& rate, const RateDecision& of_rule) {
  decision = of_rule;
  rule = name;
  rate_limit = rate_limit_field(name, of_rule);
  policy = rate_limit_policy_field(name, rate);
}

std::vector<RateLimitMatch> RateLimitRules::matches(const RateLimitRequest& request) const {
  const std::shared_lock lock(mutex_);
  std::vector<RateLimitMatch> all;
  for (const auto& entry : entries_) {
    const RateLimitRule& rule = entry->rule;
    if (!resilience::matches(rule, request)) continue;
    std::string key;
    for_each_part(rule, request, [&](std::string_view part) {
      key.append(number(static_cast<std::int64_t>(part.size()))).append(":").append(part);
    });
    all.push_back({rule.name, std::move(key), rule.rate, rule.cost});
  }
  return all;
}

std::vector<RateLimitRules::Counts> RateLimitRules::counts() const {
  const std::shared_lock lock(mutex_);
  std::vector<Counts> all;
  for (const auto& entry : entries_) {
    all.push_back({entry->rule.name, entry->allowed.load(), entry->refused.load(),
                   entry->limiter->displaced()});
  }
  return all;
}

std::vector<RateLimitRule> RateLimitRules::rules() const {
  const std::shared_lock lock(mutex_);
  std::vector<RateLimitRule> all;
  for (const auto& entry : entries_) all.push_back(entry->rule);
  return all;
}

Error RateLimitAnswer::error() const {
  const auto pause = ceil<std::chrono::milliseconds>(decision.retry_after);
  return Error(Code::resource_exhausted, "the limit \"" + std::string(rule) +
                                             "\" is used up; try again in " +
                                             number(ceil<seconds>(pause).count()) + " s")
      .with_reason("RATE_LIMITED")
      .with_retry_after(pause);
}

std::string rate_limit_field(std::string_view rule, const RateDecision& decision) {
  std::string text = "\"";
  text.append(rule).append("\";r=").append(number(decision.remaining));
  text.append(";t=").append(number(ceil<seconds>(decision.reset).count()));
  return text;
}

std::string rate_limit_policy_field(std::string_view rule, const Rate& rate) {
  std::string text = "\"";
  text.append(rule).append("\";q=").append(number(rate.most_at_once()));
  text.append(";w=").append(number(ceil<seconds>(rate.window()).count()));
  return text;
}

std::string rate_limit_address(std::string_view address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.find(':') == std::string_view::npos || address.size() >= text.size()) {
    return std::string(address.substr(0, text.size()));
  }
  std::memcpy(text.data(), address.data(), address.size());
  in6_addr parsed{};
  if (::inet_pton(AF_INET6, text.data(), &parsed) != 1) return std::string(address);
  if (IN6_IS_ADDR_V4MAPPED(&parsed)) {
    ::inet_ntop(AF_INET, &parsed.s6_addr[12], text.data(), text.size());
    return std::string(text.data());
  }
  std::fill(std::begin(parsed.s6_addr) + 8, std::end(parsed.s6_addr), std::uint8_t{0});
  ::inet_ntop(AF_INET6, &parsed, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

}  // namespace kit::resilience
