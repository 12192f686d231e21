// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"
#include "kit/cache/shared.hpp"
#include "kit/config/section.hpp"

namespace kit::redis {
class Client;
}

namespace kit::app {

/// What instances tell one another of changed rows through.
struct CacheSettings {
  Secret<std::string> url{};  ///< Empty: each instance is on its own.
};

/// Declares their names: `cache.url`.
void describe(config::Section& section, CacheSettings& settings);

/// A cache that instances share, and the client it uses; both null: each is on its own.
struct OpenCache {
  std::shared_ptr<cache::Shared> shared;
  std::shared_ptr<const redis::Client> client;
};

/// Opens what `settings.url` names; nothing when that is empty. `name`: of the
/// program, whose keys begin with it. Fails with `invalid_argument` for a URL that can't be right.
Result<OpenCache> open_cache(const CacheSettings& settings, std::string_view name);

}  // namespace kit::app
