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
class ThreadReaders {
 public:
  explicit ThreadReaders(const SqliteOptions& options) : options_(options) {}

  /// For single statements, opened when it is first asked for.
  Result<Connection*> single();
  /// A connection for one snapshot; a place for it must have been taken.
  Result<std::unique_ptr<Connection>> take();
  void give_back(std::unique_ptr<Connection> connection);

  bool try_take_place();
  void give_place_back();
  void wait(SnapshotWait& waiting) { waiting_.push_back(waiting); }
  /// When the database is closed, while nobody uses it any more.
  void close();

 private:
  const SqliteOptions options_;
  bool closed_ = false;
  std::unique_ptr<Connection> single_;
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
