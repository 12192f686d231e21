// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kit/async/stack_trace.hpp"
#include "kit/base/time.hpp"

namespace kit {

/// A root task that lives: what /debug/tasks and the leak check of the tests show.
struct ListedTask {
  std::uint64_t id = 0;  ///< In the order of listing.
  std::string name;      ///< What its owner calls it; may be empty.
  Clock::time_point since;
  std::string waits_for;  ///< The type of the operation it waits for; empty: it runs or has ended.
  StackTrace created;     ///< Where it was started.
};

/// The root tasks that are listed now, oldest first: those with a name given by `Task::list_as` or
/// `TaskGroup::spawn`, and of all others one in `task_sampling()`. Only tasks that have waited are
/// known (see `live_tasks`). Thread safety: any thread.
std::vector<ListedTask> list_tasks();

/// One in how many root tasks is listed with the stack of its creation: 1 in debug builds, 1024 in
/// others. Cost of a listed task: about 5 us, an allocation and a lock.
std::uint32_t task_sampling();
/// At least 1. Holds at once on this thread, on others from their next sample on. Thread safety:
/// any thread.
void set_task_sampling(std::uint32_t one_in);

}  // namespace kit
