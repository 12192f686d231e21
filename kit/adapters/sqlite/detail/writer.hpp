// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "kit/adapters/sqlite/detail/connection.hpp"
#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/async/operation.hpp"

namespace kit::sqlite::detail {

class Writer;

/// What kind of work a unit is: `ordinary` ones share groups, the others are alone in theirs.
enum class Work : std::uint8_t { ordinary, bulk, schema };

/// A wait of a unit's task, woken on its loop's thread.
class UnitWait {
 public:
  virtual void wake() = 0;

 protected:
  ~UnitWait() = default;
};

/// One unit of work on its way through the writer. `wait` and what the transaction does with its
/// turn belong to the loop's thread, all else to the writer's mutex.
struct Unit {
  enum class Place : std::uint8_t {
    outside,    ///< Not begun, or over.
    queued,     ///< Waits for its turn.
    turn,       ///< The connection is this unit's.
    committed,  ///< Done; waits for the group to be durable.
  };

  Loop* loop = nullptr;  ///< Where to wake it; null once nobody waits for it.
  Work work = Work::ordinary;
  Place place = Place::outside;
  const void* root = nullptr;  ///< The task tree it belongs to.
  Clock::time_point queued_at{};
  std::optional<Error> error;  ///< Why the wait failed, set before it is woken.
  UnitWait* wait = nullptr;
  bool in_savepoint = false;
  bool lost = false;  ///< The group was given up while this unit had its turn.
};

/// Hands the one writing connection from unit to unit, in the order in which they asked, and makes
/// their work durable in groups. A group is one transaction of SQLite, a unit a savepoint in it.
/// The units' statements run on their loops' threads; COMMIT (with its fsync), checkpoints and
/// waiting for other processes on a thread of the writer, so no loop ever waits for the disk.
/// Thread safety: any thread.
class Writer : public std::enable_shared_from_this<Writer> {
 public:
  Writer(std::unique_ptr<Connection> connection, const SqliteOptions& options);
  ~Writer();
  void start();
  /// Answers what is under way, refuses the rest, writes the log back, ends the thread.
  void close();

  /// Puts `unit` into the queue; `unit->wait` is woken when it has its turn, or with an error.
  void enqueue(const std::shared_ptr<Unit>& unit);
  /// Gives up whatever the unit has: its place in the queue, its turn (rolled back), its interest
  /// in the answer. On the unit's thread.
  void leave(const std::shared_ptr<Unit>& unit);
  /// Ends the unit's turn and wakes its wait once the group is durable.
  void commit(const std::shared_ptr<Unit>& unit);

  /// The connection; only for the unit that has its turn.
  Connection& connection() { return *connection_; }
  /// After a statement of the unit that has its turn failed with `code`: when SQLite rolled back
  /// all by itself, fails everyone who was in the group.
  void check_group(const std::shared_ptr<Unit>& unit, int code, const Error& error);
  void count_expired();
  /// How many groups are durable: another number than before means that there is something new to
  /// read. Known before anyone in the group is answered.
  std::uint64_t durable_groups() const { return durable_groups_.load(std::memory_order_acquire); }

  /// Remembers what `code` says about the storage, from any connection.
  void note(int code, const Error& error);
  Result<> health() const;
  SqliteStats stats() const;

 private:
  enum class Phase : std::uint8_t { idle, opening, open, committing };

  void work();
  void open_group(std::unique_lock<std::mutex>& lock);
  void close_group(std::unique_lock<std::mutex>& lock);
  Outcome end_group(bool schema);
  void finish_group(const Outcome& outcome, Clock::duration took);
  void maintain(std::unique_lock<std::mutex>& lock);
  void tidy(std::unique_lock<std::mutex>& lock);
  /// Whether all of the log was written back.
  bool write_back(std::unique_lock<std::mutex>& lock, bool truncate);
  void tell_held(std::unique_lock<std::mutex>& lock);
  void probe(std::unique_lock<std::mutex>& lock);
  void go_on();
  bool may_close(Clock::time_point now) const;
  bool is_aged(Clock::time_point now) const;
  Clock::time_point window_end() const;
  void wake(const std::shared_ptr<Unit>& unit, std::optional<Error> error);
  void fail_group(const Error& error);
  void fail_overdue(const Error& error);
  void refuse_all(const Error& error);
  void note_locked(int code, const Error& error);
  void report_fatal(std::unique_lock<std::mutex>& lock);
  std::optional<Error> refusal() const;
  Outcome begin_group(bool schema);
  void give_turn();
  void try_begin();
  void undo_turn(const std::shared_ptr<Unit>& unit);
  Outcome check_foreign_keys();

  const SqliteOptions options_;
  const std::unique_ptr<Connection> connection_;
  std::atomic<std::uint64_t> durable_groups_{0};
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Phase phase_ = Phase::idle;
  std::deque<std::shared_ptr<Unit>> queue_;
  std::shared_ptr<Unit> turn_;                  // whose connection it is
  std::vector<std::shared_ptr<Unit>> members_;  // committed, not durable yet
  bool solo_ = false;                           // the group is one bulk or schema unit's
  bool schema_ = false;
  std::size_t joined_ = 0;    // units that had a turn in this group
  std::size_t expected_ = 1;  // writers that seem to be at work
  Clock::time_point first_commit_{};
  bool window_armed_ = false;  // the thread looks again at the end of the window
  bool closing_ = false;
  std::optional<Error> fatal_;
  bool fatal_reported_ = false;
  std::optional<Error> full_;  // the disk was full at the last try
  std::optional<Error> corrupt_;
  Clock::time_point probe_at_{};
  Clock::time_point tidy_at_ = Clock::time_point::max();  // when nobody writes until then
  Clock::time_point warn_at_ = Clock::time_point::min();
  std::uint64_t checkpoint_at_ = 0;  // log size that makes the next one worth it
  SqliteStats stats_;
};

}  // namespace kit::sqlite::detail
