// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>
#include <utility>

#include "kit/async/task.hpp"
#include "kit/base/result.hpp"

namespace kit::http::detail {

template <class T>
struct WorkValue {
  using Type = T;
};
template <class T>
struct WorkValue<Result<T>> {
  using Type = T;
};

/// Runs `work`, which may wait for a disk, and yields what it returns (or fails as its `Result`
/// does): every such call of this module goes through here. It runs in place, so it holds the loop
/// for as long as the disk takes. Lifetime: `work` owns what it uses, because it may outlive the
/// task that waits for it once it runs elsewhere.
template <class Work>
Task<typename WorkValue<std::invoke_result_t<Work&>>::Type> file_work(Work work) {
  co_return work();
}

}  // namespace kit::http::detail
