// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kit/adapters/redis/detail/thread.hpp"
#include "kit/adapters/redis/redis.hpp"

namespace kit::redis::detail {

/// A connection for a subscription.
struct Line {
  std::unique_ptr<Lease> lease{};  ///< Null: `own`.
  std::unique_ptr<Link> own{};

  Link& link() const { return lease != nullptr ? lease->link() : *own; }
};

/// What is listened to, and how to get a connection for it each time.
struct Listening {
  std::vector<std::string> channels{};
  std::vector<std::string> patterns{};
  Subscriber subscriber{};
  Function<Task<Line>()> open{};
};

/// Connects and listens, again and again, until it is cancelled or what is wrong does not mend.
Task<> listen(std::shared_ptr<Thread> thread, Listening listening);

}  // namespace kit::redis::detail
