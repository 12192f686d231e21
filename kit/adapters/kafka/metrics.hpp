// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/adapters/kafka/kafka.hpp"

namespace kit::telemetry {
class Registry;
}

namespace kit::kafka {

/// Declares what a queue counts, kafka_messages_published_total and the like, and its health.
/// Once a registry. Lifetime: `queue` is there whenever the registry is written out.
void add_metrics(telemetry::Registry& registry, const KafkaQueue& queue);

}  // namespace kit::kafka
