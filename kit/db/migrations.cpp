// SPDX-License-Identifier: Apache-2.0
#include "kit/db/migrations.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/failpoint.hpp"
#include "kit/base/sha256.hpp"
#include "kit/base/time.hpp"
#include "kit/db/detail/history.hpp"
#include "kit/db/detail/migration_attempt.hpp"
#include "kit/db/detail/migration_journal.hpp"
#include "kit/db/detail/migration_lock.hpp"
#include "kit/db/detail/run_script.hpp"
#include "kit/db/migration_effects.hpp"

namespace kit::db {
namespace {

using detail::shown;

/// Between two tries to get the lock that another runner holds.
constexpr auto lock_pause = std::chrono::milliseconds(50);

}  // namespace

namespace detail {

Error race(const Migration& migration, std::string_view what) {
  return Error(Code::aborted, shown(migration) + std::string(what)).with_reason("MIGRATION_RACE");
}

Error journal_in_the_way(const JournalEntry& journal, const std::string& file) {
  return Error(Code::failed_precondition,
               "migration " + std::to_string(journal.number) +
                   " is half done, statement by statement: " + file +
                   " has to begin with -- kit:no-transaction, as it did then, or the step is "
                   "undone first: migrate down")
      .with_reason("MIGRATION_EDITED");
}

Patience::Patience(const MigrationOptions& options)
    : began_(Clock::now()), give_up_(began_ + options.lock_timeout) {}

Task<bool> Patience::again(const Error& error) {
  constexpr auto longest_pause = std::chrono::milliseconds(10'000);
  const bool is_passing = error.reason() == "LOCK_TIMEOUT" || error.reason() == "DEADLOCK";
  if (!is_passing || Clock::now() + pause_ >= give_up_) co_return false;
  ++tries_;
  Sleep pause(pause_);
  co_await pause;
  pause_ = std::min(2 * pause_, longest_pause);
  co_return true;
}

Error Patience::told(Error error, const std::string& blockers) const {
  if (error.reason() != "LOCK_TIMEOUT") return error;
  const auto waited = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began_);
  std::string message = error.message() + "; others use the table";
  if (!blockers.empty()) message += ": " + blockers;
  message += ". Tried " + std::to_string(tries_) + " times in " + std::to_string(waited.count()) +
             " s: end them, or run it again when they are done";
  return Error(error.code(), std::move(message))
      .with_reason("LOCK_TIMEOUT")
      .with_cause(std::move(error));
}

Result<> refuse_losses(std::span<const Migration> steps, const TableColumns& columns) {
  std::string text;
  for (const Migration& step : steps) {
    std::string lost;
    for (const std::string& each : losses(step.up, columns))
      lost += (lost.empty() ? "" : "; ") + each;
    if (lost.empty()) continue;
    text += (text.empty() ? "" : ", and ") + shown(step) + " would lose data: " + lost;
  }
  if (text.empty()) return {};
  return Error(Code::failed_precondition,
               text +
                   ". Nothing was applied. Make a backup, then allow it: migrate up "
                   "--allow-destructive")
      .with_reason("MIGRATION_DESTRUCTIVE");
}

}  // namespace detail

std::string checksum(const Migration& migration) {
  return sha256_hex(migration.up);
}

Migrator::Migrator(Database& database, std::span<const Migration> migrations)
    : database_(database),
      migrations_(migrations_for(database.dialect(), migrations)),
      are_others_(migrations_.empty() && !migrations.empty()) {}

/// SQL for one database does on another what nobody wants.
Result<> Migrator::check_steps() const {
  if (!are_others_) return check_migrations(migrations_);
  const std::string dialect(name(database_.dialect()));
  return Error(Code::failed_precondition, "the program has no migrations for " + dialect +
                                              ": kitgen generate --add-database " + dialect +
                                              " writes them into migrations/" + dialect +
                                              "; then build the program again")
      .with_reason("MIGRATIONS_MISSING");
}

/// The checked history, read in `session`.
Task<std::vector<MigrationStatus>> Migrator::applied(Session& session) {
  co_await check_steps();
  auto history = co_await detail::read_history(session, database_.dialect());
  auto fits = detail::check_history(history, migrations_);
  if (!fits) co_return std::move(fits).error();
  co_return std::move(history);
}

std::vector<MigrationStatus> Migrator::with_pending(std::vector<MigrationStatus> history) const {
  for (std::size_t i = history.size(); i < migrations_.size(); ++i) {
    MigrationStatus pending;
    pending.number = migrations_[i].number;
    pending.name = migrations_[i].name;
    pending.checksum = checksum(migrations_[i]);
    history.push_back(std::move(pending));
  }
  return history;
}

Task<std::vector<MigrationStatus>> Migrator::status() {
  auto history = co_await applied(database_);
  co_return with_pending(std::move(history));
}

Task<MigrationReport> Migrator::report() {
  co_await check_steps();
  MigrationReport report;
  report.steps = co_await detail::read_history(database_, database_.dialect());
  auto failures = co_await detail::read_failures(database_, database_.dialect());
  auto fits = detail::check_history(report.steps, migrations_);
  if (!fits) report.problem = std::move(fits).error();
  for (auto& step : report.steps) {
    auto now = std::ranges::find(migrations_, step.number, &Migration::number);
    step.is_edited = now != migrations_.end() && checksum(*now) != step.checksum;
  }
  report.steps = with_pending(std::move(report.steps));
  for (auto& failure : failures) {
    auto step = std::ranges::find(report.steps, failure.number, &MigrationStatus::number);
    if (step != report.steps.end()) step->failure = std::move(failure);
  }
  const auto journal = co_await detail::read_journal(database_, database_.dialect());
  if (journal) {
    auto step = std::ranges::find(report.steps, journal->number, &MigrationStatus::number);
    MigrationProgress progress;
    progress.is_down = journal->is_down;
    progress.statements_done = journal->done;
    progress.statements = journal->statements;
    if (step != report.steps.end()) step->progress = progress;
  }
  co_return std::move(report);
}

Task<std::vector<Migration>> Migrator::plan() {
  auto history = co_await applied(database_);
  co_return std::vector<Migration>(
      migrations_.begin() + static_cast<std::ptrdiff_t>(history.size()), migrations_.end());
}

Task<std::vector<MigrationStatus>> Migrator::up(MigrationOptions options) {
  if (database_.dialect() != Dialect::sqlite) co_await finish_undoing(options);
  auto pending = co_await plan();
  if (options.to) {
    std::erase_if(pending, [&](const Migration& step) { return step.number > *options.to; });
  }
  const TableColumns tables = co_await detail::table_columns(database_, database_.dialect());
  // Where there is nothing yet, a history with losses in it loses nothing.
  if (tables.empty()) options.allow_destructive = true;
  if (!options.allow_destructive) {
    const TableColumns not_yet_known;
    // One that is half done was allowed when it began.
    const auto journal = co_await detail::read_journal(database_, database_.dialect());
    const std::size_t begun =
        journal && !pending.empty() && journal->number == pending.front().number ? 1 : 0;
    co_await detail::refuse_losses(std::span(pending).subspan(begun), not_yet_known);
  }
  std::vector<MigrationStatus> done;
  for (const auto& migration : pending) {
    auto status = co_await apply(migration, options);
    if (status) done.push_back(std::move(*status));
  }
  co_return std::move(done);
}

/// A transaction that nobody else's can be beside, whoever is at work now.
Task<std::unique_ptr<Transaction>> Migrator::lock(const MigrationOptions& options) {
  const auto give_up = Clock::now() + options.lock_timeout;
  std::string holder;
  for (bool told = false;; told = true) {
    auto transaction = co_await as_result(database_.begin_schema());
    if (transaction.ok()) {
      Transaction& session = *transaction.value();
      const bool locked = co_await detail::try_lock_migrations(session, database_.dialect());
      if (locked) {
        co_await detail::limit_waits(session, database_.dialect(), options.table_wait);
        co_return std::move(transaction).value();
      }
      const bool is_last = Clock::now() >= give_up;
      if (is_last) holder = co_await detail::lock_holder(session, database_.dialect());
    } else if (transaction.error().reason() != "DATABASE_BUSY") {
      co_return std::move(transaction).error();
    }
    if (Clock::now() >= give_up) break;
    if (!told && options.on_wait) options.on_wait();
    Sleep pause(lock_pause);
    co_await pause;
  }
  const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(options.lock_timeout);
  co_return Error(Code::unavailable,
                  "another runner or program still writes to the database after " +
                      format_duration(waited) + (holder.empty() ? "" : " (" + holder + ")") +
                      "; it may need longer: --lock-timeout")
      .with_reason("MIGRATION_LOCKED");
}

/// Nothing when another runner was faster.
Task<std::optional<MigrationStatus>> Migrator::apply(const Migration& migration,
                                                     const MigrationOptions& options) {
  detail::Patience patience(options);
  while (true) {
    Attempt attempt;
    attempt.place.file = shown(migration);
    auto done = co_await as_result(apply_once(migration, options, attempt));
    if (done.ok()) co_return std::move(done).value();
    Error error = std::move(done).error();
    const bool again = co_await patience.again(error);
    if (again) continue;
    error = patience.told(std::move(error), attempt.blockers);
    co_await remember(migration, attempt, error);
    co_return std::move(error);
  }
}

Task<std::optional<MigrationStatus>> Migrator::apply_once(const Migration& migration,
                                                          const MigrationOptions& options,
                                                          Attempt& attempt) {
  auto script = detail::read_script(migration.up, attempt.place.file, database_.dialect());
  if (!script) co_return std::move(script).error();
  if (!database_.has_transactional_schema() || detail::is_without_transaction(*script))
    co_return co_await apply_journaled(migration, options, attempt);
  auto transaction = co_await lock(options);
  // Read again under the lock.
  auto history = co_await applied(*transaction);
  if (history.size() >= migration.number) co_return std::nullopt;
  if (history.size() + 1 != migration.number) {
    co_return detail::race(migration, " can't be applied: another runner undid a step before it");
  }
  if (!options.allow_destructive) {
    const auto columns = co_await detail::table_columns(*transaction, database_.dialect());
    co_await detail::refuse_losses(std::span(&migration, 1), columns);
  }
  const auto journal = co_await detail::read_journal(*transaction, database_.dialect());
  if (journal) co_return detail::journal_in_the_way(*journal, attempt.place.file);
  attempt.has_begun = true;
  co_await KIT_FAILPOINT_RESULT("migration.before_step");
  Task<> running = detail::run_script(*transaction, database_.dialect(), *script, attempt.place);
  co_await detail::run_watched(database_, *transaction, attempt.blockers, std::move(running));
  MigrationStatus status;
  status.number = migration.number;
  status.name = migration.name;
  status.checksum = checksum(migration);
  status.applied_at = Timestamp::now().to_string();
  co_await detail::create_history_table(*transaction);
  co_await detail::record_applied(*transaction, database_.dialect(), status);
  co_await KIT_FAILPOINT_RESULT("migration.before_commit");
  auto durable = co_await as_result(transaction->commit());
  KIT_FAILPOINT("migration.after_commit");
  if (!durable) co_return detail::located(std::move(durable).error(), attempt.place.file, 1);
  co_return std::move(status);
}

/// Writes down what failed, so that `report` shows it; where that fails too, `error` says so.
Task<> Migrator::remember(const Migration& migration, const Attempt& attempt, Error& error) {
  if (!attempt.has_begun) co_return;
  MigrationFailure failure;
  failure.number = migration.number;
  failure.is_down = attempt.is_down;
  failure.file = attempt.place.file;
  failure.line = attempt.place.line;
  failure.statement = attempt.place.statement;
  failure.error = error.message();
  failure.failed_at = Timestamp::now().to_string();
  failure.statements_done = attempt.statements_done;
  auto noted = co_await as_result(detail::record_failure(database_, failure));
  if (noted.ok()) co_return;
  Code code = error.code();
  std::string reason = error.reason();
  std::string message =
      error.message() + "; and the database could not keep that: " + noted.error().message();
  error =
      Error(code, std::move(message)).with_reason(std::move(reason)).with_cause(std::move(error));
}

/// The last `steps`, newest first; one that is half applied is the newest.
Task<std::vector<MigrationStatus>> Migrator::to_undo(std::uint32_t steps) {
  auto history = co_await applied(database_);
  std::vector<MigrationStatus> newest;
  const auto journal = co_await detail::read_journal(database_, database_.dialect());
  if (journal && journal->number == history.size() + 1 && journal->number <= migrations_.size()) {
    MigrationStatus half;
    half.number = journal->number;
    half.name = migrations_[half.number - 1].name;
    half.checksum = checksum(migrations_[half.number - 1]);
    history.push_back(std::move(half));
  }
  while (newest.size() < steps && !history.empty()) {
    newest.push_back(std::move(history.back()));
    history.pop_back();
  }
  co_return std::move(newest);
}

Task<std::vector<MigrationStatus>> Migrator::down(std::uint32_t steps, MigrationOptions options) {
  auto newest = co_await to_undo(steps);
  for (const MigrationStatus& entry : newest) {
    const auto& migration = migrations_[entry.number - 1];
    auto script = split_script(migration.down);
    if (script.ok() && !script->empty()) continue;
    co_return Error(Code::failed_precondition,
                    shown(migration) + " can't be undone: it has no down script")
        .with_reason("MIGRATION_IRREVERSIBLE");
  }
  for (const MigrationStatus& entry : newest) co_await undo(migrations_[entry.number - 1], options);
  co_return std::move(newest);
}

Task<> Migrator::undo(const Migration& migration, const MigrationOptions& options) {
  detail::Patience patience(options);
  while (true) {
    Attempt attempt;
    attempt.is_down = true;
    attempt.place.file = migration.down_file.empty() ? shown(migration) : migration.down_file;
    auto done = co_await as_result(undo_once(migration, options, attempt));
    if (done.ok()) co_return;
    Error error = std::move(done).error();
    const bool again = co_await patience.again(error);
    if (again) continue;
    error = patience.told(std::move(error), attempt.blockers);
    co_await remember(migration, attempt, error);
    co_await std::move(error);
  }
}

Task<> Migrator::undo_once(const Migration& migration, const MigrationOptions& options,
                           Attempt& attempt) {
  auto script = detail::read_script(migration.down, attempt.place.file, database_.dialect());
  if (!script) co_await std::move(script).error();
  // What is half done has to be undone as it was done.
  const auto journal = co_await detail::read_journal(database_, database_.dialect());
  const bool is_journaled =
      !database_.has_transactional_schema() || journal || detail::is_without_transaction(*script);
  if (is_journaled) {
    co_await undo_journaled(migration, options, attempt);
    co_return;
  }
  auto transaction = co_await lock(options);
  auto history = co_await applied(*transaction);
  if (history.size() != migration.number) {
    co_await detail::race(migration, " is no longer the last one that was applied");
  }
  attempt.has_begun = true;
  Task<> running = detail::run_script(*transaction, database_.dialect(), *script, attempt.place);
  co_await detail::run_watched(database_, *transaction, attempt.blockers, std::move(running));
  co_await detail::record_undone(*transaction, database_.dialect(), migration.number);
  auto durable = co_await as_result(transaction->commit());
  if (!durable) co_await detail::located(std::move(durable).error(), attempt.place.file, 1);
}

}  // namespace kit::db
