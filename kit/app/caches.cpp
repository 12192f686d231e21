// SPDX-License-Identifier: Apache-2.0
#include "kit/app/caches.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "kit/adapters/redis/cache.hpp"
#include "kit/app/application.hpp"
#include "kit/app/detail/redis_url.hpp"
#include "kit/async/task_group.hpp"
#include "kit/cache/shared.hpp"
#include "kit/config/section.hpp"
#include "kit/record/row_caches.hpp"

namespace kit::app {
namespace {

/// A command waits so long for a Redis that does not answer.
constexpr std::chrono::seconds last_words{5};

bool is_url(const Secret<std::string>& url) {
  return url.reveal().empty() || detail::is_redis_url(url.reveal());
}

}  // namespace

void describe(config::Section& section, CacheSettings& settings) {
  section
      .field("url", settings.url,
             "what instances tell one another of changed rows through: redis://host/ or "
             "redis+cluster://host,host2; empty: a cached row that another instance changed is as "
             "old as its time to live")
      .accept(std::string(detail::redis_forms), is_url);
}

Result<OpenCache> open_cache(const CacheSettings& settings, std::string_view name) {
  if (settings.url.reveal().empty()) return OpenCache();
  if (!is_url(settings.url)) {
    return Error(Code::invalid_argument, "cache.url must be " + std::string(detail::redis_forms))
        .with_reason("DSN_INVALID");
  }
  auto client = detail::open_redis("cache.url", settings.url);
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

cache::Shared* shared_cache(const Application& application, const OpenCache& opened) {
  return application.shared_cache != nullptr ? application.shared_cache : opened.shared.get();
}

Task<> announcing(record::RowCaches* caches, cache::Shared* shared, Task<> work) {
  if (caches == nullptr || shared == nullptr) {
    co_await std::move(work);
    co_return;
  }
  // As a server: what others change meanwhile counts here too.
  TaskGroup following("command");
  following.spawn("row caches", caches->follow(*shared, last_words));
  const Result<> done = co_await as_result(std::move(work));
  following.cancel();
  Task<> joining = following.join();
  // It was cancelled, and has told what it could.
  const Result<> ended = co_await as_result(std::move(joining));
  if (!done) co_await done.error().clone();
}

}  // namespace kit::app
