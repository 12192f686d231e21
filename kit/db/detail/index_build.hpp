// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"
#include "kit/db/script.hpp"

/// Indexes that PostgreSQL builds and drops beside the writers: CREATE INDEX CONCURRENTLY and DROP
/// INDEX CONCURRENTLY commit by themselves, and a build that was ended leaves an index that is
/// invalid: every write keeps it up to date, no query uses it.
namespace kit::db::detail {

struct IndexBuild {
  bool is_drop = false;
  std::string index;  ///< As it is written, with its quotes.
};

/// Nothing for a statement that has its place in a transaction. Fails with `invalid_argument`,
/// reason MIGRATIONS_INVALID, for one that can't be gone on with after it was interrupted.
Result<std::optional<IndexBuild>> index_build(const ScriptStatement& statement);

/// Whether a statement says CONCURRENTLY.
bool is_concurrent(const ScriptStatement& statement);

/// "none", "valid", "invalid".
Task<std::string> index_state(Session& session, std::string_view index);
/// Whether an interrupted one has come to its end, by the states of before and now.
bool is_built(const IndexBuild& build, std::string_view before, std::string_view now);

/// Drops what an ended build has left.
Task<> drop_invalid(Session& session, std::string_view index);

/// What a unique index that could not be built says of the rows in its way: "2 values of (email) in
/// customers stand in 5 rows". The invalid index has to be there still.
Task<std::string> duplicates(Session& session, std::string_view index);

}  // namespace kit::db::detail
