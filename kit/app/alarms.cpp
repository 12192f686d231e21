// SPDX-License-Identifier: Apache-2.0
#include "kit/app/alarms.hpp"

#include <algorithm>
#include <map>

namespace kit::app {

std::vector<AlarmChange> Alarms::add(const AlarmSample& sample) {
  std::vector<AlarmChange> changes;
  const Clock::duration longest = std::max(limits_.tasks_window, limits_.memory_window);
  std::erase_if(past_, [&](const Past& past) { return past.at < sample.at - longest; });
  check_tasks(sample, changes);
  check_hosts(sample, changes);
  check_memory(sample, changes);
  past_.push_back({sample.at, sample.tasks, sample.resident_bytes});
  return changes;
}

void Alarms::check_tasks(const AlarmSample& sample, std::vector<AlarmChange>& changes) {
  const bool many = sample.tasks > limits_.tasks;
  const auto oldest = std::ranges::find_if(
      past_, [&](const Past& past) { return past.at >= sample.at - limits_.tasks_window; });
  const bool rising = oldest != past_.end() && sample.tasks > oldest->tasks;
  // It ends when there are few again, not when they stop to rise.
  const bool active = tasks_active_ ? many : many && rising;
  if (active == std::exchange(tasks_active_, active)) return;
  changes.push_back({"tasks", "", active, sample.tasks, limits_.tasks});
}

void Alarms::check_hosts(const AlarmSample& sample, std::vector<AlarmChange>& changes) {
  // Several pools may lead to one host.
  std::map<std::string, std::int64_t> connections;
  for (const AlarmSample::Host& host : sample.hosts) connections[host.name] += host.connections;
  for (const std::string& host : hosts_active_) connections.try_emplace(host, 0);
  for (const auto& [host, count] : connections) {
    const bool active = count > limits_.connections_to_one_host;
    if (active == hosts_active_.contains(host)) continue;
    active ? static_cast<void>(hosts_active_.insert(host))
           : static_cast<void>(hosts_active_.erase(host));
    changes.push_back({"connections", host, active, count, limits_.connections_to_one_host});
  }
}

void Alarms::check_memory(const AlarmSample& sample, std::vector<AlarmChange>& changes) {
  std::uint64_t least = sample.resident_bytes;
  for (const Past& past : past_) {
    if (past.at >= sample.at - limits_.memory_window) least = std::min(least, past.resident_bytes);
  }
  const double limit = std::max(static_cast<double>(least) * (1 + limits_.memory_growth),
                                static_cast<double>(limits_.memory_at_least_bytes));
  const bool active = static_cast<double>(sample.resident_bytes) > limit;
  if (active == std::exchange(memory_active_, active)) return;
  changes.push_back({"memory", "", active, static_cast<std::int64_t>(sample.resident_bytes),
                     static_cast<std::int64_t>(limit)});
}

}  // namespace kit::app
