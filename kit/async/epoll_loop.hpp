// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/async/loop.hpp"
#include "kit/base/result.hpp"

namespace kit {

/// The loop that production runs on: one epoll instance, one thread.
/// Fails with `resource_exhausted` when the system grants no descriptor.
Result<std::unique_ptr<Loop>> make_epoll_loop();

}  // namespace kit
