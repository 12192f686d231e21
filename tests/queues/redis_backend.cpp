// SPDX-License-Identifier: Apache-2.0
#include "backend.hpp"
#include "kit/adapters/redis/streams.hpp"
#include "tests/databases/server_control.hpp"

namespace kit::tests {
namespace {

class RedisBackend final : public Backend {
 public:
  queue::Queue& queue() override { return *queue_; }

 private:
  static std::unique_ptr<queue::Queue> open() {
    redis::RedisOptions options;
    options.dsn = Secret<std::string>(setting("KIT_TEST_DSN"));
    std::shared_ptr<redis::Client> client = redis::open(std::move(options)).value();
    redis::StreamOptions streams;
    streams.partitions = 4;
    streams.redeliver_after = redeliver_after;
    return redis::open_streams(std::move(client), streams).value();
  }
  std::unique_ptr<queue::Queue> queue_ = open();
};

}  // namespace

std::unique_ptr<Backend> Backend::make() {
  return std::make_unique<RedisBackend>();
}

}  // namespace kit::tests
