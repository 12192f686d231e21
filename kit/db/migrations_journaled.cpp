// SPDX-License-Identifier: Apache-2.0
// Steps whose statements commit one by one: docs/adr/0027, 0037.
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/time.hpp"
#include "kit/db/detail/history.hpp"
#include "kit/db/detail/migration_attempt.hpp"
#include "kit/db/detail/migration_journal.hpp"
#include "kit/db/detail/migration_lock.hpp"
#include "kit/db/migrations.hpp"

namespace kit::db {

/// The lock of PostgreSQL is a transaction's, which waits beside the session that does the work.
Task<std::unique_ptr<Migrator::Held>> Migrator::hold(const MigrationOptions& options) {
  auto held = std::make_unique<Held>();
  held->lock = co_await lock(options);
  if (database_.has_transactional_schema()) held->apart = co_await database_.begin_autocommit();
  Session& session = held->session();
  co_await detail::create_history_table(session);
  co_await detail::create_journal(session, database_.dialect());
  co_return std::move(held);
}

Task<std::optional<MigrationStatus>> Migrator::apply_journaled(const Migration& migration,
                                                               const MigrationOptions& options,
                                                               Attempt& attempt) {
  auto script = detail::read_script(migration.up, attempt.place.file, database_.dialect());
  if (!script) co_return std::move(script).error();
  auto held = co_await hold(options);
  Session& session = held->session();
  const auto history = co_await applied(session);
  if (history.size() >= migration.number) co_return std::nullopt;
  auto journal = co_await detail::read_journal(session, database_.dialect());
  const bool fits = !journal || (journal->number == migration.number && !journal->is_down);
  if (history.size() + 1 != migration.number || !fits) {
    co_return detail::race(migration, " can't be applied: another runner undoes a step meanwhile");
  }
  // What is half done was allowed when it began.
  if (!options.allow_destructive && !journal) {
    const auto columns = co_await detail::table_columns(session, database_.dialect());
    co_await detail::refuse_losses(std::span(&migration, 1), columns);
  }
  detail::JournalEntry entry;
  entry.number = migration.number;
  if (journal) entry = std::move(*journal);
  attempt.has_begun = true;
  detail::JournaledScript running(database_, session, std::move(entry));
  running.limit_waits(options.table_wait);
  co_await running.take(*script, attempt.place.file);
  Task<> work = running.run(*script, attempt.place);
  auto done = co_await as_result(
      detail::run_watched(database_, session, attempt.blockers, std::move(work)));
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
  co_await detail::unlock_migrations(*held->lock, database_.dialect());
  co_await held->lock->commit();
  co_return std::move(status);
}

Task<> Migrator::undo_journaled(const Migration& migration, const MigrationOptions& options,
                                Attempt& attempt) {
  auto script = detail::read_script(migration.down, attempt.place.file, database_.dialect());
  if (!script) co_await std::move(script).error();
  auto held = co_await hold(options);
  Session& session = held->session();
  const auto history = co_await applied(session);
  auto journal = co_await detail::read_journal(session, database_.dialect());
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
  detail::JournaledScript running(database_, session, std::move(entry));
  running.limit_waits(options.table_wait);
  co_await running.take(*script, attempt.place.file);
  Task<> work = running.run(*script, attempt.place);
  auto done = co_await as_result(
      detail::run_watched(database_, session, attempt.blockers, std::move(work)));
  attempt.statements_done = running.entry().done;
  if (!done) co_await std::move(done).error();
  auto transaction = co_await database_.begin();
  co_await detail::record_undone(*transaction, database_.dialect(), migration.number);
  co_await detail::close_journal(*transaction, running.entry());
  co_await transaction->commit();
  co_await detail::unlock_migrations(*held->lock, database_.dialect());
  co_await held->lock->commit();
}

/// Where a step is one transaction an undoing that was interrupted has not happened, or has: where
/// it is not, it is brought to its end first.
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
