// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "kit/async/blocking.hpp"

namespace kit::http::detail {

/// `co_await file_work(pool, work)`: every call of this module that may wait for a disk goes
/// through here. `pool` null: the process's own. Lifetime: `work` owns what it uses.
template <class Work>
auto file_work(BlockingPool* pool, Work work) {
  return blocking(pool == nullptr ? BlockingPool::shared() : *pool, std::move(work));
}

}  // namespace kit::http::detail
