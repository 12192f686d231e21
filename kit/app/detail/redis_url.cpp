// SPDX-License-Identifier: Apache-2.0
#include "kit/app/detail/redis_url.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kit::app::detail {

bool is_redis_url(std::string_view url) {
  constexpr std::array<std::string_view, 5> schemes = {"redis://", "rediss://", "redis+cluster://",
                                                       "redis+sentinel://", "redis+unix://"};
  return std::ranges::any_of(schemes,
                             [&](std::string_view scheme) { return url.starts_with(scheme); });
}

Error of_setting(std::string_view setting, Error why) {
  Error named(why.code(), std::string(setting) + ": " + why.message());
  return std::move(named).with_reason(std::string(why.reason()));
}

Result<std::unique_ptr<redis::Client>> open_redis(std::string_view setting,
                                                  const Secret<std::string>& url) {
  redis::RedisOptions options;
  options.dsn = url;
  auto client = redis::open(std::move(options));
  if (!client) return of_setting(setting, std::move(client).error());
  return client;
}

}  // namespace kit::app::detail
