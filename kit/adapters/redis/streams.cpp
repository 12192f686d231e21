// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/streams.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "kit/adapters/redis/detail/stream_consumer.hpp"
#include "kit/adapters/redis/detail/stream_form.hpp"
#include "kit/adapters/redis/detail/stream_scripts.hpp"
#include "kit/async/signal.hpp"
#include "kit/async/task_group.hpp"
#include "kit/queue/limits.hpp"

namespace kit::redis {
namespace {

using detail::StreamNames;
using detail::StreamShared;
using queue::Message;
using Texts = std::vector<std::string_view>;

// Of one call of the script, during which the server does nothing else.
constexpr std::size_t most_at_once = 200;
constexpr std::size_t most_bytes_at_once = 4 * 1'048'576;

Error closed_error() {
  return Error(Code::unavailable, "the queue is closed").with_reason("QUEUE_CLOSED");
}

Error full_error() {
  return Error(Code::resource_exhausted,
               "the stream is full of messages that a group has not acknowledged; see to its "
               "consumers, or remove the group with XGROUP DESTROY")
      .with_reason("QUEUE_FULL");
}

Result<> check(const StreamOptions& options) {
  const auto bad = [](std::string what) {
    return Error(Code::invalid_argument, std::move(what)).with_reason("QUEUE_OPTIONS_INVALID");
  };
  if (options.partitions < 1 || options.partitions > 256) return bad("partitions are 1 to 256");
  if (options.most_kept < most_at_once) return bad("most_kept is at least 200");
  if (options.most_held < 1) return bad("most_held is at least 1");
  if (options.redeliver_after < std::chrono::milliseconds(100)) {
    return bad("redeliver_after is at least 100 ms");
  }
  const bool is_prefix =
      options.prefix.size() <= 64 && std::ranges::all_of(options.prefix, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-' || c == ':';
      });
  if (!is_prefix) return bad("the prefix is up to 64 of letters, digits, '.', '_', '-' and ':'");
  return {};
}

class Streams final : public StreamQueue {
 public:
  explicit Streams(std::shared_ptr<StreamShared> shared) : shared_(std::move(shared)) {}

  Task<> publish(std::span<const Message> messages) override;
  Task<std::unique_ptr<queue::Consumer>> subscribe(std::string_view group,
                                                   std::span<const std::string> topics) override;
  Task<> close() override;
  StreamStats stats() const override;

 private:
  /// Counts what is under way, so that `close` can await it.
  class UnderWay {
   public:
    explicit UnderWay(Streams& streams) : streams_(streams) { ++streams_.under_way_; }
    ~UnderWay() {
      --streams_.under_way_;
      streams_.ended_.notify();
    }
    UnderWay(const UnderWay&) = delete;
    UnderWay& operator=(const UnderWay&) = delete;

   private:
    Streams& streams_;
  };

  /// How many partitions a topic has, which is for ever.
  Task<int> partitions(std::string_view topic);
  Task<> send(std::string stream, std::vector<const Message*> messages);
  Task<> send_some(std::string_view stream, std::span<const Message* const> messages);

  const std::shared_ptr<StreamShared> shared_;
  std::mutex mutex_;
  std::map<std::string, int, std::less<>> partitions_;
  std::atomic<bool> closed_{false};
  std::atomic<std::size_t> under_way_{0};
  Signal ended_;
};

Task<int> Streams::partitions(std::string_view topic) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = partitions_.find(topic);
    if (known != partitions_.end()) co_return known->second;
  }
  const std::string key = StreamNames(shared_->options.prefix, topic).count();
  const std::string wanted = std::to_string(shared_->options.partitions);
  const Texts keys{key};
  const Texts arguments{wanted};
  const Reply reply = co_await shared_->client->run(detail::count_script(), keys, arguments);
  const std::int64_t count = co_await reply.as_integer();
  if (count < 1 || count > 256) {
    co_return Error(Code::failed_precondition, "the key " + key + " has no number of partitions")
        .with_reason("QUEUE_PARTITIONS");
  }
  const std::lock_guard lock(mutex_);
  partitions_.emplace(topic, static_cast<int>(count));
  co_return static_cast<int>(count);
}

Task<> Streams::send_some(std::string_view stream, std::span<const Message* const> messages) {
  std::vector<std::string> words;
  words.push_back(std::to_string(shared_->options.most_kept));
  for (const Message* message : messages) {
    const std::size_t at = words.size();
    words.emplace_back();
    detail::append_fields(*message, words);
    words[at] = std::to_string(words.size() - at - 1);
  }
  const Texts keys{stream};
  const Texts arguments(words.begin(), words.end());
  const Reply reply = co_await shared_->client->run(detail::publish_script(), keys, arguments);
  const std::int64_t added = co_await reply.as_integer();
  const std::size_t count = messages.size();
  if (added == 0) {
    shared_->counts.full.fetch_add(count, std::memory_order_relaxed);
    co_await full_error();
  }
  shared_->counts.published.fetch_add(count, std::memory_order_relaxed);
}

/// One call after the other, so that nothing comes behind what failed.
Task<> Streams::send(std::string stream, std::vector<const Message*> messages) {
  std::size_t from = 0;
  while (from < messages.size()) {
    std::size_t to = from;
    std::size_t bytes = 0;
    while (to < messages.size() && to - from < most_at_once &&
           (to == from || bytes + queue::weight(*messages[to]) <= most_bytes_at_once)) {
      bytes += queue::weight(*messages[to++]);
    }
    const std::span<const Message* const> some(messages.data() + from, to - from);
    co_await send_some(stream, some);
    from = to;
  }
}

Task<> Streams::publish(std::span<const Message> messages) {
  co_await queue::check(messages);
  if (closed_) co_await closed_error();
  const UnderWay under_way(*this);
  std::map<std::string, std::vector<const Message*>> streams;
  for (const Message& message : messages) {
    const int count = co_await partitions(message.topic);
    const StreamNames names(shared_->options.prefix, message.topic);
    streams[names.stream(detail::partition_of(message.key, count))].push_back(&message);
  }
  TaskGroup group("publish");
  for (auto& [stream, some] : streams) group.spawn(send(stream, std::move(some)));
  co_await group.join();
}

Task<std::unique_ptr<queue::Consumer>> Streams::subscribe(std::string_view group,
                                                          std::span<const std::string> topics) {
  co_await queue::check_subscription(group, topics);
  if (closed_) co_return closed_error();
  const std::string name(group);
  std::vector<detail::StreamTopic> found;
  std::vector<detail::StreamPart> parts;
  for (const std::string& topic : topics) {
    const StreamNames names(shared_->options.prefix, topic);
    detail::StreamTopic& one = found.emplace_back();
    one.name = topic;
    one.members = names.members(group);
    one.first = static_cast<int>(parts.size());
    one.partitions = co_await partitions(topic);
    for (int i = 0; i < one.partitions; ++i) {
      detail::StreamPart& part = parts.emplace_back();
      part.topic = topic;
      part.number = i;
      part.stream = names.stream(i);
      part.lease = names.lease(i, group);
      // Known to the stream from now on: what it has not read is kept.
      const Texts keys{part.stream};
      const Texts arguments{name};
      co_await shared_->client->run(detail::group_script(), keys, arguments);
    }
  }
  std::unique_ptr<queue::Consumer> consumer =
      std::make_unique<detail::StreamConsumer>(shared_, name, std::move(found), std::move(parts));
  co_return consumer;
}

Task<> Streams::close() {
  closed_ = true;
  while (true) {
    const std::uint64_t seen = ended_.count();
    if (under_way_ == 0) break;
    co_await ended_.changed(seen);
  }
}

StreamStats Streams::stats() const {
  const detail::StreamCounts& counts = shared_->counts;
  StreamStats stats;
  stats.published = counts.published.load(std::memory_order_relaxed);
  stats.full = counts.full.load(std::memory_order_relaxed);
  stats.received = counts.received.load(std::memory_order_relaxed);
  stats.redelivered = counts.redelivered.load(std::memory_order_relaxed);
  stats.acquired = counts.acquired.load(std::memory_order_relaxed);
  stats.lost = counts.lost.load(std::memory_order_relaxed);
  stats.removed = counts.removed.load(std::memory_order_relaxed);
  return stats;
}

}  // namespace

Result<std::unique_ptr<StreamQueue>> open_streams(std::shared_ptr<Client> client,
                                                  StreamOptions options) {
  KIT_TRY(check(options));
  auto shared = std::make_shared<StreamShared>(std::move(client), std::move(options));
  std::unique_ptr<StreamQueue> queue = std::make_unique<Streams>(std::move(shared));
  return queue;
}

}  // namespace kit::redis
