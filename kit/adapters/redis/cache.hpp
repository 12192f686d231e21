// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "kit/adapters/redis/redis.hpp"
#include "kit/cache/shared.hpp"

namespace kit::redis {

struct CacheOptions {
  /// Before every key, so that services share a Redis: "store:".
  std::string prefix = "cache:";
  /// Where changes are announced; empty: `prefix` and "changed".
  std::string channel{};
  /// Bytes of a value; a larger one is not kept.
  std::size_t largest_value = 8 * 1024 * 1024;
};

/// A cache in Redis, whose instances tell one another of changes by publish and subscribe. Fails as
/// `Client`. Lifetime: `client` outlives it.
std::unique_ptr<cache::Shared> make_cache(Client& client, CacheOptions options = {});

}  // namespace kit::redis
