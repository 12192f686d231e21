// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "kit/base/per_shard.hpp"

namespace kit {

/// A value that is read all the time and replaced now and then: options that change while a program
/// runs. Thread safety: any thread. Cost: reading some 2 ns in each of the first 15 threads, a lock
/// in the others.
template <class T>
class LiveValue {
 public:
  explicit LiveValue(T first) : newest_(std::make_shared<const T>(std::move(first))) {}
  LiveValue(const LiveValue&) = delete;
  LiveValue& operator=(const LiveValue&) = delete;

  void replace(T next) {
    auto made = std::make_shared<const T>(std::move(next));
    const std::lock_guard lock(mutex_);
    newest_.swap(made);
    version_.fetch_add(1, std::memory_order_release);
  }

  /// Calls `use` with what counts now; it lives until the call has ended, which must not come back
  /// here.
  template <class F>
  decltype(auto) read(F&& use) const {
    return places_.with([&](Place& place) -> decltype(auto) { return use(fresh(place)); });
  }

  std::shared_ptr<const T> get() const {
    const std::lock_guard lock(mutex_);
    return newest_;
  }

 private:
  struct Place {
    std::uint64_t version = 0;
    std::shared_ptr<const T> value;
  };

  const T& fresh(Place& place) const {
    if (place.version != version_.load(std::memory_order_acquire)) [[unlikely]] {
      const std::lock_guard lock(mutex_);
      place.value = newest_;
      place.version = version_.load(std::memory_order_relaxed);
    }
    return *place.value;
  }

  mutable std::mutex mutex_;  // guards the newest
  std::shared_ptr<const T> newest_;
  std::atomic<std::uint64_t> version_{1};
  mutable detail::PerShard<Place> places_;
};

}  // namespace kit
