// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/adapters/redis/detail/thread.hpp"

namespace kit::redis::detail {

/// Begins to ask the cluster who has which slots when that is in doubt, at most once a second.
void maintain(Thread& thread);

/// Waits until the question that is on its way has its answer; at once when there is none. Fails
/// with `unavailable` only when nothing is known of the cluster.
Task<> refreshed(std::shared_ptr<Thread> thread);

}  // namespace kit::redis::detail
