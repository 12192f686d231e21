// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"

namespace kit::record {

/// What the rows that a transaction reads are for. On SQLite all transactions that write run one
/// after the other; elsewhere rows are locked until the end of the transaction, to the same effect.
enum class Purpose : std::uint8_t {
  reading,    ///< Nothing.
  changing,   ///< Others that read them for changing, or change them, wait.
  referring,  ///< Others that change them wait.
  removing,   ///< Others that would refer to them wait too.
};

/// Runs a SELECT of rows of one table. Fails with `aborted` (DEADLOCK, LOCK_TIMEOUT) when the rows
/// can't be locked. Lifetime: everything borrowed lives until the task has ended.
Task<> select(db::Session& session, std::string_view sql, std::span<const db::Parameter> parameters,
              db::RowSink sink, Purpose purpose);

/// Locks the rows that a SELECT finds, for removing, where that takes a lock.
/// Fails as `select` does.
Task<> lock_for_removal(db::Session& session, std::string_view sql,
                        std::span<const db::Parameter> parameters);

}  // namespace kit::record
