// SPDX-License-Identifier: Apache-2.0
#include "backend.hpp"
#include "kit/adapters/kafka/test_cluster.hpp"

namespace kit::tests {
namespace {

class KafkaBackend final : public Backend {
 public:
  queue::Queue& queue() override { return *queue_; }
  void create(const std::string& topic) override { cluster_.create(topic, 4); }

 private:
  std::unique_ptr<kafka::KafkaQueue> open() {
    kafka::KafkaOptions options = cluster_.options();
    options.redeliver_after = redeliver_after;
    return kafka::open(options).value();
  }
  kafka::TestCluster cluster_;
  std::unique_ptr<kafka::KafkaQueue> queue_ = open();
};

}  // namespace

std::unique_ptr<Backend> Backend::make() {
  return std::make_unique<KafkaBackend>();
}

}  // namespace kit::tests
