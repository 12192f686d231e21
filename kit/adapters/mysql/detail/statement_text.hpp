// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::mysql::detail {

/// How the server has to be told a whole number: it does not say what type it expects.
enum class Temporal : std::uint8_t { none, timestamp, date, time };

/// One `?` of the text that the server sees.
struct Place {
  std::size_t parameter = 0;       ///< From 0.
  Temporal cast = Temporal::none;  ///< Of `CAST(?1 AS DATETIME(6))`.
  std::string table;               ///< The table or alias of `column`, when it is named.
  std::string column;              ///< What the place is compared with or stored in; "" for none.
};

/// What the adapter knows of a statement.
struct StatementText {
  std::string sql;              ///< With `?` for `?1`.
  std::vector<Place> places;    ///< In their order.
  std::size_t parameters = 0;   ///< How many the caller has to give.
  bool is_read = false;         ///< Nothing it does outlasts it.
  bool changes_schema = false;  ///< It ends a transaction, and commits by itself.
  std::string target;           ///< The table that it writes to.
  /// Tables that it names, each with the name it goes by in this statement.
  struct Table {
    std::string name;
    std::string alias;
  };
  std::vector<Table> tables;
};

/// Translates `?1` to `?`, aware of literals and comments, and finds out which columns the
/// parameters meet: `c = ?1`, `?1 < t.c`, `c IN (?1, ?2)`, `c BETWEEN ?1 AND ?2`, `(a, b) > (?1,
/// ?2)`, `INSERT INTO t (a, b) VALUES (?1, ?2)` and `... SELECT ?1, ?2`. Names are in lower case.
/// Fails with `internal`: a `?` without a number, a number past 1 000.
Result<StatementText> read_statement(std::string_view sql);

}  // namespace kit::mysql::detail
