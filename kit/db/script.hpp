// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/db/sql_tokens.hpp"

namespace kit::db {

/// One statement of a script. Lifetime: the script's.
struct ScriptStatement {
  std::string_view sql;            ///< Without the semicolon.
  std::size_t line = 0;            ///< On which it starts, from 1.
  std::vector<SqlToken> tokens;    ///< Without comments.
  std::vector<SqlToken> comments;  ///< Before and in it, and after it on its last line.

  /// What stands after `kit:<key>` in its comments, in order.
  std::vector<std::string> directives(std::string_view key) const;
  /// Of `-- kit:check [<message>]`: the statement is a query whose rows are what stands in the way
  /// of the migration. Without a message the first column of its first row is the message. Nothing
  /// when it is an ordinary statement.
  std::optional<std::string> check() const;
  /// Of `-- kit:allow <rule>`: whether the author has looked at this and wants it.
  bool allows(std::string_view rule) const;
  std::string first_line() const;
};

/// Splits at semicolons, knowing quotes, comments and the BEGIN ... END of triggers. Fails with
/// `invalid_argument`, "line 3: a quoted text that does not end".
Result<std::vector<ScriptStatement>> split_script(std::string_view script);

/// What stands after `-- <key>: ` in the comments of a whole script, in order: "destructive",
/// "irreversible data". A line that goes on with blanks and text belongs to the one before it.
std::vector<std::string> annotations(std::string_view script, std::string_view key);

}  // namespace kit::db
