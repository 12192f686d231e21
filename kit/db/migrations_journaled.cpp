// SPDX-License-Identifier: Apache-2.0
// Steps where changes of tables commit by themselves: docs/adr/0027.
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/time.hpp"
#include "kit/db/detail/history.hpp"
#include "kit/db/detail/migration_attempt.hpp"
#include "kit/db/detail/migration_journal.hpp"
#include "kit/db/detail/migration_lock.hpp"
#include "kit/db/migrations.hpp"

namespace kit::db {

Task<std::optional<MigrationStatus>> Migrator::apply_journaled(const Migration& migration,
                                                               const MigrationOptions& options,
                                                               Attempt& attempt) {
  auto script = detail::read_script(migration.up, attempt.place.file, false);
  if (!script) co_return std::move(script).error();
  auto locked = co_await lock(options);
  co_await detail::create_history_table(*locked);
  co_await detail::create_journal(*locked);
  const auto history = co_await applied(*locked);
  if (history.size() >= migration.number) co_return std::nullopt;
  auto journal = co_await detail::read_journal(*locked, database_.dialect());
  const bool fits = !journal || (journal->number == migration.number && !journal->is_down);
  if (history.size() + 1 != migration.number || !fits) {
    co_return detail::race(migration, " can't be applied: another runner undoes a step meanwhile");
  }
  // What is half done was allowed when it began.
  if (!options.allow_destructive && !journal) {
    const auto columns = co_await detail::table_columns(*locked, database_.dialect());
    co_await detail::refuse_losses(std::span(&migration, 1), columns);
  }
  detail::JournalEntry entry;
  entry.number = migration.number;
  if (journal) entry = std::move(*journal);
  attempt.has_begun = true;
  detail::JournaledScript running(database_, *locked, std::move(entry));
  co_await running.take(*script, attempt.place.file);
  auto done = co_await as_result(running.run(*script, attempt.place));
  attempt.statements_done = running.entry().done;
  if (!done) co_return std::move(done).error();
  MigrationStatus status;
  status.number = migration.number;
  status.name = migration.name;
  status.checksum = checksum(migration);
  status.applied_at = Timestamp::now().to_string();
  auto transaction = co_await database_.begin();
  co_await detail::record_applied(*transaction, database_.dialect(), status);
  co_await detail::close_journal(*transaction, running.entry());
  co_await transaction->commit();
  co_await detail::unlock_migrations(*locked, database_.dialect());
  co_await locked->commit();
  co_return std::move(status);
}

Task<> Migrator::undo_journaled(const Migration& migration, const MigrationOptions& options,
                                Attempt& attempt) {
  auto script = detail::read_script(migration.down, attempt.place.file, false);
  if (!script) co_await std::move(script).error();
  auto locked = co_await lock(options);
  co_await detail::create_history_table(*locked);
  co_await detail::create_journal(*locked);
  const auto history = co_await applied(*locked);
  auto journal = co_await detail::read_journal(*locked, database_.dialect());
  const bool is_whole = history.size() == migration.number;
  const bool is_half = history.size() + 1 == migration.number && journal;
  if (!(is_whole || is_half) || (journal && journal->number != migration.number)) {
    co_await detail::race(migration, " is no longer the last one that was applied");
  }
  detail::JournalEntry entry;
  entry.number = migration.number;
  entry.is_down = true;
  // Of a step that is half applied the down script starts anew, and finds what there is.
  entry.is_partial = is_half;
  if (journal && journal->is_down) entry = std::move(*journal);
  attempt.has_begun = true;
  detail::JournaledScript running(database_, *locked, std::move(entry));
  co_await running.take(*script, attempt.place.file);
  auto done = co_await as_result(running.run(*script, attempt.place));
  attempt.statements_done = running.entry().done;
  if (!done) co_await std::move(done).error();
  auto transaction = co_await database_.begin();
  co_await detail::record_undone(*transaction, database_.dialect(), migration.number);
  co_await detail::close_journal(*transaction, running.entry());
  co_await transaction->commit();
  co_await detail::unlock_migrations(*locked, database_.dialect());
  co_await locked->commit();
}

/// Where a step is one transaction an undoing that was interrupted has not happened, or has: here
/// it is brought to its end first.
Task<> Migrator::finish_undoing(const MigrationOptions& options) {
  co_await applied(database_);
  const auto journal = co_await detail::read_journal(database_, database_.dialect());
  if (!journal || !journal->is_down || journal->number > migrations_.size()) co_return;
  const Migration& migration = migrations_[journal->number - 1];
  auto done = co_await as_result(undo(migration, options));
  if (done.ok()) co_return;
  // Another runner has done the same.
  if (done.error().reason() == "MIGRATION_RACE") co_return;
  co_await std::move(done).error();
}

}  // namespace kit::db
