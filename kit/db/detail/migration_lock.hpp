// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"

namespace kit::db::detail {

/// What keeps two runners of migrations apart where `begin_schema` does not by itself. The lock is
/// the session's and ends with it. False: another runner has it; may have waited for a moment.
Task<bool> try_lock_migrations(Session& session, Dialect dialect);
Task<> unlock_migrations(Session& session, Dialect dialect);

}  // namespace kit::db::detail
