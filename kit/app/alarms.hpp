// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kit/base/time.hpp"

namespace kit::app {

/// When a process says that something leaks. A number is past its limit when it is greater.
struct AlarmLimits {
  std::int64_t tasks = 5'000;  ///< And more than `tasks_window` before.
  Clock::duration tasks_window = std::chrono::minutes(1);
  std::int64_t connections_to_one_host = 300;
  double memory_growth = 0.40;  ///< Of the least resident memory of the last `memory_window`.
  Clock::duration memory_window = std::chrono::minutes(30);
  /// Below it memory may grow as it likes: a process that starts doubles a few times.
  std::uint64_t memory_at_least_bytes = 64ULL * 1024 * 1024;
};

/// The state of the process at one time.
struct AlarmSample {
  struct Host {
    std::string name;
    std::int64_t connections = 0;
  };
  Clock::time_point at;
  std::int64_t tasks = 0;
  std::uint64_t resident_bytes = 0;
  std::vector<Host> hosts;
};

struct AlarmChange {
  std::string alarm;  ///< "tasks", "connections" or "memory"
  std::string of;     ///< The host of "connections".
  bool begins = false;
  std::int64_t value = 0;  ///< Tasks, connections or bytes.
  std::int64_t limit = 0;
};

/// Turns samples into alarms, each reported once when it begins and once when it ends. Pure: knows
/// no clock but the samples'. Thread safety: one thread at a time.
class Alarms {
 public:
  explicit Alarms(AlarmLimits limits = {}) : limits_(limits) {}

  /// What this sample changes. Samples come in the order of their time.
  std::vector<AlarmChange> add(const AlarmSample& sample);

  bool tasks_active() const { return tasks_active_; }
  bool memory_active() const { return memory_active_; }
  /// How many hosts have too many connections.
  std::size_t connections_active() const { return hosts_active_.size(); }

 private:
  struct Past {
    Clock::time_point at;
    std::int64_t tasks;
    std::uint64_t resident_bytes;
  };
  void check_tasks(const AlarmSample& sample, std::vector<AlarmChange>& changes);
  void check_hosts(const AlarmSample& sample, std::vector<AlarmChange>& changes);
  void check_memory(const AlarmSample& sample, std::vector<AlarmChange>& changes);

  AlarmLimits limits_;
  std::deque<Past> past_;  // of the longer window
  bool tasks_active_ = false;
  bool memory_active_ = false;
  std::set<std::string> hosts_active_;
};

}  // namespace kit::app
