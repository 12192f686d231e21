// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::db {

enum class SqlTokenKind : std::uint8_t {
  word,     ///< A keyword or a plain name.
  name,     ///< A quoted name: "a", `a`, [a].
  text,     ///< 'a'
  number,   ///< Starts with a digit.
  symbol,   ///< One character of anything else.
  comment,  ///< With its marks.
};

/// One token of a script, as written. Lifetime: the script's.
struct SqlToken {
  SqlTokenKind kind = SqlTokenKind::symbol;
  std::string_view text;
  std::size_t line = 1;    ///< From 1.
  std::size_t column = 1;  ///< From 1, in bytes.

  /// Whether it is this keyword, in any case.
  bool is(std::string_view keyword) const;
  bool is(char symbol) const;
  /// What can name a table or a column.
  bool is_name() const { return kind == SqlTokenKind::word || kind == SqlTokenKind::name; }
};

/// Everything but blanks. Fails with `invalid_argument`, "line 3: a quoted text that does not end".
Result<std::vector<SqlToken>> sql_tokens(std::string_view script);

/// The name that a token stands for: without its quotes, ASCII in lower case, as SQLite compares.
std::string sql_name(const SqlToken& token);

}  // namespace kit::db
