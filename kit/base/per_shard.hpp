// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <mutex>

#include "kit/base/thread_shard.hpp"

namespace kit::detail {

/// An object for each of the first threads, which needs no lock there; all others share one behind
/// a lock. Thread safety: any thread.
template <class T>
class PerShard {
 public:
  /// Calls `use` with this thread's object. It must not come back here.
  template <class F>
  decltype(auto) with(F&& use) {
    const std::size_t shard = current_shard();
    if (shard == shared_shard) [[unlikely]] {
      const std::lock_guard lock(shared_mutex_);
      return use(object(shard));
    }
    return use(object(shard));
  }

 private:
  struct alignas(64) Place {
    std::unique_ptr<T> object;
  };
  T& object(std::size_t shard) {
    std::unique_ptr<T>& object = places_[shard].object;
    if (object == nullptr) [[unlikely]]
      object = std::make_unique<T>();
    return *object;
  }

  std::mutex shared_mutex_;
  std::array<Place, shard_count> places_;
};

}  // namespace kit::detail
