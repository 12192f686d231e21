// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "kit/adapters/sqlite/detail/connection.hpp"
#include "kit/async/intrusive_list.hpp"
#include "kit/async/operation.hpp"

namespace kit::sqlite::detail {

class SnapshotWait;

/// The reading connections of one thread. Thread safety: that thread's.
///
/// A read transaction costs SQLite as much as a short statement, with system calls for its locks.
/// So from the second one on the single statements of one turn of the loop share a transaction,
/// which ends with the turn. It also ends before a statement that could miss something: when a
/// group has become durable since it began, so that a write that was answered is always seen.
class ThreadReaders final : private Ready {
 public:
  explicit ThreadReaders(const SqliteOptions& options) : options_(options) {}

  /// Runs a single statement, on a connection that is opened when it is first needed.
  /// `durable_groups`: the writer's, now.
  Outcome run(std::string_view sql, std::span<const db::Parameter> parameters,
              const db::RowSink& sink, Limits limits, std::uint64_t durable_groups);
  /// A connection for one snapshot; a place for it must have been taken.
  Result<std::unique_ptr<Connection>> take();
  void give_back(std::unique_ptr<Connection> connection);

  bool try_take_place();
  void give_place_back();
  void wait(SnapshotWait& waiting) { waiting_.push_back(waiting); }
  /// When the database is closed, while nobody uses it any more.
  void close();

 private:
  void on_ready() override;
  /// Begins or ends the shared transaction, as the next statement needs it.
  void share_read(std::uint64_t durable_groups);
  void end_shared_read();

  const SqliteOptions options_;
  std::mutex closing_;  // held by what may run while the database is closed on another thread
  bool closed_ = false;
  std::unique_ptr<Connection> single_;
  Clock::time_point last_turn_ = Clock::time_point::min();  // of the last single statement
  bool shares_read_ = false;
  std::uint64_t groups_in_read_ = 0;  // durable when the shared transaction began
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t places_taken_ = 0;
  IntrusiveList<SnapshotWait, struct SnapshotTag> waiting_;
};

/// Waits until this thread may have one more snapshot. Having got a place it keeps it until
/// `release`d to the snapshot.
class SnapshotWait final : public Operation<void>, public ListNode<struct SnapshotTag> {
 public:
  explicit SnapshotWait(std::shared_ptr<ThreadReaders> readers) : readers_(std::move(readers)) {}
  ~SnapshotWait();
  void grant();
  /// The place is the caller's now.
  void release() { granted_ = false; }

 private:
  void start() override;
  void detach() override;

  std::shared_ptr<ThreadReaders> readers_;
  bool granted_ = false;
};

/// Finds the readers of the current thread. They end with the thread or the database, whichever is
/// first. Thread safety: any thread.
class ReaderPool : public std::enable_shared_from_this<ReaderPool> {
 public:
  explicit ReaderPool(const SqliteOptions& options);
  ~ReaderPool();
  std::shared_ptr<ThreadReaders> here();

 private:
  friend struct ThreadRegistry;
  void remove(const ThreadReaders* readers);

  const SqliteOptions options_;
  const std::uint64_t id_;  // never used again, unlike an address
  std::mutex mutex_;
  std::vector<std::shared_ptr<ThreadReaders>> threads_;
};

}  // namespace kit::sqlite::detail
