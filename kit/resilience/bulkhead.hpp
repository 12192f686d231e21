// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kit/async/semaphore.hpp"
#include "kit/async/task.hpp"
#include "kit/base/result.hpp"

namespace kit::resilience {

/// How much of a program one dependency may take.
struct BulkheadOptions {
  std::size_t concurrent = 0;  ///< Calls at a time and thread; 0: as many as come.
  std::size_t waiting = 256;   ///< Calls that wait for one of those to end; more are refused.
  std::chrono::milliseconds longest_wait{1'000};

  /// Fails with `invalid_argument`, naming the field.
  Result<> check() const;
  friend bool operator==(const BulkheadOptions&, const BulkheadOptions&) = default;
};

/// Bounds the calls that are made at a time and those that wait, first come, first served: what is
/// slow fills its own bulkhead, not the ship. Thread safety: one loop's thread. Lifetime: longer
/// than the tasks that wait; permits may outlive it.
class Bulkhead {
 public:
  /// The right to make one call, given back when it is destroyed.
  class [[nodiscard]] Permit {
   public:
    Permit() = default;

   private:
    friend class Bulkhead;
    Permit(std::shared_ptr<Semaphore> semaphore, Semaphore::Permit permit)
        : semaphore_(std::move(semaphore)), permit_(std::move(permit)) {}
    std::shared_ptr<Semaphore> semaphore_;     // outlives the permit
    std::optional<Semaphore::Permit> permit_;  // nothing: unbounded
  };

  explicit Bulkhead(const BulkheadOptions& options = {}) { apply(options); }

  /// Fails with `unavailable`, reason BULKHEAD_FULL, when too many wait already or the wait is too
  /// long, and with why the task was cancelled.
  Task<Permit> enter();
  /// From now on: calls that are being made or wait keep to the old options, so that for a moment
  /// there may be more than either says.
  void apply(const BulkheadOptions& options);

  std::size_t in_use() const {
    return semaphore_ ? options_.concurrent - semaphore_->available() : 0;
  }
  std::size_t waiting() const { return waiting_; }
  /// Of `PerThread`.
  void close() {}

 private:
  BulkheadOptions options_;
  std::shared_ptr<Semaphore> semaphore_;  // null: unbounded
  std::size_t waiting_ = 0;
};

}  // namespace kit::resilience
