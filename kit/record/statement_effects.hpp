// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// Which cached rows a statement may change, found out from its text: code that somebody writes by
/// hand can't forget to say so. What is not understood counts as a change of every row.
namespace kit::record {

/// An entity whose rows are cached: a constant of generated code.
struct CachedTable {
  std::string_view table;  ///< "customers"
  /// Tables whose rows take rows of this one with them or change them when they are deleted (ON
  /// DELETE), over others too.
  std::span<const std::string_view> changed_by_deletes_of = {};
  std::chrono::milliseconds time_to_live{60'000};
  std::chrono::milliseconds negative_time_to_live{0};
  std::size_t max_rows = 10'000;
};

/// One table and what becomes of its rows.
struct Effect {
  std::size_t table = 0;  ///< Among the cached tables.
  /// The parameter (from 1) that is the id of the only row; where it is null a new row gets the id
  /// that the database says. Nothing: all rows.
  std::optional<std::size_t> id_parameter;
};

/// Reads are no effect. Cost: microseconds; keep it for texts that come again.
std::vector<Effect> effects_of(std::string_view sql, std::span<const CachedTable> tables);

}  // namespace kit::record
