// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/db/detail/run_script.hpp"
#include "kit/db/migrations.hpp"

/// The journal of a step whose statements commit one by one (docs/adr/0027, 0037): the table
/// `kit_migration_journal` has a row while a step is half done, and says which of its statements
/// are in the database.
namespace kit::db::detail {

struct JournalEntry {
  std::uint32_t number = 0;
  bool is_down = false;
  /// Of a step that never became whole: what its down script does not find is left out.
  bool is_partial = false;
  std::size_t statements = 0;
  std::size_t done = 0;
  std::string done_checksum;  ///< Of those that are done.
  /// How the tables were before the next statement, when that may have run, else empty: a
  /// fingerprint of all, or the state of the index that is built beside the writers.
  std::string before;
  std::string runner;  ///< Who may go on.
};

/// On a session that commits statement by statement.
Task<> create_journal(Session& session, Dialect dialect);
Task<std::optional<JournalEntry>> read_journal(Session& session, Dialect dialect);

/// Runs what of a script is not in the database yet, statement by statement. Each that a
/// transaction can hold is one with its mark in the journal; each that commits by itself is marked
/// before and after. `session` commits statement by statement. Lifetime: all of it outlives this.
class JournaledScript {
 public:
  JournaledScript(Database& database, Session& session, JournalEntry entry)
      : database_(database), session_(session), entry_(std::move(entry)) {}
  /// How long a statement waits for a table that others use.
  void limit_waits(std::chrono::milliseconds table_wait) { table_wait_ = table_wait; }

  /// Takes the step over, or begins it. Fails with MIGRATION_EDITED when statements that are in the
  /// database are not those of the script any more.
  Task<> take(const std::vector<ScriptStatement>& statements, const std::string& file);
  /// Fails as `run_script`, and with MIGRATION_RACE when another runner has taken over.
  Task<> run(const std::vector<ScriptStatement>& statements, ScriptPlace& place);
  const JournalEntry& entry() const { return entry_; }

 private:
  Task<> settle();
  Task<> run_one(const ScriptStatement& statement);
  Task<> change_rows(const ScriptStatement& statement);
  Task<> change_tables(const ScriptStatement& statement);
  Task<> build_index(const ScriptStatement& statement);
  bool fits_transaction(const ScriptStatement& statement) const;
  Task<> advance(Session& session, const std::vector<ScriptStatement>& statements);
  Task<> mark(Session& session, std::size_t done, std::string checksum, std::string before);

  Database& database_;
  Session& session_;
  std::chrono::milliseconds table_wait_{0};
  JournalEntry entry_;
  const std::vector<ScriptStatement>* statements_ = nullptr;
};

/// In the transaction of the step's row of history.
Task<> close_journal(Session& session, const JournalEntry& entry);

}  // namespace kit::db::detail
