// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/adapters/redis/redis.hpp"

namespace kit::telemetry {
class Registry;
}

namespace kit::redis {

/// Declares what a client counts: redis_commands_total, redis_command_errors_total,
/// redis_command_seconds_total and so on. Once a registry; `client` is kept by it.
void add_metrics(telemetry::Registry& registry, std::shared_ptr<const Client> client);

}  // namespace kit::redis
