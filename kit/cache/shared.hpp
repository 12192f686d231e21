// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"

namespace kit::cache {

/// A cache that the instances of a service share, and what they tell one another of changes
/// through. What is in it may go at any time. Thread safety: any thread that runs a loop.
class Shared {
 public:
  virtual ~Shared() = default;
  /// Nothing where the key is unknown or its time is over.
  virtual Task<std::optional<std::string>> get(std::string_view key) = 0;
  virtual Task<> set(std::string_view key, std::string_view value,
                     std::chrono::milliseconds time_to_live) = 0;
  virtual Task<> remove(std::span<const std::string> keys) = 0;
  /// Tells every instance, this one too, that what it keeps under these keys is old.
  virtual Task<> announce(std::span<const std::string> keys) = 0;
  /// Calls `changed` on the thread that called this, with each key that is announced from the
  /// moment this task first waits, and `missed` whenever announcements may have been lost (a lost
  /// connection): everything kept may be old then. Ends only by cancellation or with an error that
  /// trying again does not mend.
  virtual Task<> listen(Function<void(std::string_view key)> changed, Function<void()> missed) = 0;
};

}  // namespace kit::cache
