// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "kit/base/time.hpp"
#include "kit/db/detail/migration_journal.hpp"
#include "kit/db/detail/run_script.hpp"
#include "kit/db/migrations.hpp"

namespace kit::db {

struct Migrator::Attempt {
  bool is_down = false;
  bool has_begun = false;           ///< Statements of it may have run.
  std::size_t statements_done = 0;  ///< That stay.
  detail::ScriptPlace place = {};
  std::string blockers;  ///< Sessions that kept the statement waiting; "" for none.
};

/// What a step holds while it runs.
struct Migrator::Held {
  std::unique_ptr<Transaction> lock;
  std::unique_ptr<Transaction> apart;  ///< Where statements commit one by one beside the lock.
  Session& session() { return apart ? *apart : *lock; }
};

namespace detail {

/// Tries again for as long as a step only had to wait for a table that others use. Between two
/// tries nothing is held, so that those behind it get their turn.
class Patience {
 public:
  explicit Patience(const MigrationOptions& options);
  /// Whether to try again, after a pause that grows.
  Task<bool> again(const Error& error);
  /// What is to be said at the end.
  Error told(Error error, const std::string& blockers) const;

 private:
  const Clock::time_point began_;
  const Clock::time_point give_up_;
  std::chrono::milliseconds pause_{250};
  int tries_ = 1;
};

/// Another runner was at work at the same time.
Error race(const Migration& migration, std::string_view what);
/// A step whose script says now that it is one transaction was begun without.
Error journal_in_the_way(const JournalEntry& journal, const std::string& file);
/// Fails when one of the steps would lose data.
Result<> refuse_losses(std::span<const Migration> steps, const TableColumns& columns);

}  // namespace detail
}  // namespace kit::db
