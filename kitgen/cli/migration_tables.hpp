// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kit/db/migration_effects.hpp"

namespace kitgen::cli {

/// A column that refers to another table, and where that is written.
struct Reference {
  std::string column;
  kit::db::SqlToken place;
};

/// What lint has to know about a table, read from SQL.
struct LintTable {
  bool is_sequence = false;  ///< AUTOINCREMENT
  bool is_strict = false;
  std::set<std::string> columns;
  std::map<std::string, std::vector<std::string>> indexes;  ///< The columns of each.
  std::set<std::string> triggers;
  std::set<std::string> led;  ///< Columns that an index or key begins with.
  std::vector<Reference> references;
};

/// The columns that refer to another table, and those that a key leads, of a CREATE TABLE.
LintTable read_table(const kit::db::ScriptStatement& statement);
/// The same of ALTER TABLE ... ADD COLUMN.
std::vector<Reference> added_references(const kit::db::ScriptStatement& statement,
                                        const std::string& column);
/// The columns of a CREATE INDEX; "" for an expression.
std::vector<std::string> index_columns(const kit::db::ScriptStatement& statement);

/// Whether a statement is about a table that begins with kit_, besides those that a rebuild uses
/// and the making of those that kitgen generates itself.
bool is_library_table(const kit::db::StatementEffect& effect);

inline constexpr std::string_view lint_to_mark =
    "write what is lost on top of the file, -- destructive: ..., so that up asks before it";

}  // namespace kitgen::cli
