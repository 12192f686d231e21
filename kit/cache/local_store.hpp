// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/base/time.hpp"

namespace kit::cache {

struct LocalOptions {
  std::size_t max_entries = 10'000;
  /// Of keys and values, as whoever loads says. A value larger than a shard's part (see `shards`)
  /// is not kept.
  std::size_t max_bytes = 64UL * 1024 * 1024;
  Clock::duration time_to_live = std::chrono::minutes(1);
  /// For what is known to be absent; 0: that is not kept.
  Clock::duration negative_time_to_live{0};
  /// For why a load failed; 0: that is not kept, and the next one who asks loads again.
  Clock::duration error_time_to_live{0};
  /// So long after its time an old value is still given to all but the one who loads it anew, and
  /// to that one too when the load fails. 0: never.
  Clock::duration stale_for{0};
  /// Times to live are shortened at random by up to this part, so that what was loaded together
  /// does not end together. Between 0 and 1.
  double jitter = 0.1;
  /// Parts with a lock each; fewer when `max_entries` is small.
  std::size_t shards = 16;
};

/// What a cache did since it was made, and what is in it.
struct LocalFigures {
  std::uint64_t hits = 0;       ///< Known absences and kept errors are hits too.
  std::uint64_t misses = 0;     ///< Loaded, or waited for the one who loads.
  std::uint64_t loads = 0;      ///< Begun.
  std::uint64_t failures = 0;   ///< Of loads, cancelled ones not counted.
  std::uint64_t stale = 0;      ///< Hits whose time was over.
  std::uint64_t discarded = 0;  ///< Loaded values not kept: they were invalidated meanwhile.
  std::uint64_t evictions = 0;  ///< For want of room; not for age.
  std::uint64_t invalidations = 0;
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
};

/// What `LocalCache` keeps without knowing its types: bounded by number and bytes, the least
/// recently used goes first. Each key is loaded by one at a time, on any thread; the others wait.
///
/// Invalidation: a load belongs to the generation of its key, which `invalidate` ends. What such a
/// load brings is given to those who asked before the `invalidate` and is not kept; who asks later
/// loads anew. So once `invalidate` has returned no value of before is given to anybody new.
///
/// Thread safety: any thread; `get` on one that runs a loop. Lifetime: longer than the tasks of
/// `get`.
class LocalStore {
 public:
  /// A value; null: known to be absent. Shared with everybody who asks: it never changes.
  using Value = std::shared_ptr<const void>;
  struct Loaded {
    // Not an aggregate: g++ 12 destroys aggregate temporaries of a co_await expression twice.
    Loaded() = default;
    Loaded(Value loaded, std::size_t size) : value(std::move(loaded)), bytes(size) {}
    Value value;
    std::size_t bytes = 0;
  };
  using Load = FunctionRef<Task<Loaded>()>;

  explicit LocalStore(const LocalOptions& options = {});
  ~LocalStore();
  LocalStore(const LocalStore&) = delete;
  LocalStore& operator=(const LocalStore&) = delete;

  /// What is kept and fresh; nothing otherwise, and for errors.
  std::optional<Value> find(std::string_view key, Clock::time_point now);
  /// What is kept, or what `load` brings: that of this task, or of another one that asks for the
  /// same key. Fails as `load` does, also with another's failure. Cancellation: of the one who
  /// loads fails nobody else: one of those who wait loads then. Lifetime: `load` until the task has
  /// ended.
  Task<Value> get(std::string key, Load load);
  void invalidate(std::string_view key);
  void clear();

  LocalFigures figures() const;

 private:
  struct Entry;
  struct Flight;
  struct Shard;
  struct Seat;
  struct Turn;
  class Lead;
  class Wait;

  const std::shared_ptr<Shard>& shard_of(std::string_view key) const;
  /// What is known, a seat to wait on, or the lead. Fails with an error that is kept.
  Result<Turn> ask(std::string key) const;

  // Who waits on a loop that ends later may still hold a shard.
  std::vector<std::shared_ptr<Shard>> shards_;
};

}  // namespace kit::cache
