// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/metrics.hpp"

#include "kit/db/pool_metrics.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::mysql {
namespace {

db::PoolStats pool_stats(const MysqlStats& stats) {
  db::PoolStats pool;
  // The two are read one after the other.
  pool.connections = stats.opened > stats.closed ? stats.opened - stats.closed : 0;
  pool.in_use = stats.in_use;
  pool.waiting = stats.waiting;
  pool.refused = stats.refused;
  pool.connects = stats.opened;
  pool.failed_connects = stats.failed_connects;
  pool.lost = stats.lost;
  pool.cancels = stats.ended;
  pool.prepares = stats.prepared;
  return pool;
}

}  // namespace

void add_metrics(telemetry::Registry& registry, const MysqlDatabase& database) {
  db::add_pool_metrics(registry, [&database] { return pool_stats(database.stats()); });
  registry.add_reading("db_statement_cancels_failed_total",
                       "Statements that the server could not be asked to end",
                       [&database] { return static_cast<double>(database.stats().failed_ends); });
  registry.add_reading("db_transactions_expired_total",
                       "Transactions rolled back for being open too long",
                       [&database] { return static_cast<double>(database.stats().expired); });
}

}  // namespace kit::mysql
