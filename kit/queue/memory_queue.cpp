// SPDX-License-Identifier: Apache-2.0
#include "kit/queue/memory_queue.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "kit/async/signal.hpp"
#include "kit/base/text.hpp"
#include "kit/queue/detail/memory_group.hpp"
#include "kit/queue/limits.hpp"

namespace kit::queue {
namespace {

using detail::MemoryGroup;
using detail::Stored;

Error closed_error() {
  return Error(Code::unavailable, "the queue is closed").with_reason("QUEUE_CLOSED");
}

/// What the tasks of all loops share.
class Broker {
 public:
  explicit Broker(const MemoryQueueOptions& options) : options_(options) {}

  /// False: there is no room now.
  Result<bool> try_publish(const Message& message);
  std::uint64_t join(std::string_view group, std::span<const std::string> topics);
  /// Of the topics in turn. Yields when to look again although nothing came.
  Clock::time_point take(const std::string& group, std::span<const std::string> topics,
                         std::uint64_t member, std::size_t limit, std::vector<Delivery>& out);
  /// False: one of them has been taken away.
  bool acknowledge(const std::string& group, std::span<const Delivery> deliveries);
  void release(const std::string& group, std::span<const std::string> topics, std::uint64_t member);
  void close();
  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  Signal& changed() { return changed_; }

 private:
  struct Topic {
    std::deque<std::shared_ptr<Stored>> kept;
    std::size_t kept_bytes = 0;
    std::uint64_t next = 1;
    std::map<std::string, MemoryGroup, std::less<>> groups;
  };

  void append(Topic& topic, const Message& message);
  void count(const Stored& stored);
  bool acknowledge(const std::string& group, const Delivery& delivery, Clock::time_point until);

  const MemoryQueueOptions options_;
  Signal changed_;
  mutable std::mutex mutex_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::size_t pending_ = 0;
  std::size_t pending_bytes_ = 0;
  std::uint64_t last_member_ = 0;
  std::size_t turn_ = 0;
  bool closed_ = false;
};

Result<bool> Broker::try_publish(const Message& message) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return closed_error();
    if (pending_ >= options_.most_pending || pending_bytes_ >= options_.most_pending_bytes) {
      return false;
    }
    append(topics_[message.topic], message);
  }
  changed_.notify();
  return true;
}

void Broker::append(Topic& topic, const Message& message) {
  auto stored = std::make_shared<Stored>();
  stored->message = std::make_shared<const Message>(message);
  stored->sequence = topic.next++;
  stored->bytes = weight(message);
  for (auto& [name, group] : topic.groups) group.add(stored);
  count(*stored);
  topic.kept_bytes += stored->bytes;
  topic.kept.push_back(std::move(stored));
  while (topic.kept.size() > options_.most_kept || topic.kept_bytes > options_.most_kept_bytes) {
    topic.kept_bytes -= topic.kept.front()->bytes;
    topic.kept.pop_front();
  }
}

void Broker::count(const Stored& stored) {
  if (stored.groups == 0) return;
  ++pending_;
  pending_bytes_ += stored.bytes;
}

std::uint64_t Broker::join(std::string_view group, std::span<const std::string> topics) {
  const std::lock_guard lock(mutex_);
  for (const std::string& name : topics) {
    Topic& topic = topics_[name];
    const auto [found, is_new] = topic.groups.try_emplace(std::string(group));
    if (!is_new) continue;
    for (const auto& stored : topic.kept) {
      const bool was_pending = stored->groups > 0;
      found->second.add(stored);
      if (!was_pending) count(*stored);
    }
  }
  return ++last_member_;
}

Clock::time_point Broker::take(const std::string& group, std::span<const std::string> topics,
                               std::uint64_t member, std::size_t limit,
                               std::vector<Delivery>& out) {
  const Clock::time_point now = Loop::current().now();
  Clock::time_point again = Clock::time_point::max();
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < topics.size(); ++i) {
    // Every call begins with another one.
    const std::string& topic = topics[(i + turn_) % topics.size()];
    MemoryGroup& part = topics_.find(topic)->second.groups.find(group)->second;
    part.expire(now);
    // A busy topic leaves a part of the room to those behind it.
    const std::size_t room = limit - out.size();
    const std::size_t share = (room + topics.size() - i - 1) / (topics.size() - i);
    part.take(member, out.size() + share, now + options_.redeliver_after, out);
    again = std::min(again, part.next_expiry());
  }
  ++turn_;
  return again;
}

bool Broker::acknowledge(const std::string& group, const Delivery& delivery,
                         Clock::time_point until) {
  const std::vector<std::string_view> parts = split(delivery.position, '/');
  if (parts.size() != 3) return false;
  const auto topic = topics_.find(parts[0]);
  const auto sequence = parse_int(parts[1]);
  const auto attempt = parse_int(parts[2]);
  if (topic == topics_.end() || !sequence || !attempt) return false;
  const auto found = topic->second.groups.find(group);
  if (found == topic->second.groups.end()) return false;
  const auto stored = found->second.acknowledge(static_cast<std::uint64_t>(*sequence),
                                                static_cast<int>(*attempt), until);
  if (stored == nullptr) return false;
  if (stored->groups == 0) {
    --pending_;
    pending_bytes_ -= stored->bytes;
  }
  return true;
}

bool Broker::acknowledge(const std::string& group, std::span<const Delivery> deliveries) {
  const Clock::time_point until = Loop::current().now() + options_.redeliver_after;
  bool all = true;
  {
    const std::lock_guard lock(mutex_);
    for (const Delivery& delivery : deliveries) {
      all = acknowledge(group, delivery, until) && all;
    }
  }
  changed_.notify();
  return all;
}

void Broker::release(const std::string& group, std::span<const std::string> topics,
                     std::uint64_t member) {
  {
    const std::lock_guard lock(mutex_);
    for (const std::string& topic : topics) {
      topics_.find(topic)->second.groups.find(group)->second.release(member);
    }
  }
  changed_.notify();
}

void Broker::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify();
}

class MemoryConsumer final : public Consumer {
 public:
  MemoryConsumer(std::shared_ptr<Broker> broker, std::string_view group,
                 std::span<const std::string> topics)
      : broker_(std::move(broker)),
        group_(group),
        topics_(topics.begin(), topics.end()),
        member_(broker_->join(group, topics)) {}
  ~MemoryConsumer() override { leave(); }

  Task<std::vector<Delivery>> receive(std::size_t limit, std::chrono::milliseconds wait) override {
    const Clock::time_point end = Loop::current().now() + wait;
    std::vector<Delivery> taken;
    while (true) {
      if (left_ || broker_->closed()) co_return closed_error();
      const std::uint64_t seen = broker_->changed().count();
      const Clock::time_point again =
          broker_->take(group_, topics_, member_, std::min(limit, most_messages), taken);
      if (!taken.empty() || Loop::current().now() >= end) co_return taken;
      co_await broker_->changed().changed(seen, std::min(end, again));
    }
  }

  Task<> acknowledge(std::span<const Delivery> deliveries) override {
    if (left_ || !broker_->acknowledge(group_, deliveries)) {
      co_await Error(Code::aborted, "a message was taken from this member before it acknowledged")
          .with_reason("DELIVERY_LOST");
    }
  }

  Task<> close() override {
    leave();
    co_return;
  }

 private:
  void leave() {
    if (!std::exchange(left_, true)) broker_->release(group_, topics_, member_);
  }

  const std::shared_ptr<Broker> broker_;
  const std::string group_;
  const std::vector<std::string> topics_;
  const std::uint64_t member_;
  bool left_ = false;
};

class MemoryQueue final : public Queue {
 public:
  explicit MemoryQueue(const MemoryQueueOptions& options)
      : broker_(std::make_shared<Broker>(options)) {}
  ~MemoryQueue() override { broker_->close(); }

  Task<> publish(std::span<const Message> messages) override {
    co_await check(messages);
    const std::shared_ptr<Broker> broker = broker_;
    for (const Message& message : messages) {
      while (true) {
        const std::uint64_t seen = broker->changed().count();
        const bool done = co_await broker->try_publish(message);
        if (done) break;
        co_await broker->changed().changed(seen);
      }
    }
  }

  Task<std::unique_ptr<Consumer>> subscribe(std::string_view group,
                                            std::span<const std::string> topics) override {
    co_await check_subscription(group, topics);
    if (broker_->closed()) co_return closed_error();
    std::unique_ptr<Consumer> consumer = std::make_unique<MemoryConsumer>(broker_, group, topics);
    co_return consumer;
  }

  Task<> close() override {
    broker_->close();
    co_return;
  }

 private:
  const std::shared_ptr<Broker> broker_;
};

}  // namespace

Result<std::unique_ptr<Queue>> make_memory_queue(const MemoryQueueOptions& options) {
  if (options.most_pending == 0 || options.most_pending_bytes == 0 ||
      options.redeliver_after <= std::chrono::milliseconds(0)) {
    return Error(Code::invalid_argument,
                 "the memory queue needs room for a message and a time after which it comes again")
        .with_reason("QUEUE_OPTIONS_INVALID");
  }
  std::unique_ptr<Queue> made = std::make_unique<MemoryQueue>(options);
  return made;
}

}  // namespace kit::queue
