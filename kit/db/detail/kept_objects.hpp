// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"
#include "kit/db/script.hpp"

namespace kit::db::detail {

/// A trigger, an index or a view, as the catalogue keeps it.
struct SchemaObject {
  std::string type;
  std::string name;
  std::string table;  ///< In lower case.
  std::string sql;
};

/// Keeps what people made by hand through a table that a script writes anew. SQLite drops the
/// triggers and indexes of the old table with it, and renames no table into its place while a view
/// or a trigger elsewhere names the one that is gone. What a script drops by name stays away, and
/// what it makes itself is left as it made it. Other dialects write no table anew: nothing is done.
class KeptObjects {
 public:
  explicit KeptObjects(std::string_view dialect) : is_wanted_(dialect == "sqlite") {}

  /// Around each statement of a script.
  Task<> before(Session& session, const ScriptStatement& statement);
  Task<> after(Session& session);
  /// At its end. Fails with `failed_precondition`, reason MIGRATION_OBJECT_LOST, naming what can't
  /// be made again, or a view or trigger that the tables as they are now leave without sense.
  Task<> restore(Session& session);

 private:
  Task<> put_away(Session& session, const std::string& table, const std::string& draft);

  bool is_wanted_;
  std::set<std::string> dropped_;     ///< Tables.
  std::vector<SchemaObject> gone_;    ///< With their tables, oldest first.
  std::vector<SchemaObject> put_by_;  ///< Until the statement is done.
};

}  // namespace kit::db::detail
