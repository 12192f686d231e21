// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "kit/base/result.hpp"
#include "kit/queue/queue.hpp"

namespace kit::queue {

struct MemoryQueueOptions {
  /// Messages that some group has not acknowledged yet, and their bytes; who publishes beyond them
  /// waits.
  std::size_t most_pending = 10'000;
  std::size_t most_pending_bytes = 64 * 1'048'576;
  /// Of each topic, what a group that is new finds, besides what is pending; the oldest go first.
  std::size_t most_kept = 1'000;
  std::size_t most_kept_bytes = 4 * 1'048'576;
  /// A delivery that is not acknowledged for so long comes again.
  std::chrono::milliseconds redeliver_after{30'000};
};

/// Takes messages from tasks of this process to others, on whatever loops they run. It keeps
/// nothing past the end of the process: what has to be done after a crash needs the outbox or a
/// broker. Fails with `invalid_argument` for an option that can't be right.
Result<std::unique_ptr<Queue>> make_memory_queue(const MemoryQueueOptions& options = {});

}  // namespace kit::queue
