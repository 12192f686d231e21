// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "kit/base/time.hpp"
#include "kit/queue/queue.hpp"

namespace kit::queue::detail {

/// A message as the groups of its topic share it.
struct Stored {
  std::shared_ptr<const Message> message;
  std::uint64_t sequence = 0;  ///< In its topic.
  std::size_t bytes = 0;
  std::size_t groups = 0;  ///< That have not acknowledged it.
};

/// What a group has to do with a topic. A member that has taken a message holds its key until all
/// that it took of it is acknowledged, or its time is over. Thread safety: the owner's lock.
class MemoryGroup {
 public:
  using Stop = Clock::time_point;

  /// The newest message.
  void add(std::shared_ptr<Stored> stored);
  /// Up to `limit` for `member`, oldest first; `until`: when they come again.
  void take(std::uint64_t member, std::size_t limit, Stop until, std::vector<Delivery>& out);
  /// The message that was acknowledged; null when `attempt` is not the last one that took it.
  /// `until` for what else is held of its key.
  std::shared_ptr<Stored> acknowledge(std::uint64_t sequence, int attempt, Stop until);
  /// What `member` holds can be taken by all.
  void release(std::uint64_t member);
  /// The same for all keys that are held for too long.
  void expire(Stop now);
  /// When the next key is held for too long; time_point::max() when none is held.
  Stop next_expiry() const;

 private:
  struct Entry {
    std::shared_ptr<Stored> stored;
    int attempt = 0;
    bool out = false;
  };
  struct Lane {
    std::set<std::uint64_t> entries;  // sequences
    std::size_t out = 0;
    std::uint64_t member = 0;
    Stop until{};
  };
  using Lanes = std::unordered_map<std::string, Lane>;

  void free(Lane& lane);

  std::map<std::uint64_t, Entry> entries_;  // not acknowledged
  std::set<std::uint64_t> waiting_;         // of them: with no member
  Lanes lanes_;                             // by key
  std::set<std::pair<Stop, Lane*>> held_;   // addresses in the map are stable
};

}  // namespace kit::queue::detail
