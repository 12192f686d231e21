// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"
#include "kit/db/sql.hpp"
#include "kit/record/write.hpp"

namespace kit::record {

/// Runs the INSERT of a row that the database numbers, whose first parameter is the id, null for
/// the next one; `last_id` is the row's. An id that was given keeps the numbering ahead of it, as
/// SQLite and MariaDB do by themselves. Fails as `write` does. Lifetime: everything borrowed lives
/// until the task has ended.
Task<db::Session::Changed> insert(db::Session& session, std::string_view table, const db::Sql& sql,
                                  std::span<const db::Parameter> parameters,
                                  const EntityName& entity, std::span<const Reference> references,
                                  Lookup lookup = Lookup::at_once);

/// The columns that an INSERT of generated code names, in their order. Lifetime: that of `insert`.
std::vector<std::string_view> columns_of(std::string_view insert);

/// Where ids that were given don't keep the numbering of `table` ahead of them (PostgreSQL): does
/// so for `id`.
Task<> move_ahead(db::Session& session, std::string_view table, std::int64_t id);

/// Runs the INSERT of a link between two rows: 1 row, or 0 when it was there already and stayed as
/// it was. Fails as `write` does for broken foreign keys. Lifetime: as with `insert`.
Task<db::Session::Changed> link(db::Session& session, const db::Sql& sql,
                                std::span<const db::Parameter> parameters, const EntityName& entity,
                                std::span<const Reference> references = {});

}  // namespace kit::record
