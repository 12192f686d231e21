// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"

namespace kit::cache {
class Shared;  // kit/cache/shared.hpp
}
namespace kit::config {
class Section;  // kit/config/section.hpp
}
namespace kit::redis {
class Client;
}

namespace kit::record {
class RowCaches;  // kit/record/row_caches.hpp
}

namespace kit::app {

struct Application;  // kit/app/application.hpp

/// What instances tell one another of changed rows through.
struct CacheSettings {
  Secret<std::string> url{};  ///< Empty: each instance is on its own.
};

/// Declares their names: `cache.url`.
void describe(config::Section& section, CacheSettings& settings);

/// A cache that instances share, and the client it uses; both null: each is on its own.
struct OpenCache {
  std::shared_ptr<cache::Shared> shared;
  std::shared_ptr<redis::Client> client;
};

/// Opens what `settings.url` names; nothing when that is empty. `name`: of the
/// program, whose keys begin with it. Fails with `invalid_argument` for a URL that can't be right.
Result<OpenCache> open_cache(const CacheSettings& settings, std::string_view name);

/// What the instances of `application` tell one another through; null: each is on its own.
cache::Shared* shared_cache(const Application& application, const OpenCache& opened);

/// Runs `work` of a command beside servers, which are told what it changes through `caches` before
/// this ends, and for which it waits some seconds at most. Where they can't be told a warning says
/// for how long they may have old rows; that is no failure. Either may be null: nobody is told.
/// Fails as `work` does. Lifetime: both outlive the task.
Task<> announcing(record::RowCaches* caches, cache::Shared* shared, Task<> work);

}  // namespace kit::app
