// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kit/async/task.hpp"
#include "kit/db/list_query.hpp"

namespace kit::record {

/// What a list says beside its rows.
struct ListEnd {
  std::optional<std::string> next_cursor;
  std::optional<std::int64_t> total;
};

/// Runs a list: every row of the page goes to `sink`. Lifetime: everything borrowed lives until the
/// task has ended.
Task<ListEnd> list(db::Session& session, const db::ListTable& table, const db::ListQuery& query,
                   db::RowSink sink);
/// The same for a caller who has to do with some rows only.
Task<ListEnd> list(db::Session& session, const db::ListTable& table, const db::ListQuery& query,
                   db::RowSink sink, const db::RowLimit& limit);

/// How many rows a `SELECT count(*)` without parameters counts.
Task<std::int64_t> count(db::Session& session, std::string_view sql);
/// How many rows a list has in all.
Task<std::int64_t> count(db::Session& session, const db::ListTable& table,
                         const db::ListQuery& query, const db::RowLimit& limit);

}  // namespace kit::record
