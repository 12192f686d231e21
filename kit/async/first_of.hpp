// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/async/task_group.hpp"
#include "kit/base/assert.hpp"

namespace kit {

/// Which of several tasks was first, and how it ended.
template <class T>
struct First {
  // Not an aggregate: g++ 12 destroys aggregate temporaries of a co_await expression twice.
  First(std::size_t which, Result<T> how) : index(which), result(std::move(how)) {}
  std::size_t index;
  Result<T> result;
};

namespace detail {

template <class T>
struct Race {
  std::optional<First<T>> first;
  TaskGroup group{"first_of"};  // its tasks use what is above
};

template <class T>
Task<> run_in(Race<T>* race, std::size_t index, Task<T> task) {
  Result<T> result = co_await as_result(std::move(task));
  if (race->first) co_return;
  race->first.emplace(index, std::move(result));
  race->group.cancel();
}

}  // namespace detail

/// Runs `tasks` (one at least) side by side and yields the first that ends, be it with a value or
/// an error. The others are cancelled and awaited, and what they end with is dropped; those behind
/// one that ends at once do not start. Fails with why this task was cancelled, unless one had ended
/// with a value.
template <class T>
Task<First<T>> first_of(std::vector<Task<T>> tasks) {
  KIT_ASSERT(!tasks.empty(), "the first of nothing");
  detail::Race<T> race;
  for (std::size_t i = 0; i < tasks.size() && !race.first; ++i) {
    race.group.spawn(detail::run_in(&race, i, std::move(tasks[i])));
  }
  Task<> joining = race.group.join();
  Result<> joined = co_await as_result(std::move(joining));
  if (!joined && !race.first->result) co_return std::move(joined).error();
  co_return std::move(*race.first);
}

/// The same for tasks that are named one by one: `co_await first_of(read(), stopped())`.
template <class T, std::same_as<Task<T>>... More>
Task<First<T>> first_of(Task<T> first, More... more) {
  std::vector<Task<T>> tasks;
  tasks.reserve(1 + sizeof...(more));
  tasks.push_back(std::move(first));
  (tasks.push_back(std::move(more)), ...);
  return first_of(std::move(tasks));
}

}  // namespace kit
