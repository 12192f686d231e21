// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/metrics.hpp"

#include <algorithm>
#include <cstdint>

#include "kit/db/pool_metrics.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::postgres {
namespace {

/// A gauge of several threads' numbers may be below nothing for a moment.
std::uint64_t at_least_0(std::int64_t number) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(number, 0));
}

db::PoolStats pool_stats(const PostgresStats& stats) {
  db::PoolStats pool;
  pool.connections = at_least_0(stats.connections);
  pool.in_use = at_least_0(stats.in_use);
  pool.waiting = at_least_0(stats.waiting);
  pool.refused = stats.refused;
  pool.connects = stats.connects;
  pool.failed_connects = stats.failed_connects;
  pool.lost = stats.lost;
  pool.cancels = stats.cancels;
  pool.prepares = stats.prepares;
  return pool;
}

}  // namespace

void add_metrics(telemetry::Registry& registry, const PostgresDatabase& database) {
  db::add_pool_metrics(registry, [&database] { return pool_stats(database.stats()); });
  registry.add_reading("db_statement_retries_total",
                       "Statements sent again, which had had no effect",
                       [&database] { return static_cast<double>(database.stats().retries); });
}

}  // namespace kit::postgres
