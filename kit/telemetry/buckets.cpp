// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/buckets.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "kit/base/assert.hpp"
#include "kit/telemetry/exposition.hpp"

namespace kit::telemetry {

Buckets::Buckets(Unit unit, std::vector<std::uint64_t> bounds)
    : unit_(unit), bounds_(std::move(bounds)) {
  KIT_ASSERT(!bounds_.empty() && bounds_.size() <= most, "a histogram has 1 to 100 bounds");
  KIT_ASSERT(std::ranges::adjacent_find(bounds_, std::greater_equal()) == bounds_.end(),
             "each bound of a histogram is above the last");
  for (const std::uint64_t bound : bounds_) texts_.push_back(canonical_float(in_unit(bound)));
  texts_.emplace_back("+Inf");
}

Buckets Buckets::seconds(std::span<const double> bounds) {
  std::vector<std::uint64_t> nanoseconds;
  for (const double bound : bounds) {
    KIT_ASSERT(bound >= 0 && bound < 1e9, "a bound is a time of some years at most");
    nanoseconds.push_back(static_cast<std::uint64_t>(std::llround(bound * 1e9)));
  }
  return {Unit::seconds, std::move(nanoseconds)};
}

Buckets Buckets::bytes(std::initializer_list<std::uint64_t> bounds) {
  return {Unit::bytes, std::vector(bounds)};
}

const Buckets& Buckets::doubling() {
  static const Buckets buckets = [] {
    constexpr std::uint64_t first = 8'000;  // ns
    constexpr std::size_t count = 22;
    std::vector<std::uint64_t> bounds;
    for (std::size_t i = 0; i < count; ++i) bounds.push_back(first << i);
    return Buckets(Unit::seconds, std::move(bounds));
  }();
  return buckets;
}

// https://opentelemetry.io/docs/specs/semconv/http/http-metrics/
const Buckets& Buckets::http_seconds() {
  static const Buckets buckets =
      seconds({0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10});
  return buckets;
}

// https://opentelemetry.io/docs/specs/semconv/database/database-metrics/
const Buckets& Buckets::database_seconds() {
  static const Buckets buckets = seconds({0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10});
  return buckets;
}

}  // namespace kit::telemetry
