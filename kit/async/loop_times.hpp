// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "kit/base/thread_shard.hpp"

namespace kit {

/// How long things took, counted below the metrics, which show it: how many were within each of
/// some bounds, and all together. Thread safety: any thread. Cost: a few instructions in each of
/// the first 15 threads, no locked one; 2.5 KiB of memory.
class DurationCounts {
 public:
  static constexpr std::size_t bound_count = 18;
  /// 64 us, each next one twice as long, to 8.388608 s.
  static constexpr std::chrono::microseconds bound(std::size_t i) {
    return std::chrono::microseconds{std::int64_t{64} << i};
  }

  struct Snapshot {
    std::array<std::uint64_t, bound_count + 1> counts{};  ///< The last: longer than all bounds.
    std::chrono::nanoseconds sum{};
  };

  constexpr DurationCounts() = default;
  DurationCounts(const DurationCounts&) = delete;
  DurationCounts& operator=(const DurationCounts&) = delete;

  /// One that is less than nothing took no time.
  void record(std::chrono::nanoseconds duration) {
    const auto taken =
        static_cast<std::uint64_t>(std::max<std::int64_t>(std::int64_t{duration.count()}, 0));
    const std::size_t number = detail::current_shard();
    Shard& shard = shards_[number];
    detail::add_in_shard(shard.counts[index_of(taken)], number, std::uint64_t{1});
    detail::add_in_shard(shard.sum, number, taken);
  }

  Snapshot snapshot() const {
    Snapshot all;
    for (const Shard& shard : shards_) {
      for (std::size_t i = 0; i < all.counts.size(); ++i) {
        all.counts[i] += shard.counts[i].load(std::memory_order_relaxed);
      }
      const std::uint64_t sum = shard.sum.load(std::memory_order_relaxed);
      all.sum += std::chrono::nanoseconds{static_cast<std::int64_t>(sum)};
    }
    return all;
  }

 private:
  static std::size_t index_of(std::uint64_t nanoseconds) {
    // The bits of what is one less than a power of two, and so a bound, are one fewer.
    const std::uint64_t last_of_before = (nanoseconds + 999) / 1'000 - (nanoseconds > 0 ? 1 : 0);
    const auto bits = static_cast<std::size_t>(std::bit_width(last_of_before));
    constexpr std::size_t first_bits = 6;
    return bits <= first_bits ? 0 : std::min(bits - first_bits, bound_count);
  }

  struct alignas(64) Shard {
    std::array<std::atomic<std::uint64_t>, bound_count + 1> counts{};
    std::atomic<std::uint64_t> sum{0};
  };
  std::array<Shard, detail::shard_count> shards_;
};

/// Turns of the loops of this process: from one look for events to the next, without the wait for
/// them. Whatever happens in a turn, others wait for its end.
inline constinit DurationCounts loop_turns;
/// By how much timers were late, of each turn the first one that was due. The system's rounding to
/// a millisecond is part of it.
inline constinit DurationCounts timer_delays;

}  // namespace kit
