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
};

/// Runs a SELECT of rows of one table. Fails with `aborted` (DEADLOCK, LOCK_TIMEOUT) when the rows
/// can't be locked. Lifetime: everything borrowed lives until the task has ended.
Task<> select(db::Session& session, std::string_view sql, std::span<const db::Parameter> parameters,
              db::RowSink sink, Purpose purpose);

}  // namespace kit::record
