// SPDX-License-Identifier: Apache-2.0
#include "kit/app/caches.hpp"

#include <gtest/gtest.h>

namespace kit::app {
namespace {

std::string opened(std::string url) {
  CacheSettings settings;
  settings.url = Secret<std::string>(std::move(url));
  const auto cache = open_cache(settings, "store");
  if (cache.ok()) return cache->shared != nullptr && cache->client ? "opened" : "nothing";
  EXPECT_EQ(cache.error().describe().find("secret"), std::string::npos);
  return cache.error().reason();
}

TEST(CachesTest, EachScheme) {
  EXPECT_EQ(opened(""), "nothing");
  EXPECT_EQ(opened("redis://127.0.0.1:1/0"), "opened");
  EXPECT_EQ(opened("redis+cluster://127.0.0.1:1,127.0.0.1:2"), "opened");
  for (const char* bad : {"memcached://secret@host", "redis://u:secret@b:x", ":", "//"}) {
    EXPECT_EQ(opened(bad), "DSN_INVALID") << bad;
  }
}

}  // namespace
}  // namespace kit::app
