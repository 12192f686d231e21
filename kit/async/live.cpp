// SPDX-License-Identifier: Apache-2.0
#include "kit/async/live.hpp"

#include <algorithm>
#include <mutex>
#include <tuple>

namespace kit {
namespace {

constinit std::mutex listed_mutex;

std::vector<const ListedCounter*>& listed() {
  // Never destroyed: counters of static pools may outlive every other static.
  static auto* const all = new std::vector<const ListedCounter*>();
  return *all;
}

LiveCount count_of(std::string name, std::string of, const LiveCounter& counter) {
  return {std::move(name), std::move(of), counter.live(), counter.total()};
}

}  // namespace

std::int64_t LiveCounter::live() const {
  // What is gone is read first: a thing that comes and goes meanwhile never makes the number
  // negative.
  std::uint64_t removed = 0;
  for (const Shard& shard : shards_) removed += shard.removed.load(std::memory_order_acquire);
  const auto left = static_cast<std::int64_t>(total() - removed);
  return std::max<std::int64_t>(left, 0);
}

std::uint64_t LiveCounter::total() const {
  std::uint64_t sum = 0;
  for (const Shard& shard : shards_) sum += shard.added.load(std::memory_order_acquire);
  return sum;
}

ListedCounter::ListedCounter(std::string_view name, std::string_view of) : name_(name), of_(of) {
  std::lock_guard lock(listed_mutex);
  listed().push_back(this);
}

ListedCounter::~ListedCounter() {
  std::lock_guard lock(listed_mutex);
  std::erase(listed(), this);
}

std::vector<LiveCount> live_counts() {
  std::vector<LiveCount> counts;
  counts.push_back(count_of("tasks", "", live_tasks));
  counts.push_back(count_of("timers", "", live_timers));
  counts.push_back(count_of("sockets", "", live_sockets));
  {
    std::lock_guard lock(listed_mutex);
    for (const ListedCounter* counter : listed()) {
      counts.push_back(count_of(counter->name(), counter->of(), *counter));
    }
  }
  std::sort(counts.begin() + 3, counts.end(), [](const LiveCount& a, const LiveCount& b) {
    return std::tie(a.name, a.of) < std::tie(b.name, b.of);
  });
  return counts;
}

}  // namespace kit
