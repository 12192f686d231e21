// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kit/telemetry/buckets.hpp"
#include "kit/telemetry/cells.hpp"
#include "kit/telemetry/exemplar.hpp"

namespace kit::telemetry {

/// How long or how large things were: how many were within each of some bounds, and all together.
/// A bucket remembers the recorded trace of one of them. Thread safety: any thread. Cost: about
/// 2 ns in each of the first 15 threads, where nobody else writes the same cache lines; 8 bytes of
/// memory for each bucket and thread that counts, and 64 for each bucket once there was an
/// exemplar.
class Histogram {
 public:
  using Shape = Buckets;

  /// What was counted until about now.
  struct Snapshot {
    std::vector<std::uint64_t> counts;  ///< One for each bound; the last: above all bounds.
    std::uint64_t sum = 0;              ///< Nanoseconds or bytes.

    std::uint64_t count() const;
  };

  Histogram() : Histogram(Buckets::doubling()) {}
  /// Lifetime: `buckets` outlives it.
  explicit Histogram(const Buckets& buckets)
      : buckets_(buckets),
        bounds_(buckets.bounds()),
        cells_(bounds_.size() + 2),
        exemplars_(bounds_.size() + 1) {}
  Histogram(const Histogram&) = delete;
  Histogram& operator=(const Histogram&) = delete;

  /// One that is less than nothing, of a clock that was set back, took no time.
  void record(std::chrono::nanoseconds duration) {
    record(static_cast<std::uint64_t>(std::max<std::int64_t>(std::int64_t{duration.count()}, 0)));
  }
  /// Bytes; nanoseconds where the unit is seconds.
  void record(std::uint64_t value) {
    const std::size_t bucket = bucket_of(value);
    cells_.add(bucket, 1, bounds_.size() + 1, value);
    if (const LogContext* context = detail::sampled_context()) [[unlikely]] {
      exemplars_.offer(bucket, value, *context, detail::coarse_now());
    }
  }

  const Buckets& buckets() const { return buckets_; }
  Snapshot snapshot() const;
  std::optional<Exemplar> exemplar(std::size_t bucket) const { return exemplars_.at(bucket); }

 private:
  std::size_t bucket_of(std::uint64_t value) const {
    // From the start: most of what is measured is short.
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
    return bucket;
  }

  const Buckets& buckets_;
  const std::span<const std::uint64_t> bounds_;
  detail::Cells cells_;  // the buckets, then the sum
  Exemplars exemplars_;
};

}  // namespace kit::telemetry
