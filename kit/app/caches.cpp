// SPDX-License-Identifier: Apache-2.0
#include "kit/app/caches.hpp"

#include <string>
#include <utility>

#include "kit/adapters/redis/cache.hpp"
#include "kit/app/detail/redis_url.hpp"

namespace kit::app {
namespace {

bool is_url(const Secret<std::string>& url) {
  return url.reveal().empty() || detail::is_redis_url(url.reveal());
}

/// A cache and the client that it uses.
struct RedisCache {
  std::unique_ptr<redis::Client> client;
  std::unique_ptr<cache::Shared> shared;
};

}  // namespace

void describe(config::Section& section, CacheSettings& settings) {
  section
      .field("url", settings.url,
             "what instances tell one another of changed rows through: redis://host/ or "
             "redis+cluster://host,host2; empty: a cached row that another instance changed is as "
             "old as its time to live")
      .accept(std::string(detail::redis_forms), is_url);
}

Result<std::shared_ptr<cache::Shared>> open_cache(const CacheSettings& settings,
                                                  std::string_view name) {
  if (settings.url.reveal().empty()) return std::shared_ptr<cache::Shared>();
  if (!is_url(settings.url)) {
    return Error(Code::invalid_argument, "cache.url must be " + std::string(detail::redis_forms))
        .with_reason("DSN_INVALID");
  }
  auto client = detail::open_redis("cache.url", settings.url);
  if (!client) return std::move(client).error();
  redis::CacheOptions cache;
  cache.prefix = std::string(name) + ":";
  auto both = std::make_shared<RedisCache>();
  both->client = std::move(*client);
  both->shared = redis::make_cache(*both->client, std::move(cache));
  return std::shared_ptr<cache::Shared>(both, both->shared.get());
}

}  // namespace kit::app
