// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>

namespace kit::detail {

/// Counters that many threads add to are kept in shards. Each of the first threads has a shard of
/// its own, where it needs no locked instruction; all others share the last one. A thread that ends
/// gives its shard back for the next one.
inline constexpr std::size_t shard_count = 16;
inline constexpr std::size_t shared_shard = shard_count - 1;
/// Means: this thread has not asked yet.
inline constexpr std::size_t no_shard = shard_count;

inline thread_local constinit std::size_t thread_shard = no_shard;

/// Only the shards below it, and the shared one, were ever written to: readers may skip the others.
inline constinit std::atomic<std::size_t> shards_ever_taken = 0;

/// Gives this thread its shard.
std::size_t claim_shard();

/// This thread's shard, which it is given now when it has none yet.
inline std::size_t current_shard() {
  if (thread_shard == no_shard) [[unlikely]]
    return claim_shard();
  return thread_shard;
}

/// Adds to a number in this thread's shard, which is `shard`.
template <class T>
void add_in_shard(std::atomic<T>& number, std::size_t shard, T amount) {
  if (shard == shared_shard) [[unlikely]] {
    number.fetch_add(amount, std::memory_order_relaxed);
    return;
  }
  // Only this thread writes here: no locked instruction.
  number.store(number.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace kit::detail
