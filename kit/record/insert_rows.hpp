// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/db/database.hpp"
#include "kit/record/history.hpp"
#include "kit/record/parameters.hpp"
#include "kit/record/write.hpp"

namespace kit::record {

/// A table that rows are added to by many at a time: a constant of generated code.
struct RowTable {
  std::string_view name;  ///< "tracks"
  /// The INSERT of one row, which says the columns: "id" is the first.
  std::string_view insert;
  std::span<const Reference> references = {};
  const Audited* audited = nullptr;  ///< Null: its rows have no history.
  bool has_versions = false;
};

/// Hands out the parameters of the row with this place. Lifetime of what it yields: until the next
/// call.
using RowParameters = FunctionRef<Result<std::span<const db::Parameter>>(std::size_t row)>;

/// Adds rows as `insert` (or `write`, where ids are not numbers) does for each of them, and what
/// their history says. A history needs ids that are given: null is for tables without one only.
/// Fails as the database does, without saying which row it was, or as `write` does for references
/// to deleted rows; only a roll-back is possible then. Lifetime: everything until it has ended.
Task<> insert_rows(db::Transaction& unit, const RowTable& table, std::size_t rows,
                   RowParameters parameters);

/// The same for entities: `start` sets what every new row begins with.
template <std::size_t N, class Entity>
Task<> insert_entities(db::Transaction& unit, const RowTable& table, std::span<Entity> entities,
                       void (*start)(Entity&), void (*bind)(ParameterWriter&, const Entity&)) {
  for (Entity& entity : entities) start(entity);
  std::optional<Parameters<N>> bound;
  auto bind_row = [&](std::size_t row) -> Result<std::span<const db::Parameter>> {
    bind(bound.emplace(), entities[row]);
    KIT_TRY(bound->status());
    return bound->span();
  };
  Task<> inserting = insert_rows(unit, table, entities.size(), bind_row);
  co_await std::move(inserting);
}

}  // namespace kit::record
