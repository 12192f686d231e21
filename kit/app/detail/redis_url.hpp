// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kit/adapters/redis/redis.hpp"
#include "kit/base/error.hpp"
#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"

namespace kit::app::detail {

/// What a setting that names a Redis may begin with, for messages.
inline constexpr std::string_view redis_forms =
    "redis://..., rediss://..., redis+cluster://..., redis+sentinel://... or redis+unix://...";

bool is_redis_url(std::string_view url);

/// Says whose value it is: "queue.url: ..."
Error of_setting(std::string_view setting, Error why);

/// Does not connect yet. Fails as `redis::open`, with the setting's name.
Result<std::unique_ptr<redis::Client>> open_redis(std::string_view setting,
                                                  const Secret<std::string>& url);

}  // namespace kit::app::detail
