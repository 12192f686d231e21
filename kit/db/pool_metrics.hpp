// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kit/base/function.hpp"

namespace kit::telemetry {
class Registry;
}

namespace kit::db {

/// What a database server's adapter counts of its connections, since it was opened and now.
struct PoolStats {
  std::uint64_t connections = 0;  ///< Open now.
  std::uint64_t in_use = 0;       ///< Now.
  std::uint64_t waiting = 0;      ///< Tasks, now, for a connection.
  std::uint64_t refused = 0;      ///< Tasks that got none.
  std::uint64_t connects = 0;
  std::uint64_t failed_connects = 0;
  std::uint64_t lost = 0;      ///< Connections that broke or were given up.
  std::uint64_t cancels = 0;   ///< Statements that the server was asked to end.
  std::uint64_t prepares = 0;  ///< Statements, on whatever connection.
};

/// Declares them under names that are the same for all servers: db_pool_connections and so on.
/// `read` may be called from any thread, as long as the registry is written out.
void add_pool_metrics(telemetry::Registry& registry, Function<PoolStats() const> read);

}  // namespace kit::db
