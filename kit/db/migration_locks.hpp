// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kit/db/dialect.hpp"
#include "kit/db/script.hpp"

namespace kit::db {

/// What a statement of a server's migration keeps others from, and what it has to do meanwhile.
struct TableLock {
  enum class Stops : std::uint8_t {
    nobody,
    schema,   ///< Other changes of the table only.
    writers,  ///< Reads go on.
    all,
  };
  std::string table;  ///< In lower case.
  Stops stops = Stops::nobody;
  std::string lock;       ///< "ACCESS EXCLUSIVE"; as the server calls it.
  std::string_view work;  ///< "rewrite", "index", "check"; "" for a moment's.
  /// The rule of `kitgen migrate lint` against it where the table has many rows; "" for none.
  std::string_view rule;
  std::string_view remedy;  ///< Of the rule.
};

/// As far as reading the statement tells; nothing on SQLite, which has one lock.
std::vector<TableLock> table_locks(const ScriptStatement& statement, Dialect dialect);

}  // namespace kit::db
