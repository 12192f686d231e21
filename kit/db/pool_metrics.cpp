// SPDX-License-Identifier: Apache-2.0
#include "kit/db/pool_metrics.hpp"

#include <memory>
#include <string_view>
#include <utility>

#include "kit/telemetry/registry.hpp"

namespace kit::db {

void add_pool_metrics(telemetry::Registry& registry, Function<PoolStats() const> read) {
  const auto shared = std::make_shared<const Function<PoolStats() const>>(std::move(read));
  using Member = std::uint64_t PoolStats::*;
  const auto add = [&](std::string_view name, std::string_view help, Member member) {
    registry.add_reading(name, help,
                         [shared, member] { return static_cast<double>((*shared)().*member); });
  };
  add("db_pool_connections", "Connections to the database, open now", &PoolStats::connections);
  add("db_pool_connections_in_use", "Connections that a statement or a transaction has now",
      &PoolStats::in_use);
  add("db_pool_waiting", "Tasks that wait for a connection now", &PoolStats::waiting);
  add("db_pool_refused_total", "Tasks that got no connection: too many waited, or too long",
      &PoolStats::refused);
  add("db_pool_connects_total", "Connections that were made", &PoolStats::connects);
  add("db_pool_connects_failed_total", "Connections that could not be made",
      &PoolStats::failed_connects);
  add("db_pool_connections_lost_total", "Connections that broke or were given up",
      &PoolStats::lost);
  add("db_statement_cancels_total", "Statements that the server was asked to end",
      &PoolStats::cancels);
  add("db_statement_prepares_total", "Statements prepared, on whatever connection",
      &PoolStats::prepares);
}

}  // namespace kit::db
