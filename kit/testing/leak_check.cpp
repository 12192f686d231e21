// SPDX-License-Identifier: Apache-2.0
#include "kit/testing/leak_check.hpp"

#include <algorithm>
#include <string_view>

#include "kit/async/stack_trace.hpp"
#include "kit/async/task_list.hpp"

namespace kit::testing {
namespace {

std::int64_t live_before(const std::vector<LiveCount>& before, const LiveCount& now) {
  const auto found = std::ranges::find_if(
      before, [&](const LiveCount& count) { return count.name == now.name && count.of == now.of; });
  return found == before.end() ? 0 : found->live;
}

void append_task(std::string& text, const ListedTask& task) {
  text.append("task ").append(std::to_string(task.id)).append(" '").append(task.name);
  text.append("' ").append(task.waits_for.empty() ? "runs or has ended" : "waits for ");
  text.append(task.waits_for).append(", started by\n");
  for (const std::string& frame : describe(task.created)) {
    text.append("  ").append(frame).append("\n");
  }
}

}  // namespace

LeakCheck::LeakCheck() : before_(live_counts()) {
  for (const ListedTask& task : list_tasks()) last_task_ = std::max(last_task_, task.id);
}

std::string LeakCheck::leaks() const {
  std::string text;
  for (const LiveCount& now : live_counts()) {
    const std::int64_t left = now.live - live_before(before_, now);
    if (left <= 0) continue;
    text.append(now.name).append(now.of.empty() ? "" : " of ").append(now.of);
    text.append(": ").append(std::to_string(left)).append(" more than before\n");
  }
  if (text.empty()) return text;
  for (const ListedTask& task : list_tasks()) {
    if (task.id > last_task_) append_task(text, task);
  }
  return text;
}

}  // namespace kit::testing
