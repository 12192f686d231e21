// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kit/telemetry/trace_ids.hpp"

namespace kit::telemetry {
namespace {

constexpr std::size_t random_digits = 14;  // 56 bits
constexpr double two_to_56 = 72'057'594'037'927'936.0;

}  // namespace

Result<Sampler::Decision> Sampler::decision(SamplingMode mode, double ratio,
                                            const std::string& where) {
  if (!(ratio >= 0 && ratio <= 1)) return invalid(where, "must be a number from 0 to 1");
  Decision made;
  made.mode = mode;
  made.is_none = ratio * two_to_56 < 1;  // 1 in 2^56 is as rare as it gets
  if (mode == SamplingMode::always) {
    ratio = 1;
    made.is_none = false;
  }
  const auto rejected = static_cast<std::uint64_t>(std::floor((1 - ratio) * two_to_56));
  std::array<char, 16> digits;
  write_hex(std::min<std::uint64_t>(rejected, (std::uint64_t{1} << 56U) - 1), digits.data());
  std::memcpy(made.threshold.data(), digits.data() + 2, random_digits);
  return made;
}

Result<Sampler> Sampler::make(const SamplerOptions& options) {
  Sampler sampler;
  auto usual = decision(SamplingMode::ratio, options.ratio, "ratio");
  if (!usual) return std::move(usual).error();
  sampler.usual_ = *usual;
  for (std::size_t i = 0; i < options.rules.size(); ++i) {
    const SamplingRule& rule = options.rules[i];
    const std::string where = "rules[" + std::to_string(i) + "]";
    if (rule.route.empty()) return invalid(where + ".route", "must name a route");
    auto made = decision(rule.mode, rule.ratio, where + ".ratio");
    if (!made) return std::move(made).error();
    if (rule.route.ends_with('*')) {
      const std::string prefix = rule.route.substr(0, rule.route.size() - 1);
      const bool is_known = std::ranges::any_of(
          sampler.prefixes_, [&](const auto& known) { return known.first == prefix; });
      if (!is_known) sampler.prefixes_.emplace_back(prefix, *made);
    } else {
      sampler.routes_.try_emplace(rule.route, *made);
    }
  }
  std::ranges::sort(sampler.prefixes_, std::greater(),
                    [](const auto& prefix) { return prefix.first.size(); });
  return sampler;
}

const Sampler::Decision& Sampler::find(std::string_view route) const {
  if (const auto found = routes_.find(route); found != routes_.end()) return found->second;
  for (const auto& [prefix, made] : prefixes_) {
    if (route.starts_with(prefix)) return made;
  }
  return usual_;
}

std::optional<bool> Sampler::fixed(const Decision& rule, Parent parent, bool forced) {
  if (rule.mode == SamplingMode::never) return false;
  if (forced) return true;
  if (parent != Parent::none) {
    return rule.mode == SamplingMode::always || parent == Parent::sampled;
  }
  if (rule.is_none) return false;
  return std::nullopt;
}

void Sampler::decide(LogContext& log, std::string_view route, Parent parent, bool forced) const {
  const Decision& rule = routes_.empty() && prefixes_.empty() ? usual_ : find(route);
  log.threshold = {};
  if (const auto said = fixed(rule, parent, forced)) {
    log.sampled = *said;  // nobody's chance: no threshold
    return;
  }
  const char* const random = log.trace_id.data() + log.trace_id.size() - random_digits;
  log.sampled = std::memcmp(random, rule.threshold.data(), random_digits) >= 0;
  if (log.sampled) log.threshold = rule.threshold;
}

}  // namespace kit::telemetry
