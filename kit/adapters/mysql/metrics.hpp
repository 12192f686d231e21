// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/adapters/mysql/mysql.hpp"

namespace kit::telemetry {
class Registry;
}

namespace kit::mysql {

/// Declares what a database counts: db_pool_connections and the like, and transactions that
/// expired. Once a registry. Lifetime: `database` is there whenever the registry is written out.
void add_metrics(telemetry::Registry& registry, const MysqlDatabase& database);

}  // namespace kit::mysql
