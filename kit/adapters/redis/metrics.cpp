// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/metrics.hpp"

#include <string_view>

#include "kit/telemetry/registry.hpp"

namespace kit::redis {

void add_metrics(telemetry::Registry& registry, std::shared_ptr<const Client> client) {
  using Member = std::uint64_t RedisStats::*;
  const auto add = [&](std::string_view name, std::string_view help, Member member) {
    registry.add_reading(name, help,
                         [client, member] { return static_cast<double>(client->stats().*member); });
  };
  add("redis_commands_total", "Commands that Redis answered", &RedisStats::commands);
  add("redis_command_errors_total", "Commands that Redis answered with an error",
      &RedisStats::errors);
  add("redis_commands_lost_total", "Commands whose connection was lost or never was",
      &RedisStats::lost);
  add("redis_commands_abandoned_total", "Commands whose task had ended before the answer",
      &RedisStats::abandoned);
  add("redis_commands_repeated_total", "Commands that were sent again on another connection",
      &RedisStats::repeated);
  add("redis_commands_redirected_total", "Commands that a node of the cluster sent to another",
      &RedisStats::redirected);
  registry.add_reading("redis_command_seconds_total", "How long answered commands took, together",
                       [client] {
                         constexpr double micro = 1e-6;
                         return static_cast<double>(client->stats().latency_us) * micro;
                       });
  add("redis_slot_refreshes_total", "Questions to the cluster who has which slots",
      &RedisStats::refreshes);
  add("redis_connections_opened_total", "Connections to Redis that were opened",
      &RedisStats::opened);
  add("redis_connections_closed_total", "Connections to Redis that were closed",
      &RedisStats::closed);
  add("redis_connects_failed_total", "Connections to Redis that could not be made",
      &RedisStats::failed_connects);
  add("redis_tasks_refused_total", "Tasks that found too many others waiting for Redis",
      &RedisStats::refused);
  add("redis_sessions", "Connections to Redis that one task has to itself, now",
      &RedisStats::in_use);
  add("redis_commands_in_flight", "Commands that wait for Redis now", &RedisStats::in_flight);
}

}  // namespace kit::redis
