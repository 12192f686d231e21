// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/time.hpp"
#include "kit/queue/queue.hpp"

namespace kit::kafka::detail {

/// What a consumer has delivered of the partitions that are its own, until it is acknowledged.
/// Kafka keeps one position for a partition: it is moved past a message only when everything before
/// it was acknowledged too. Thread safety: one thread at a time.
class Held {
 public:
  using Place = std::pair<std::string, std::int32_t>;  ///< Topic and partition.

  /// Nothing of it is held yet. Known ones stay as they are.
  void assign(const Place& place);
  /// It is another member's; false: it was not this one's.
  bool revoke(const Place& place);
  bool is_assigned(const Place& place) const { return parts_.contains(place); }
  std::vector<Place> places() const;

  /// A message came. Nothing when its partition is not this member's any more.
  std::optional<queue::Delivery> add(queue::Message message, const Place& place,
                                     std::int64_t offset, Clock::time_point until);
  /// False when `offset` of `place` was not delivered since the place was assigned.
  bool acknowledge(const Place& place, std::int64_t offset);
  /// Where the group goes on, of each partition where that is not what `committed` was told.
  std::vector<std::pair<Place, std::int64_t>> to_commit() const;
  void committed(const Place& place, std::int64_t next);

  /// What was not acknowledged by `now`, and those of its keys that come after it; at most `limit`.
  void take_due(Clock::time_point now, Clock::time_point until, std::size_t limit,
                std::vector<queue::Delivery>& out);
  /// When something is due; time_point::max() when nothing is held.
  Clock::time_point next_due() const;

  std::size_t messages() const { return messages_; }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::shared_ptr<const queue::Message> message;  // null: acknowledged
    std::size_t bytes = 0;
    int attempt = 1;
    Clock::time_point until{};
  };
  struct Part {
    std::map<std::int64_t, Entry> entries;  // by offset, from the first that is not acknowledged
    std::int64_t first = -1;                // delivered; -1: nothing yet
    std::int64_t last = -1;
    std::int64_t committed = -1;
    std::int64_t next() const { return entries.empty() ? last + 1 : entries.begin()->first; }
  };

  void let_go(const Place& place, std::int64_t offset, Entry& entry);
  void take_due(const Place& place, Part& part, Clock::time_point now, Clock::time_point until,
                std::size_t limit, std::vector<queue::Delivery>& out);

  std::map<Place, Part> parts_;
  std::set<std::pair<Clock::time_point, std::pair<Place, std::int64_t>>> due_;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace kit::kafka::detail
