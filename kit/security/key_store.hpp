// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "kit/security/key_set.hpp"

namespace kit::security {

/// The keys that count now, which may be replaced while tokens are verified. Thread safety: any
/// thread.
class KeyStore {
 public:
  explicit KeyStore(KeySet first) : current_(std::make_shared<const KeySet>(std::move(first))) {}
  /// Without any key: every token is refused until there are some.
  KeyStore() = default;

  /// Null: there are none yet.
  std::shared_ptr<const KeySet> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }
  /// Tokens that were verified with the keys of before are verified again. The same keys change
  /// nothing. False: they were the same.
  bool replace(KeySet next) {
    const std::lock_guard lock(mutex_);
    if (current_ != nullptr && current_->same_as(next)) return false;
    current_ = std::make_shared<const KeySet>(std::move(next));
    version_.fetch_add(1, std::memory_order_release);
    return true;
  }
  /// Grows with each change.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;  // guards the pointer
  std::shared_ptr<const KeySet> current_;
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace kit::security
