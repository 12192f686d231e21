// SPDX-License-Identifier: Apache-2.0
// What programs declare on /metrics, and that the table of README.md has all of it.
#include "kit/adapters/redis/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "kit/app/access_log.hpp"
#include "kit/app/breakers.hpp"
#include "kit/app/caches.hpp"
#include "kit/app/connection_metrics.hpp"
#include "kit/app/database.hpp"
#include "kit/app/diagnostics.hpp"
#include "kit/app/queues.hpp"
#include "kit/app/tracing.hpp"
#include "kit/db/observed_database.hpp"
#include "kit/middleware/bundle.hpp"
#include "kit/net/connect.hpp"

namespace kit::app {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

std::vector<std::string> names(const telemetry::Registry& registry) {
  std::string text;
  registry.write_text(text);
  std::istringstream lines(text);
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) {
    constexpr std::string_view head = "# TYPE ";
    if (line.starts_with(head)) {
      found.push_back(line.substr(head.size(), line.rfind(' ') - head.size()));
    }
  }
  return found;
}

std::vector<std::string> missing_in_the_table(const std::vector<std::string>& all) {
  std::ifstream file(KIT_SOURCE_DIR "/kit/app/README.md");
  const std::string table((std::istreambuf_iterator<char>(file)), {});
  std::vector<std::string> missing;
  for (const std::string& name : all) {
    if (table.find("`" + name + "`") == table.npos) missing.push_back(name);
  }
  return missing;
}

void add_queue(telemetry::Registry& registry, const OpenQueue& queue) {
  if (queue.add_metrics) queue.add_metrics(registry);
  if (queue.client) redis::add_metrics(registry, {{"queue", queue.client}});
}

OpenQueue queue_at(std::string url) {
  QueueSettings settings;
  settings.url = Secret<std::string>(std::move(url));
  return open_queue(settings).value();
}

TEST(MetricsTest, OfQueuesAreInTheTable) {
  telemetry::Registry nothing;
  add_queue(nothing, queue_at("memory:"));
  EXPECT_THAT(names(nothing), IsEmpty());
  telemetry::Registry registry;
  const OpenQueue redis = queue_at("redis://127.0.0.1:1/0");
  add_queue(registry, redis);
#ifdef KIT_HAS_KAFKA
  const OpenQueue kafka = queue_at("kafka://127.0.0.1:1/");
  add_queue(registry, kafka);
  EXPECT_THAT(names(registry), IsSupersetOf({"kafka_messages_published_total", "kafka_healthy"}));
#endif
  EXPECT_THAT(names(registry), IsSupersetOf({"redis_stream_messages_published_total",
                                             "redis_commands_total", "redis_sessions"}));
  EXPECT_THAT(missing_in_the_table(names(registry)), IsEmpty());
}

TEST(MetricsTest, OfTheSharedCacheAreThoseOfItsClient) {
  CacheSettings settings;
  settings.url = Secret<std::string>("redis://127.0.0.1:1/0");
  const auto cache = open_cache(settings, "store");
  ASSERT_TRUE(cache.ok()) << cache.error().describe();
  telemetry::Registry registry;
  redis::add_metrics(registry, {{"cache", cache->client}});
  std::string text;
  registry.write_text(text);
  EXPECT_THAT(text, testing::HasSubstr("\nredis_commands_total{client=\"cache\"} 0\n"));
}

#ifdef KIT_HAS_MYSQL
TEST(MetricsTest, OfADatabaseServerAreInTheTable) {
  Settings::Database settings;
  settings.url = Secret<std::string>("mysql://kit@127.0.0.1:1/shop?sslmode=disable");
  const auto opened = open_by_url(settings);
  ASSERT_TRUE(opened.ok()) << opened.error().describe();
  telemetry::Registry registry;
  (*opened)->add_metrics(registry);
  EXPECT_THAT(names(registry), Contains("db_pool_connections"));
  EXPECT_THAT(missing_in_the_table(names(registry)), IsEmpty());
}
#endif

TEST(MetricsTest, OfEveryProgramAreInTheTable) {
  AccessLog log(false);
  telemetry::Registry& registry = log.registry();
  Settings::Database settings;
  settings.sqlite.path = testing::TempDir() + "metrics_test.db";
  const auto opened = open_by_url(settings);
  ASSERT_TRUE(opened.ok()) << opened.error().describe();
  (*opened)->add_metrics(registry);
  const db::ObservedDatabase observed((*opened)->database(), registry);
  Diagnostics diagnostics;
  diagnostics.add_metrics(registry);
  add_build_info(registry, "store", "1");
  add_connection_metrics(registry, std::make_shared<http::ConnectionTable>(http::Limits()),
                         nullptr);
  const auto bundle = MiddlewareBundle::make({});
  ASSERT_TRUE(bundle.ok());
  bundle->add_metrics(registry);
  http::Router admin;
  ASSERT_TRUE(add_breaker_routes(admin, bundle->breakers(), registry).ok());
  net::Resolver resolver;
  const auto connector = net::make_connector(resolver, nullptr);
  TracingOptions collected;
  collected.has_exporter = true;
  const auto tracing = Tracing::make(std::move(collected), *connector, nullptr);
  ASSERT_TRUE(tracing.ok());
  (*tracing)->add_metrics(registry);
  EXPECT_THAT(names(registry), Contains("db_statement_duration_seconds"));
  EXPECT_THAT(names(registry), IsSupersetOf({"shed_overloaded", "trace_export_retries_total"}));
  EXPECT_THAT(missing_in_the_table(names(registry)), IsEmpty());
  EXPECT_THAT(missing_in_the_table({"no_such_metric"}), Not(IsEmpty()));
}

}  // namespace
}  // namespace kit::app
