// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/shared.hpp"

namespace kit::redis::detail {

RedisStats Counts::stats() const {
  const auto now = [](const LiveCounter& counter) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, counter.live()));
  };
  RedisStats stats;
  stats.commands = commands.value();
  stats.errors = errors.value();
  stats.lost = lost.value();
  stats.abandoned = abandoned.value();
  stats.latency_us = latency_us.value();
  stats.repeated = repeated.value();
  stats.redirected = redirected.value();
  stats.refreshes = refreshes.value();
  stats.opened = connections.total();
  stats.closed = stats.opened - now(connections);
  stats.failed_connects = failed_connects.value();
  stats.refused = refused.value();
  stats.in_use = now(in_use);
  stats.in_flight = now(in_flight);
  return stats;
}

}  // namespace kit::redis::detail
