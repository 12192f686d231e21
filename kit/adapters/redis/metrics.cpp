// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/metrics.hpp"

#include <memory>
#include <string_view>
#include <utility>

#include "kit/telemetry/registry.hpp"

namespace kit::redis {

void add_metrics(telemetry::Registry& registry, std::vector<NamedClient> clients) {
  const auto all = std::make_shared<const std::vector<NamedClient>>(std::move(clients));
  using Member = std::uint64_t RedisStats::*;
  const auto add = [&](std::string_view name, std::string_view help, Member member,
                       double unit = 1) {
    registry.add_readings(name, help, {"client"}, [all, member, unit] {
      std::vector<telemetry::Reading> readings;
      for (const NamedClient& one : *all) {
        readings.push_back({{one.name}, static_cast<double>(one.client->stats().*member) * unit});
      }
      return readings;
    });
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
  constexpr double micro = 1e-6;
  add("redis_command_seconds_total", "How long answered commands took, together",
      &RedisStats::latency_us, micro);
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

void add_metrics(telemetry::Registry& registry, const StreamQueue& queue) {
  using Member = std::uint64_t StreamStats::*;
  const auto add = [&](std::string_view name, std::string_view help, Member member) {
    registry.add_reading(name, help,
                         [&queue, member] { return static_cast<double>(queue.stats().*member); });
  };
  add("redis_stream_messages_published_total", "Messages that Redis keeps or kept",
      &StreamStats::published);
  add("redis_stream_messages_refused_total", "Messages whose stream was full", &StreamStats::full);
  add("redis_stream_messages_received_total", "Messages that consumers received",
      &StreamStats::received);
  add("redis_stream_messages_redelivered_total",
      "Messages that consumers received not for the first time", &StreamStats::redelivered);
  add("redis_stream_messages_removed_total",
      "Messages that others removed before they were acknowledged", &StreamStats::removed);
  add("redis_streams_acquired_total", "Streams that a consumer became the reader of",
      &StreamStats::acquired);
  add("redis_streams_lost_total", "Streams that were taken from a consumer", &StreamStats::lost);
}

}  // namespace kit::redis
