// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/adapters/postgres/postgres.hpp"

namespace kit::telemetry {
class Registry;
}

namespace kit::postgres {

/// Declares what a database counts: db_pool_connections and the like, and statements sent again.
/// Once a registry. Lifetime: `database` is there whenever the registry is written out.
void add_metrics(telemetry::Registry& registry, const PostgresDatabase& database);

}  // namespace kit::postgres
