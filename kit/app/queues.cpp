// SPDX-License-Identifier: Apache-2.0
#include "kit/app/queues.hpp"

#include <string_view>
#include <utility>

#include "kit/adapters/redis/metrics.hpp"
#include "kit/adapters/redis/streams.hpp"
#include "kit/app/detail/redis_url.hpp"
#include "kit/queue/memory_queue.hpp"
#ifdef KIT_HAS_KAFKA
#include "kit/adapters/kafka/kafka.hpp"
#include "kit/adapters/kafka/metrics.hpp"
#endif

namespace kit::app {
namespace {

using Opened = Result<OpenQueue>;

std::string forms() {
  return "memory:, kafka://..., " + std::string(detail::redis_forms);
}

bool is_kafka_url(std::string_view url) {
  return url.starts_with("kafka://");
}

bool is_url(const Secret<std::string>& setting) {
  const std::string_view url = setting.reveal();
  return url == "memory:" || is_kafka_url(url) || detail::is_redis_url(url);
}

Opened open_kafka([[maybe_unused]] const QueueSettings& settings) {
#ifdef KIT_HAS_KAFKA
  kafka::KafkaOptions options;
  options.dsn = settings.url;
  options.ca_file = settings.ca;
  options.certificate_file = settings.certificate;
  options.key_file = settings.key;
  options.key_password = settings.key_password;
  options.most_pending = settings.most_pending;
  options.most_held = settings.most_held;
  options.publish_limit = settings.publish_limit;
  options.redeliver_after = settings.redeliver_after;
  auto opened = kafka::open(options);
  if (!opened) return detail::of_setting("queue", std::move(opened).error());
  OpenQueue result;
  result.add_metrics = [queue = opened->get()](telemetry::Registry& registry) {
    kafka::add_metrics(registry, *queue);
  };
  result.queue = std::move(*opened);
  return result;
#else
  return Error(Code::unimplemented,
               "queue.url: this program was built without Kafka; install librdkafka-dev, and build "
               "kit and it again")
      .with_reason("QUEUE_NOT_BUILT");
#endif
}

Opened open_redis(const QueueSettings& settings) {
  auto client = detail::open_redis("queue.url", settings.url);
  if (!client) return std::move(client).error();
  redis::StreamOptions streams;
  streams.partitions = settings.partitions;
  streams.most_kept = settings.most_kept;
  streams.most_held = settings.most_held;
  streams.redeliver_after = settings.redeliver_after;
  const std::shared_ptr<redis::Client> shared = std::move(*client);
  auto opened = redis::open_streams(shared, streams);
  if (!opened) return std::move(opened).error();
  OpenQueue result;
  result.client = shared;
  result.add_metrics = [queue = opened->get()](telemetry::Registry& registry) {
    redis::add_metrics(registry, *queue);
  };
  result.queue = std::move(*opened);
  return result;
}

}  // namespace

void describe(config::Section& section, QueueSettings& settings) {
  using std::chrono::milliseconds;
  section
      .field("url", settings.url,
             "where messages go: memory: (this process), kafka://host:9092/, redis://host/ or "
             "redis+cluster://host,host2")
      .accept(forms(), is_url);
  section.field("ca", settings.ca, "PEM file of the authorities of Kafka's brokers");
  section.field("certificate", settings.certificate, "PEM file that Kafka's brokers are shown");
  section.field("key", settings.key, "PEM file of its key");
  section.field("key_password", settings.key_password, "of that key");
  section
      .field("redeliver_after", settings.redeliver_after,
             "a message that is not acknowledged for so long comes again")
      .min(milliseconds{100})
      .max(std::chrono::hours{1});
  section
      .field("publish_limit", settings.publish_limit,
             "Kafka: how long the brokers may take to confirm")
      .min(milliseconds{100})
      .max(std::chrono::hours{1});
  section
      .field("most_pending", settings.most_pending,
             "memory and Kafka: messages under way; who publishes more waits")
      .min(1)
      .max(1'000'000);
  section
      .field("most_held", settings.most_held,
             "Kafka and Redis: messages that one consumer works on; more stay with the broker")
      .min(1)
      .max(100'000);
  section
      .field("most_kept", settings.most_kept,
             "Redis: entries of each stream; full of unacknowledged ones it takes no more")
      .min(200)
      .max(100'000'000);
  section
      .field("partitions", settings.partitions,
             "Redis: streams of a topic that is new; consumers share them")
      .min(1)
      .max(256);
}

Opened open_queue(const QueueSettings& settings) {
  const std::string_view url = settings.url.reveal();
  if (url == "memory:") {
    queue::MemoryQueueOptions options;
    options.most_pending = settings.most_pending;
    options.redeliver_after = settings.redeliver_after;
    auto opened = queue::make_memory_queue(options);
    if (!opened) return std::move(opened).error();
    OpenQueue result;
    result.queue = std::move(*opened);
    return result;
  }
  if (is_kafka_url(url)) return open_kafka(settings);
  if (detail::is_redis_url(url)) return open_redis(settings);
  return Error(Code::invalid_argument, "queue.url must be " + forms()).with_reason("DSN_INVALID");
}

}  // namespace kit::app
