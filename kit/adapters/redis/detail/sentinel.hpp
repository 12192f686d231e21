// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/adapters/redis/detail/link.hpp"

namespace kit::redis::detail {

class Thread;

/// A connection to the server that Sentinels name, which itself says that it takes writes. Fails
/// with `unavailable` when no Sentinel knows of one.
Task<std::unique_ptr<Link>> open_primary(std::shared_ptr<Thread> thread);

/// Listens to the Sentinels for as long as it runs; when they name another server, the thread's
/// commands go on new connections.
Task<> watch_sentinels(std::shared_ptr<Thread> thread);

}  // namespace kit::redis::detail
