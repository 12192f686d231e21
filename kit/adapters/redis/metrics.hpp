// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kit/adapters/redis/redis.hpp"
#include "kit/adapters/redis/streams.hpp"

namespace kit::telemetry {
class Registry;
}

namespace kit::redis {

/// A client, and what it is for: "cache", "queue".
struct NamedClient {
  std::string name;
  std::shared_ptr<const Client> client;
};

/// Declares what clients count, with their names as the label "client": redis_commands_total,
/// redis_command_errors_total, redis_command_seconds_total and so on. Once a registry; `clients`
/// are kept by it.
void add_metrics(telemetry::Registry& registry, std::vector<NamedClient> clients);

/// Declares what a queue in streams counts: redis_stream_messages_published_total and so on. Once a
/// registry. Lifetime: `queue` is there whenever the registry is written out.
void add_metrics(telemetry::Registry& registry, const StreamQueue& queue);

}  // namespace kit::redis
