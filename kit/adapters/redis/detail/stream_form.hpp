// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/reply.hpp"
#include "kit/queue/queue.hpp"

namespace kit::redis::detail {

/// The names of a topic's keys. Those of a partition are on one node of a cluster.
class StreamNames {
 public:
  StreamNames(std::string_view prefix, std::string_view topic) : prefix_(prefix), topic_(topic) {}

  std::string stream(int partition) const;
  /// Who reads the partition for `group`.
  std::string lease(int partition, std::string_view group) const;
  std::string members(std::string_view group) const;
  /// How many partitions there are.
  std::string count() const;

 private:
  std::string tag(int partition) const;

  std::string_view prefix_;
  std::string_view topic_;
};

/// Which of `partitions` a key is in. For ever the same: FNV-1a of 64 bits.
int partition_of(std::string_view key, int partitions);

/// The words of an entry: names and values in turn, appended.
void append_fields(const queue::Message& message, std::vector<std::string>& words);

/// A message as it came; of others' entries, what is missing or past a limit of ours is left out,
/// and the id is `position`. Fails with `internal` for a reply that is no entry's fields.
Result<queue::Message> read_fields(const Reply& fields, std::string_view topic,
                                   std::string_view position);

/// "topic/partition/id"
std::string make_position(std::string_view topic, int partition, std::string_view id);

}  // namespace kit::redis::detail
