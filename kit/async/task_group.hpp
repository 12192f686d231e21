// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kit/async/context.hpp"
#include "kit/async/task.hpp"

namespace kit {

/// Runs tasks side by side. The first error cancels the others; `join` awaits all of them and
/// yields that error. Lifetime: dropping a group that was not joined ends its tasks where they
/// stand. Thread safety: one loop's thread.
class TaskGroup {
 public:
  /// `name` says whose tasks these are, in diagnostics.
  explicit TaskGroup(std::string_view name);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `task` now, under the context that was current when the group was made; the caller goes
  /// on when it waits. The task must own what it uses: pass values.
  void spawn(Task<> task);
  /// The same for a task that lives long: listed by `list_tasks` as "group: name" while it does.
  void spawn(std::string_view name, Task<> task);
  /// Ends every task's wait with `cancelled`.
  void cancel();
  /// Awaits all tasks. Fails with the first error of one. Cancellation: theirs too, and they are
  /// awaited all the same.
  Task<> join();

  const std::string& name() const;
  std::size_t size() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kit
