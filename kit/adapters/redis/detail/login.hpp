// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/adapters/redis/detail/link.hpp"

namespace kit::redis::detail {

class Thread;

/// What a connection is for.
enum class Purpose : std::uint8_t {
  any,       ///< Commands.
  replica,   ///< Reads, from a replica of a cluster.
  sentinel,  ///< Asking a Sentinel.
};

/// Connects to `address` and logs in, within the connect timeout. Fails with `unavailable`,
/// `unauthenticated`, `permission_denied`. Lifetime: `thread` is kept.
Task<std::unique_ptr<Link>> open_link(std::shared_ptr<Thread> thread, Address address,
                                      Purpose purpose);

}  // namespace kit::redis::detail
