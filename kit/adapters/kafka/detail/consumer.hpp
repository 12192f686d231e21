// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kit/adapters/kafka/detail/dsn.hpp"
#include "kit/adapters/kafka/detail/reaper.hpp"
#include "kit/adapters/kafka/kafka.hpp"

namespace kit::kafka::detail {

/// Of all consumers of a queue.
struct ConsumerCounts {
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> redelivered{0};
  std::atomic<std::uint64_t> revoked{0};
};

struct ConsumerSetting {
  std::string group;
  std::vector<std::string> topics;
  std::shared_ptr<Reaper> reaper;
  std::shared_ptr<ConsumerCounts> counts;
};

/// A member of a group on the loop that runs now. Fails with what the client refuses.
Result<std::unique_ptr<queue::Consumer>> make_consumer(const KafkaOptions& options, const Dsn& dsn,
                                                       ConsumerSetting setting);

}  // namespace kit::kafka::detail
