// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kit/base/context.hpp"
#include "kit/base/result.hpp"

namespace kit::telemetry {

enum class SamplingMode : std::uint8_t {
  ratio,   ///< A fraction of the traces that begin here; others as their parent was.
  always,  ///< Whatever the parent says.
  never,   ///< The same.
};

/// What holds for some routes instead of `SamplerOptions::ratio`.
struct SamplingRule {
  std::string
      route;  ///< A template as it was given to the router; "/internal/*": all that begin so.
  SamplingMode mode = SamplingMode::ratio;
  double ratio = 0;  ///< For `SamplingMode::ratio`: 0 to 1.
};

struct SamplerOptions {
  double ratio = 0.01;  ///< Of the traces that begin here, 0 to 1.
  /// A route named in full counts before one with a '*', and the longer of those first.
  std::vector<SamplingRule> rules = {};
};

/// Decides which traces are recorded, by OpenTelemetry's consistent probability: the last 56 bits
/// of the trace id are its random number R, a ratio is the threshold T = (1 - ratio) 2^56, and a
/// trace is kept where R >= T. Services that decide by different ratios keep subsets of each
/// other's traces. Thread safety: constant.
class Sampler {
 public:
  /// Fails with `invalid_argument` for a ratio that is none and for a rule without a route.
  static Result<Sampler> make(const SamplerOptions& options);

  /// What `log` continues.
  enum class Parent : std::uint8_t { none, sampled, unsampled };
  /// Sets `sampled` and `threshold` of `log`, whose trace id is there. `forced`: somebody who may
  /// asks for it; only `never` says no to that. Cost: 15 instructions without rules.
  void decide(LogContext& log, std::string_view route, Parent parent, bool forced) const;

 private:
  struct Decision {
    SamplingMode mode = SamplingMode::ratio;
    bool is_none = false;              // a ratio of nothing
    std::array<char, 14> threshold{};  // in hex, which compares as the numbers do
  };
  static Result<Decision> decision(SamplingMode mode, double ratio, const std::string& where);
  const Decision& find(std::string_view route) const;
  /// Nothing: chance decides.
  static std::optional<bool> fixed(const Decision& rule, Parent parent, bool forced);

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  Decision usual_;
  std::unordered_map<std::string, Decision, Hash, std::equal_to<>> routes_;
  std::vector<std::pair<std::string, Decision>> prefixes_;  // the longest first
};

}  // namespace kit::telemetry
