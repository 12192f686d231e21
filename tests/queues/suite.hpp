// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/base/uuid.hpp"
#include "kit/queue/limits.hpp"

namespace kit::tests {

using namespace std::chrono_literals;
using queue::Consumer;
using queue::Delivery;
using queue::Message;
using queue::Queue;

/// So long until what has to come counts as lost.
inline constexpr std::chrono::milliseconds enough{20'000};

inline Message message(std::string topic, std::string key, int number) {
  Message made;
  made.id = Uuid::make_v7().to_string();
  made.topic = std::move(topic);
  made.key = std::move(key);
  made.type = "Numbered";
  made.payload = std::to_string(number);
  made.created_at = Timestamp::now();
  return made;
}

/// `count` messages in turn for `keys` keys "k0", "k1" ...; those of a key count from 0.
inline std::vector<Message> messages(const std::string& topic, int count, int keys, int from = 0) {
  std::vector<Message> made;
  for (int i = from * keys; i < from * keys + count; ++i) {
    made.push_back(message(topic, "k" + std::to_string(i % keys), i / keys));
  }
  return made;
}

/// What came, by key: "0 1 2 ", repetitions left out.
class Log {
 public:
  void add(const std::vector<Delivery>& got) {
    for (const Delivery& delivery : got) {
      auto& seen = numbers_[delivery.message.key];
      const int number = std::stoi(delivery.message.payload);
      if (std::ranges::find(seen, number) != seen.end()) continue;
      seen.push_back(number);
      ++count_;
    }
  }
  int count() const { return count_; }
  /// Whether the numbers of each key came one after the other from 0.
  bool is_ordered() const {
    for (const auto& [key, numbers] : numbers_) {
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (numbers[i] != static_cast<int>(i)) return false;
      }
    }
    return true;
  }

 private:
  std::map<std::string, std::vector<int>> numbers_;
  int count_ = 0;
};

class QueueTest : public ::testing::Test {
 protected:
  Queue& queue() { return *queue_; }
  const std::string& topic() const { return topic_; }
  std::string create_topic(std::string name) {
    backend_->create(name);
    return name;
  }
  template <class T>
  Result<T> run(Task<T> task) {
    return kit::run(*loop_, std::move(task));
  }
  /// A task that has to go well.
  void expect(Task<> task) {
    const Result<> done = run(std::move(task));
    EXPECT_TRUE(done.ok()) << done.error().describe();
  }

 private:
  std::unique_ptr<Loop> loop_ = make_epoll_loop().value();
  std::unique_ptr<Backend> backend_ = Backend::make();
  Queue* queue_ = &backend_->queue();
  // Servers outlive a test: a name of its own.
  std::string topic_ = create_topic("t-" + Uuid::make_v7().to_string());
};

inline Task<std::unique_ptr<Consumer>> join(Queue& queue, std::string topic,
                                            std::string group = "g") {
  const std::vector<std::string> topics(1, topic);
  co_return co_await queue.subscribe(group, topics);
}

/// Exactly so many as soon as they are there, fewer when they do not come.
inline Task<std::vector<Delivery>> take(Consumer& consumer, std::size_t count) {
  std::vector<Delivery> all;
  while (all.size() < count) {
    std::vector<Delivery> got = co_await consumer.receive(count - all.size(), enough);
    if (got.empty()) break;
    std::ranges::move(got, std::back_inserter(all));
  }
  EXPECT_EQ(all.size(), count);
  co_return all;
}

/// Receives, notes and acknowledges until `log` has `count`; nothing comes for long: gives up.
inline Task<> drain(Consumer& consumer, Log& log, int count, std::size_t limit) {
  const auto end = Clock::now() + enough;
  while (log.count() < count && Clock::now() < end) {
    const std::vector<Delivery> got = co_await consumer.receive(limit, 200ms);
    log.add(got);
    const Result<> done = co_await as_result(consumer.acknowledge(got));
    // Another member joined: it comes again.
    if (!done && done.error().reason() != "DELIVERY_LOST") co_await done.error().clone();
  }
}

}  // namespace kit::tests
