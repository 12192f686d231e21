// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/config/codec.hpp"
#include "kit/middleware/options.hpp"
#include "kit/resilience/rate_limit_rules.hpp"

namespace kit::middleware {
namespace {

using resilience::CallerKind;
using resilience::RateKeyPart;
using resilience::RateLimitRule;

/// The words of a rule, one after the other.
class Words {
 public:
  explicit Words(std::string_view text) {
    for (const std::string_view word : split(text, ' ')) {
      if (!word.empty()) all_.push_back(word);
    }
  }
  bool at_end() const { return at_ == all_.size(); }
  std::string_view peek() const { return at_end() ? std::string_view() : all_[at_]; }
  std::string_view take() { return at_end() ? std::string_view() : all_[at_++]; }
  bool take_if(std::string_view word) {
    if (peek() != word) return false;
    ++at_;
    return true;
  }

 private:
  std::vector<std::string_view> all_;
  std::size_t at_ = 0;
};

Error wrong(std::string_view name, std::string what) {
  return Error(Code::invalid_argument, "the rule '" + std::string(name) + "' " + std::move(what));
}

std::string quoted(std::string_view word) {
  return word.empty() ? "its end" : "'" + std::string(word) + "'";
}

std::optional<std::uint32_t> number(std::string_view word) {
  const auto value = parse_int(word);
  if (!value || *value < 1 || *value > 1'000'000'000) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

Result<> read_rate(Words& words, RateLimitRule& rule) {
  const std::string_view count = words.take();
  const auto requests = number(count);
  if (!requests)
    return wrong(rule.name, "begins with how many requests: '100 per 1s', not " + quoted(count));
  if (!words.take_if("per"))
    return wrong(rule.name, "needs 'per' after the number, not " + quoted(words.peek()));
  const std::string_view span = words.take();
  const auto per =
      config::parse_span(config::Raw{.text = std::string(span), .items = {}, .members = {}});
  if (!per)
    return wrong(rule.name, "needs a time such as 1s, 1m or 1h after 'per', not " + quoted(span));
  rule.rate.requests = *requests;
  rule.rate.per = std::chrono::duration_cast<std::chrono::milliseconds>(*per);
  if (!words.take_if("burst")) return {};
  const std::string_view most = words.take();
  const auto burst = number(most);
  if (!burst) return wrong(rule.name, "needs a number after 'burst', not " + quoted(most));
  rule.rate.burst = *burst;
  return {};
}

Result<> read_key(Words& words, RateLimitRule& rule) {
  rule.key = {RateKeyPart::caller};
  if (!words.take_if("by")) return {};
  rule.key.clear();
  const std::string_view all = words.take();
  if (all == "all") return {};
  constexpr std::array<std::pair<std::string_view, RateKeyPart>, 5> parts{
      {{"user", RateKeyPart::user},
       {"api_key", RateKeyPart::api_key},
       {"caller", RateKeyPart::caller},
       {"address", RateKeyPart::address},
       {"route", RateKeyPart::route}}};
  constexpr std::string_view header = "header:";
  for (const std::string_view part : split(all, '+')) {
    if (part.starts_with(header) && part.size() > header.size() && rule.header.empty()) {
      rule.key.push_back(RateKeyPart::header);
      rule.header = to_lower(part.substr(header.size()));
      continue;
    }
    const auto known =
        std::ranges::find(parts, part, &std::pair<std::string_view, RateKeyPart>::first);
    if (known == parts.end()) {
      return wrong(
          rule.name,
          "counts 'by' all, user, api_key, caller, address, route or header:NAME, not by " +
              quoted(part));
    }
    rule.key.push_back(known->second);
  }
  return {};
}

Result<> read_place(Words& words, RateLimitRule& rule) {
  if (!words.take_if("on")) return {};
  if (!words.at_end() && !words.peek().starts_with('/')) {
    for (const std::string_view method : split(words.take(), ',')) {
      rule.methods.emplace_back(method);
    }
  }
  const std::string_view route = words.take();
  if (!route.starts_with('/')) {
    return wrong(rule.name,
                 "needs a route after 'on', such as /api/v1/login or /api/*, not " + quoted(route));
  }
  rule.routes.emplace_back(route);
  return {};
}

Result<> read_callers(Words& words, RateLimitRule& rule) {
  if (!words.take_if("for")) return {};
  const std::string_view whom = words.take();
  if (whom == "user") {
    rule.callers = CallerKind::user;
  } else if (whom == "anonymous") {
    rule.callers = CallerKind::anonymous;
  } else if (whom == "api_key") {
    rule.callers = CallerKind::api_key;
  } else {
    return wrong(rule.name, "is 'for' user, anonymous or api_key, not for " + quoted(whom));
  }
  return {};
}

}  // namespace

Result<RateLimitRule> parse_rate_limit_rule(std::string_view name, std::string_view text) {
  RateLimitRule rule;
  rule.name = name;
  Words words(text);
  KIT_TRY(read_rate(words, rule));
  KIT_TRY(read_key(words, rule));
  KIT_TRY(read_place(words, rule));
  KIT_TRY(read_callers(words, rule));
  if (!words.at_end()) {
    return wrong(name, "has " + quoted(words.peek()) +
                           " where nothing more can stand: N per TIME [burst N] [by WHAT] [on "
                           "[METHODS] /route] [for WHOM]");
  }
  KIT_TRY(rule.check());
  return rule;
}

Result<std::vector<RateLimitRule>> RateLimit::all() const {
  std::vector<RateLimitRule> all;
  if (requests_per_second > 0) {
    RateLimitRule rule;
    rule.name = "default";
    rule.key = {RateKeyPart::caller};
    rule.rate.requests = requests_per_second;
    rule.rate.burst = burst;
    all.push_back(std::move(rule));
  }
  for (const auto& [name, text] : rules) {
    Result<RateLimitRule> rule = parse_rate_limit_rule(name, text);
    if (!rule) return std::move(rule).error();
    all.push_back(std::move(*rule));
  }
  KIT_TRY(resilience::check(all));
  return all;
}

}  // namespace kit::middleware
