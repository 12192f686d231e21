// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"

namespace kit::db::detail {

/// What keeps two runners of migrations apart where `begin_schema` does not by itself. The lock is
/// the transaction's (PostgreSQL: also behind a pooler) or the session's (MariaDB), and ends with
/// it. False: another runner has it; may have waited for a moment.
Task<bool> try_lock_migrations(Session& session, Dialect dialect);
Task<> unlock_migrations(Session& session, Dialect dialect);
/// The session that has the lock, for people; "" when that is not known.
Task<std::string> lock_holder(Session& session, Dialect dialect);

/// For the session that has the lock: how long its statements wait for a table that others use.
/// Everyone who comes behind such a statement waits as well. And nobody ends it for being idle.
Task<> limit_waits(Session& session, Dialect dialect, std::chrono::milliseconds table_wait);

/// Runs `work`, statements of `session`, and looks meanwhile, with another session of `database`,
/// for those that keep it waiting: `blockers` says who they were last, "" for nobody or where the
/// server does not tell. Lifetime: all of it outlives the task.
Task<> run_watched(Database& database, Session& session, std::string& blockers, Task<> work);

}  // namespace kit::db::detail
