// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/metrics.hpp"

#include <cstdint>
#include <string_view>

#include "kit/telemetry/registry.hpp"

namespace kit::kafka {

void add_metrics(telemetry::Registry& registry, const KafkaQueue& queue) {
  using Member = std::uint64_t KafkaStats::*;
  const auto add = [&](std::string_view name, std::string_view help, Member member) {
    registry.add_reading(name, help,
                         [&queue, member] { return static_cast<double>(queue.stats().*member); });
  };
  add("kafka_messages_published_total", "Messages that the brokers confirmed",
      &KafkaStats::published);
  add("kafka_messages_refused_total", "Messages that the brokers refused, or were given up",
      &KafkaStats::refused);
  add("kafka_messages_pending", "Messages on their way to the brokers now", &KafkaStats::pending);
  add("kafka_producers_opened_total", "Producers: one, and one more after each that was given up",
      &KafkaStats::producers);
  add("kafka_messages_received_total", "Messages that consumers received", &KafkaStats::received);
  add("kafka_messages_redelivered_total",
      "Messages that came to the same consumer not for the first time", &KafkaStats::redelivered);
  add("kafka_partitions_revoked_total", "Partitions that consumers lost or left",
      &KafkaStats::revoked);
  registry.add_reading("kafka_healthy", "1 while the brokers take messages, else 0",
                       [&queue] { return queue.health().ok() ? 1.0 : 0.0; });
}

}  // namespace kit::kafka
