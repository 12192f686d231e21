// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/thread_shard.hpp"

namespace kit {

/// How many things of a kind live now, and how many there were. Thread safety: any thread; a thing
/// may be removed on another thread than it was added on. Cost: four instructions a call in each of
/// the first 15 threads, no locked one; 1 KiB of memory.
class LiveCounter {
 public:
  constexpr LiveCounter() = default;
  LiveCounter(const LiveCounter&) = delete;
  LiveCounter& operator=(const LiveCounter&) = delete;

  void add() { grow(&Shard::added); }
  void remove() { grow(&Shard::removed); }

  std::int64_t live() const;
  /// How many were ever added.
  std::uint64_t total() const;

 private:
  struct alignas(64) Shard {
    std::atomic<std::uint64_t> added{0};
    std::atomic<std::uint64_t> removed{0};
  };

  void grow(std::atomic<std::uint64_t> Shard::* member) {
    std::size_t shard = detail::thread_shard;
    if (shard >= detail::shared_shard) [[unlikely]] {
      if (shard == detail::no_shard) shard = detail::claim_shard();
      if (shard == detail::shared_shard) {
        (shards_[shard].*member).fetch_add(1, std::memory_order_relaxed);
        return;
      }
    }
    // Only this thread writes here.
    auto& value = shards_[shard].*member;
    value.store(value.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  std::array<Shard, detail::shard_count> shards_;
};

/// Something that lives, for a counter, from `begin` until `end` or its own end. Lifetime: the
/// counter's.
class Counted {
 public:
  Counted() = default;
  ~Counted() { end(); }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  void begin(LiveCounter& counter) {
    end();
    counter.add();
    counter_ = &counter;
  }
  void end() {
    if (counter_ != nullptr) std::exchange(counter_, nullptr)->remove();
  }

 private:
  LiveCounter* counter_ = nullptr;
};

/// Root tasks: request handlers, children of groups, background tasks. One counts from its first
/// wait until it is dropped; a task that never waits cannot leak and costs nothing here.
inline constinit LiveCounter live_tasks;
/// Timers that are armed.
inline constinit LiveCounter live_timers;
/// Descriptors that loops watch.
inline constinit LiveCounter live_sockets;

/// A counter that `live_counts` lists, for what a module pools or holds: `name` is lower_case
/// ("http_client_connections"), `of` says whose ("api.example.com:443") and may be empty; neither
/// may hold a secret. Lifetime: the owner of the pool's.
class ListedCounter final : public LiveCounter {
 public:
  ListedCounter(std::string_view name, std::string_view of);
  ~ListedCounter();

  const std::string& name() const { return name_; }
  const std::string& of() const { return of_; }

 private:
  const std::string name_;
  const std::string of_;
};

struct LiveCount {
  std::string name;
  std::string of;
  std::int64_t live = 0;
  std::uint64_t total = 0;
};

/// Every counter of the process: "tasks", "timers" and "sockets", then the listed ones by name.
/// Thread safety: any thread.
std::vector<LiveCount> live_counts();

}  // namespace kit
