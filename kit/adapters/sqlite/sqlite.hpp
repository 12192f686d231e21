// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "kit/base/result.hpp"
#include "kit/db/database.hpp"

namespace kit::sqlite {

/// How much of a commit is on the disk when it is answered. Anything but `full` loses acknowledged
/// writes when the power goes.
enum class Synchronous : std::uint8_t { off, normal, full };

struct SqliteOptions {
  /// A file, made with mode 0600 when it is missing. Beside it stand `-wal` and `-shm`. No
  /// ":memory:": readers have connections of their own.
  std::string path = {};
  Synchronous synchronous = Synchronous::full;
  /// How long a write waits for another process that holds the lock.
  std::chrono::milliseconds busy_timeout{5'000};
  /// How long a group of commits is kept open for writers that are expected; a lone writer never
  /// waits.
  std::chrono::microseconds group_window{2'000};
  /// A transaction that holds the writer longer is rolled back.
  std::chrono::milliseconds write_limit{5'000};
  /// A snapshot (`begin_read`) that lives longer is ended: it keeps the log from being reused.
  std::chrono::milliseconds snapshot_limit{60'000};
  /// A single read that runs longer is ended, sooner when its task's deadline is. A write ends with
  /// its transaction; one in `begin_bulk` or `begin_schema` at its task's deadline only.
  std::chrono::milliseconds statement_limit{30'000};
  std::size_t page_cache_kib = 8 * 1024;  ///< For each connection.
  std::size_t cached_statements = 256;    ///< For each connection.
  std::size_t snapshots_per_thread = 4;   ///< More at once wait for each other.
  /// The log is written back into the database when it has grown to this size, and cut when it
  /// has grown to `truncate_log_bytes`.
  std::size_t checkpoint_log_bytes = 4 * 1024 * 1024;
  std::size_t truncate_log_bytes = 64 * 1024 * 1024;
  /// When nothing was written for so long the log is written back and cut, whatever its size.
  std::chrono::milliseconds idle_checkpoint{1'000};
  /// A registered VFS, for tests of power loss; empty: the system's.
  std::string vfs = {};
  /// Called once, on the thread of the writer, when the storage has failed for good and every later
  /// write is refused (see `health`); the place for a log line and an orderly exit.
  std::function<void(const Error&)> on_fatal = {};
  /// Called with the log's size, on the thread of the writer, when it has grown past
  /// `truncate_log_bytes` and can't be cut because somebody still reads an old state of the
  /// database: a snapshot, a backup, another program. At most once in `log_warning_pause`.
  std::function<void(std::uint64_t)> on_log_held = {};
  std::chrono::milliseconds log_warning_pause{60'000};
};

/// Counters since the database was opened.
struct SqliteStats {
  std::uint64_t commits = 0;        ///< Groups made durable.
  std::uint64_t units = 0;          ///< Units of work in them.
  std::uint64_t failed_groups = 0;  ///< Groups of which nothing was kept.
  std::uint64_t checkpoints = 0;    ///< Times the log was written back.
  std::uint64_t held_logs = 0;      ///< Times it could not be, because somebody reads from it.
  std::uint64_t largest_group = 0;  ///< Units.
  std::uint64_t expired = 0;        ///< Transactions rolled back for holding the writer too long.
  std::uint64_t log_bytes = 0;      ///< The log's size at the last commit; 0: it was cut.
  std::chrono::nanoseconds commit_time{0};  ///< Spent in making groups durable.
};

/// SQLite in WAL mode: reads run on the loop's thread that asks, on a connection of that thread;
/// units of work take turns on one writer connection and are made durable in groups by a thread of
/// the database. Thread safety: any thread that runs a loop. Lifetime: longer than its transactions
/// and tasks.
class SqliteDatabase : public db::Database {
 public:
  /// For readiness probes: fails with `resource_exhausted` (DISK_FULL) while the disk is full,
  /// which is tried again every second; with `data_loss` for good once the disk failed to keep what
  /// it had taken (reason STORAGE_FAILED) or the file was found damaged (DATABASE_CORRUPT). Thread
  /// safety: any thread.
  virtual Result<> health() const = 0;
  virtual SqliteStats stats() const = 0;
};

/// Opens or makes the database. Fails with `invalid_argument` (options), `unavailable` (can't be
/// opened, locked), `data_loss` (is no database). Blocks: for the start of a program.
Result<std::unique_ptr<SqliteDatabase>> open(const SqliteOptions& options);

}  // namespace kit::sqlite
