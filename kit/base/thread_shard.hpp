// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// Gives this thread its shard.
std::size_t claim_shard();

}  // namespace kit::detail
