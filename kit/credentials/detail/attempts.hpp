// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <utility>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/base/result.hpp"

namespace kit::credentials::detail {

/// Whether a transaction that failed so may succeed when it is begun again: another one was first.
inline bool is_worth_another(const Error& error) {
  return error.code() == Code::aborted || error.reason() == "UNIQUE_VIOLATION";
}

/// Runs a transaction up to four times.
template <class T>
Task<T> with_attempts(FunctionRef<Task<T>()> once) {
  constexpr int attempts = 4;
  for (int i = 1;; ++i) {
    Task<T> trying = once();
    Result<T> tried = co_await as_result(std::move(trying));
    if (tried || i == attempts || !is_worth_another(tried.error())) co_return tried;
  }
}

}  // namespace kit::credentials::detail
