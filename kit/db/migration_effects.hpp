// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "kit/db/script.hpp"

namespace kit::db {

/// What one statement does, as far as reading it tells. Names are in lower case.
struct StatementEffect {
  enum class Kind : std::uint8_t {
    create_table,
    drop_table,
    rename_table,
    add_column,
    drop_column,
    rename_column,
    create_index,
    drop_index,
    create_trigger,
    create_view,
    drop_other,  ///< A view or a trigger.
    insert,
    update,
    erase,  ///< DELETE
    query,
    pragma,
    other
  };
  Kind kind = Kind::other;
  std::string table;                 ///< What it works on.
  std::string name;                  ///< The column, the index, or the table's new name.
  std::string new_name;              ///< Of a renamed column.
  std::vector<std::string> sources;  ///< Tables that an INSERT or CREATE TABLE AS copies from.
  bool has_where = false;            ///< At its own level: also GROUP BY, LIMIT, DISTINCT, JOIN.
  bool is_temporary = false;
  bool is_unique = false;
  /// What of the data would be lost: "the column phone of customers"; "" for nothing.
  std::string lost;
  /// The rule that finds this loss: drop-table, drop-column, delete-all, update-all.
  std::string rule;
};

StatementEffect effect_of(const ScriptStatement& statement);

/// Columns by table, in lower case.
using TableColumns = std::map<std::string, std::set<std::string>, std::less<>>;

/// The effects of a script's statements in order, with what each would lose. Nothing is lost with a
/// table whose rows were copied before it is dropped (a rebuild), with what the script itself made,
/// and where the author says so: `-- kit:allow drop-table`. With `columns`, as they are before the
/// script, a rebuild that leaves one out is found as well.
std::vector<StatementEffect> effects_of(const std::vector<ScriptStatement>& statements,
                                        const TableColumns& columns = {});

/// What a script would lose, a sentence each: its own `-- destructive: ...` lines, else what
/// `effects_of` finds. Empty: nothing.
std::vector<std::string> losses(std::string_view script, const TableColumns& columns = {});

}  // namespace kit::db
