// SPDX-License-Identifier: Apache-2.0
#include "kit/base/thread_shard.hpp"

#include <array>
#include <mutex>

namespace kit::detail {
namespace {

// Handing a shard on under the lock is what lets the next owner see the last one's writes.
constinit std::mutex shards_mutex;
constinit std::array<bool, shared_shard> shard_taken{};

/// Gives the shard back when the thread ends; what it counts after that goes to the shared one.
struct Claim {
  std::size_t shard = shared_shard;
  Claim() {
    std::lock_guard lock(shards_mutex);
    for (std::size_t i = 0; i < shard_taken.size() && shard == shared_shard; ++i) {
      if (shard_taken[i]) continue;
      shard_taken[i] = true;
      shard = i;
    }
    if (shard != shared_shard && shard >= shards_ever_taken.load(std::memory_order_relaxed)) {
      shards_ever_taken.store(shard + 1, std::memory_order_release);
    }
    thread_shard = shard;
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    thread_shard = shared_shard;
    if (shard == shared_shard) return;
    std::lock_guard lock(shards_mutex);
    shard_taken[shard] = false;
  }
};

}  // namespace

std::size_t claim_shard() {
  thread_local Claim claim;
  return thread_shard = claim.shard;
}

}  // namespace kit::detail
