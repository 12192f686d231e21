// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"
#include "kit/config/section.hpp"
#include "kit/queue/queue.hpp"

namespace kit::redis {
class Client;
}
namespace kit::telemetry {
class Registry;
}

namespace kit::app {

/// Where a program's messages go.
struct QueueSettings {
  Secret<std::string> url{"memory:"};
  std::string ca;  ///< Of Kafka's brokers; PEM. Redis has these in its URL.
  std::string certificate;
  std::string key;
  Secret<std::string> key_password{};
  std::chrono::milliseconds redeliver_after{30'000};
  std::chrono::milliseconds publish_limit{30'000};  ///< Kafka.
  std::size_t most_pending = 10'000;                ///< Kafka, and in memory.
  std::size_t most_held = 1'000;                    ///< Kafka and Redis.
  std::size_t most_kept = 100'000;                  ///< Redis.
  int partitions = 8;                               ///< Redis.
};

/// Declares their names: `queue.url` and the like.
void describe(config::Section& section, QueueSettings& settings);

/// A queue, and what is known of it.
struct OpenQueue {
  std::unique_ptr<queue::Queue> queue;
  std::shared_ptr<const redis::Client> client;  ///< That it uses; null: it is not in Redis.
  /// Declares what the queue counts; that of `client` is not among it. Empty: it counts nothing.
  /// Lifetime: `queue` is there whenever the registry is written out.
  std::function<void(telemetry::Registry&)> add_metrics;
};

/// Opens what `settings.url` names: "memory:", "kafka://...", "redis://..." and Redis' other
/// schemes. Fails with `invalid_argument` (a URL that can't be right) and `unimplemented` (this
/// program was built without the client library; the message names the package).
Result<OpenQueue> open_queue(const QueueSettings& settings);

}  // namespace kit::app
