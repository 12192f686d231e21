// SPDX-License-Identifier: Apache-2.0
#include "kit/app/caches.hpp"

#include <utility>

#include "kit/adapters/redis/cache.hpp"

namespace kit::app {
void describe(config::Section& section, CacheSettings& settings) {
  section.field("url", settings.url,
                "what instances tell one another of changed rows through: redis://host/ or "
                "redis+cluster://host,host2; empty: a cached row that another instance changed is "
                "as old as its time to live");
}

Result<OpenCache> open_cache(const CacheSettings& settings, std::string_view name) {
  const std::string_view url = settings.url.reveal();
  if (url.empty()) return OpenCache();
  if (!url.starts_with("redis")) {
    return Error(Code::invalid_argument,
                 "cache.url is redis://..., rediss://..., redis+sentinel://... or "
                 "redis+cluster://...")
        .with_reason("DSN_INVALID");
  }
  redis::RedisOptions options;
  options.dsn = settings.url;
  auto client = redis::open(std::move(options));
  if (!client) return std::move(client).error();
  redis::CacheOptions cache;
  cache.prefix = std::string(name) + ":";
  const std::shared_ptr<redis::Client> kept = std::move(*client);
  // The cache uses the client until it is gone.
  struct Both {
    std::shared_ptr<redis::Client> client;
    std::unique_ptr<cache::Shared> shared;
  };
  const auto both = std::make_shared<Both>(Both{kept, redis::make_cache(*kept, std::move(cache))});
  OpenCache opened;
  opened.client = kept;
  opened.shared = std::shared_ptr<cache::Shared>(both, both->shared.get());
  return opened;
}

}  // namespace kit::app
