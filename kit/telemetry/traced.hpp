// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>
#include <utility>

#include "kit/async/task.hpp"
#include "kit/telemetry/span.hpp"

namespace kit::telemetry {

/// `task`, and `span` ends with it, as it does. For leaves: what `task` calls is not below `span`.
/// Where nothing is recorded the task itself is cheaper: ask `is_recorded` before.
template <class T>
Task<T> traced(Span span, Task<T> task) {
  Result<T> result = co_await as_result(std::move(task));
  if (!result) span.fail(result.error());
  span.end();
  if constexpr (std::is_void_v<T>) {
    co_await std::move(result);
  } else {
    co_return std::move(result);
  }
}

}  // namespace kit::telemetry
