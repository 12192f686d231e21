// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "kit/telemetry/span_record.hpp"

namespace kit::telemetry {

/// Spans that one thread has ended and nobody has taken yet; neither side ever waits. Records are
/// changed for emptied ones, so that in the long run nothing is allocated. Thread safety: `push` by
/// one thread, `take_all` by one at a time.
class SpanQueue {
 public:
  explicit SpanQueue(std::size_t capacity) : slots_(capacity) {}

  /// Changes `record` for one that may be used again, or null. False, and the span counts as
  /// dropped, when the queue is full.
  bool push(std::unique_ptr<SpanRecord>& record) {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_seen_ == slots_.size()) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (head - tail_seen_ == slots_.size()) {
        dropped_.store(dropped_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return false;
      }
    }
    slots_[head % slots_.size()].swap(record);
    head_.store(head + 1, std::memory_order_release);
    return true;
  }
  /// Of the thread that pushes: how many wait, at most.
  std::size_t waiting() const {
    return static_cast<std::size_t>(head_.load(std::memory_order_relaxed) - tail_seen_);
  }
  void close() { closed_.store(true, std::memory_order_release); }

  /// Calls `take(record)` for each, the oldest first; what is left in `record` is used again.
  template <class Take>
  void take_all(Take take) {
    const std::uint64_t head = head_.load(std::memory_order_acquire);
    for (std::uint64_t at = tail_.load(std::memory_order_relaxed); at != head; ++at) {
      take(slots_[at % slots_.size()]);
      tail_.store(at + 1, std::memory_order_release);
    }
  }
  /// Nothing comes any more, and nothing is left.
  bool is_finished() const {
    return closed_.load(std::memory_order_acquire) &&
           head_.load(std::memory_order_acquire) == tail_.load(std::memory_order_relaxed);
  }
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  std::vector<std::unique_ptr<SpanRecord>> slots_;
  // Positions only grow. Each side's own line of the cache.
  alignas(64) std::atomic<std::uint64_t> head_{0};
  std::uint64_t tail_seen_ = 0;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> closed_{false};
  alignas(64) std::atomic<std::uint64_t> tail_{0};
};

}  // namespace kit::telemetry
