// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "kit/adapters/redis/redis.hpp"
#include "kit/base/result.hpp"
#include "kit/queue/queue.hpp"

namespace kit::redis {

struct StreamOptions {
  /// What the keys begin with; `[A-Za-z0-9._:-]{0,64}`.
  std::string prefix = "kit:queue:";
  /// Streams of a topic that nobody has published to or subscribed to before, 1 to 256; its keys
  /// are shared out among them. What a topic has stays as it is.
  int partitions = 8;
  /// Entries of a stream. What every group has acknowledged goes beyond that; the rest never does:
  /// `publish` fails then, with `resource_exhausted` (QUEUE_FULL).
  std::size_t most_kept = 100'000;
  /// What one consumer may hold, delivered and not acknowledged; nothing is received beyond it.
  std::size_t most_held = 1'000;
  /// A delivery that is not acknowledged for so long comes again; a member that is not heard of
  /// for so long is taken for dead.
  std::chrono::milliseconds redeliver_after{30'000};
};

/// Since the queue was opened.
struct StreamStats {
  std::uint64_t published = 0;
  std::uint64_t full = 0;         ///< Messages refused: their stream was full.
  std::uint64_t received = 0;     ///< By consumers that are or were.
  std::uint64_t redelivered = 0;  ///< Of these, not for the first time.
  std::uint64_t acquired = 0;     ///< Streams that a consumer became the reader of.
  std::uint64_t lost = 0;         ///< Streams that were taken from one.
  /// Messages that others (XTRIM, XDEL) removed before they were acknowledged. Also logged.
  std::uint64_t removed = 0;
};

/// Messages in streams of Redis 6.2 or later, alone or a cluster, in as many streams for a topic as
/// it has partitions. A stream has one reader in each group at a time, so that the order of a key
/// holds. What the server confirms is kept as well as the server keeps it: `appendonly yes`,
/// `maxmemory-policy noeviction`. Thread safety: any thread that runs a loop. Lifetime: longer than
/// its consumers and tasks.
class StreamQueue : public queue::Queue {
 public:
  virtual StreamStats stats() const = 0;
};

/// Does not connect yet. Fails with `invalid_argument` (QUEUE_OPTIONS_INVALID).
Result<std::unique_ptr<StreamQueue>> open_streams(std::shared_ptr<Client> client,
                                                  StreamOptions options = {});

}  // namespace kit::redis
