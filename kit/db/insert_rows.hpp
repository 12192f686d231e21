// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "kit/db/database.hpp"

namespace kit::db {

/// `INSERT INTO "t" ("a", "b") VALUES (?1, ?2), (?3, ?4)`, the names quoted.
std::string insert_text(std::string_view table, std::span<const std::string_view> columns,
                        std::size_t rows);
/// `"a", "b"`, quoted.
std::string name_list(std::span<const std::string_view> names);
std::string quoted_name(std::string_view name);

/// What `Transaction::insert_rows` is where there is no faster way: INSERTs of many rows each.
Task<std::int64_t> insert_rows_by_statements(Session& session, std::string_view table,
                                             std::span<const std::string_view> columns,
                                             RowSource next);

/// One more row of `columns` parameters into `row`; false: there is none. Fails with `internal` for
/// another number of them.
Result<bool> next_row(RowSource next, std::size_t columns, std::vector<Parameter>& row);

}  // namespace kit::db
