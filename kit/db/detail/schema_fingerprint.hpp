// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"

namespace kit::db::detail {

/// SHA-256 of everything that changes of tables change, as `information_schema` of MariaDB and
/// MySQL tells it. The same before and after a statement: it has not run, or running it again does
/// nothing.
Task<std::string> schema_fingerprint(Session& session);

}  // namespace kit::db::detail
