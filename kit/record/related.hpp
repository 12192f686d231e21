// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <any>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/db/sql.hpp"
#include "kit/record/access.hpp"

namespace kit::record {

/// Which rows are looked for: those that several others lead to, in one statement.
struct RelatedQuery {
  std::size_t way = 0;        ///< Which of the repository's statements: its constant.
  std::string keys;           ///< What leads there: a JSON array of ids, each once.
  std::int64_t per_key = 0;   ///< Rows of each key at most, the first by id; 0: the one it names.
  std::int64_t max_rows = 0;  ///< Rows of all keys at most; looked at with `per_key` only.
};

/// What was found, ordered by key and id.
template <class T>
struct Related {
  std::vector<T> items;
  std::vector<std::size_t> keys;  ///< Of each item: the place of its key in the query.
  /// Of a way with fields of its own: a `std::vector` of their struct, one for each item.
  std::any links;
};

/// Runs such a statement as the session's dialect has it: ?1 is the keys, ?2 and ?3 the maxima
/// where there are any. Every row goes to `sink`, the place of its key (column `key_column`) to
/// `keys`. Lifetime: everything borrowed lives until the task has ended.
Task<> find_related(db::Session& session, const db::Sql& sql, const RelatedQuery& query,
                    int key_column, std::vector<std::size_t>& keys, db::RowSink sink);
/// The same for an entity with rules about rows; the last parameters are whether the rows may
/// be anybody's, whose they must be else, and for each rule whether it lets the caller in.
Task<> find_related(db::Session& session, const db::Sql& sql, const RelatedQuery& query,
                    int key_column, std::vector<std::size_t>& keys, db::RowSink sink,
                    const AccessRules& rules);

}  // namespace kit::record
