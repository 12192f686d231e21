// SPDX-License-Identifier: Apache-2.0
#include "backend.hpp"
#include "kit/queue/memory_queue.hpp"

namespace kit::tests {
namespace {

class MemoryBackend final : public Backend {
 public:
  queue::Queue& queue() override { return *queue_; }

 private:
  static std::unique_ptr<queue::Queue> open() {
    queue::MemoryQueueOptions options;
    options.redeliver_after = redeliver_after;
    return queue::make_memory_queue(options).value();
  }
  std::unique_ptr<queue::Queue> queue_ = open();
};

}  // namespace

std::unique_ptr<Backend> Backend::make() {
  return std::make_unique<MemoryBackend>();
}

}  // namespace kit::tests
