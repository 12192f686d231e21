// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/histogram.hpp"

#include <numeric>

namespace kit::telemetry {

std::uint64_t Histogram::Snapshot::count() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot all;
  all.counts.reserve(bounds_.size() + 1);
  for (std::size_t i = 0; i <= bounds_.size(); ++i) all.counts.push_back(cells_.sum(i));
  all.sum = cells_.sum(bounds_.size() + 1);
  return all;
}

}  // namespace kit::telemetry
