// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kit/adapters/sqlite/detail/statement_cache.hpp"
#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/base/time.hpp"

namespace kit::sqlite::detail {

/// What became of a statement. `code` is SQLite's own; SQLITE_OK (0) when it did what it should or
/// when the sink ended it.
struct Outcome {
  Result<db::Session::Changed> result;
  int code = 0;
  bool rows_seen = false;  ///< The sink was called: the statement can't be tried again.
};

/// When a statement is interrupted. Interrupting one that writes makes SQLite roll back the whole
/// transaction, others' work included, so the two are told apart.
struct Limits {
  Clock::time_point now = Clock::time_point::min();  ///< When the statement starts.
  Clock::time_point read = Clock::time_point::max();
  Clock::time_point write = Clock::time_point::max();
  /// For statements of our own.
  static Limits none() { return {}; }
};

/// One connection, set up as hardening asks. Thread safety: one user at a time; who that is may
/// change from thread to thread.
class Connection {
 public:
  enum class Kind : std::uint8_t { writer, reader };
  static Result<std::unique_ptr<Connection>> open(const SqliteOptions& options, Kind kind);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Runs one statement to its end. `sink` null: rows are passed over. Fails with
  /// `deadline_exceeded` at the limit; not begun when it has passed already.
  Outcome run(std::string_view sql, std::span<const db::Parameter> parameters,
              const db::RowSink* sink, Limits limits);
  /// One without parameters, of our own: COMMIT.
  Outcome control(std::string_view sql) { return run(sql, {}, nullptr, Limits::none()); }
  /// The first column of the last row of a query of our own; empty when it failed.
  std::string text(std::string_view sql);
  /// False inside BEGIN ... COMMIT; true again when SQLite rolled back by itself.
  bool autocommit() const;
  /// Whether foreign keys that are checked at the end are violated now.
  bool has_deferred_violations() const;
  /// Size of the log after the last commit.
  std::uint64_t log_bytes() const { return log_bytes_; }
  /// Writes the log back; cuts the file too when `truncate`. Yields whether all of it was written
  /// back, which readers may prevent.
  Result<bool> checkpoint(bool truncate, int& code);
  const StatementCache& statements() const { return statements_; }

 private:
  Connection(sqlite3* database, std::size_t cached_statements);
  Result<> configure(const SqliteOptions& options, Kind kind);
  int setup(const std::string& script);
  static int on_progress(void* self);
  static int on_log(void* self, sqlite3* database, const char* name, int frames);

  sqlite3* database_;
  StatementCache statements_;
  Clock::time_point limit_ = Clock::time_point::max();
  std::uint64_t log_bytes_ = 0;
  std::uint64_t page_bytes_ = 4096;
};

/// The deadline of the task that runs `now`, in real time, whatever clock the loop has.
Clock::time_point task_deadline(Clock::time_point now);

/// Of a statement that starts now: it ends at its task's deadline, at most `longest` from now.
Limits statement_limits(std::chrono::milliseconds longest);

/// Fails with why the task that runs now was cancelled, if it was.
Result<> refuse_cancelled();

}  // namespace kit::sqlite::detail
