// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/kafka.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "kit/adapters/kafka/detail/consumer.hpp"
#include "kit/adapters/kafka/detail/errors.hpp"
#include "kit/adapters/kafka/detail/producer.hpp"
#include "kit/async/blocking.hpp"
#include "kit/async/operation.hpp"
#include "kit/queue/limits.hpp"

namespace kit::kafka {
namespace {

using detail::Batch;
using detail::Producer;
using queue::Consumer;
using queue::Message;

Error busy_error() {
  return Error(Code::resource_exhausted, "too many messages are on their way to the brokers")
      .with_reason("QUEUE_BUSY");
}

/// What `publish` ends with when nothing came of it in time. `asked`: what the brokers said of the
/// topic.
Error unconfirmed_error(const detail::Room& room, rd_kafka_resp_err_t asked) {
  constexpr std::string_view doing = "the brokers did not confirm in time";
  switch (detail::code_of(asked)) {
    case Code::permission_denied:
    case Code::unauthenticated:
    case Code::not_found:
    case Code::invalid_argument:
      return detail::make_error(asked, doing);
    default:
      break;
  }
  const auto last = room.last_error();
  const bool refused = last && last->code() == Code::unauthenticated;
  std::string why = last ? last->message() : std::string(rd_kafka_err2str(asked));
  return Error(refused ? Code::unauthenticated : Code::unavailable,
               std::string(doing) + "; " + std::move(why))
      .with_reason("KAFKA_UNCONFIRMED");
}

class Brokers final : public KafkaQueue {
 public:
  Brokers(KafkaOptions options, detail::Dsn dsn)
      : options_(std::move(options)),
        dsn_(std::move(dsn)),
        room_(std::make_shared<detail::Room>(options_.most_pending, options_.most_pending_bytes)),
        reaper_(std::make_shared<detail::Reaper>()),
        counts_(std::make_shared<detail::ConsumerCounts>()) {}
  ~Brokers() override {
    if (producer_ != nullptr) producer_->give_up();
  }

  Result<> start() {
    const std::lock_guard lock(mutex_);
    auto made = make_producer();
    if (!made) return std::move(made).error();
    return {};
  }

  Task<> publish(std::span<const Message> messages) override;
  Task<std::unique_ptr<Consumer>> subscribe(std::string_view group,
                                            std::span<const std::string> topics) override;
  Task<> close() override;

  Result<> health() const override {
    auto last = room_->last_error();
    if (last) return std::move(*last);
    return {};
  }
  KafkaStats stats() const override;

 private:
  /// The one that sends now; another after one that broke or is stuck.
  Result<std::shared_ptr<Producer>> producer();
  Result<std::shared_ptr<Producer>> make_producer();
  void give_up_if_stalled(const std::shared_ptr<Producer>& producer);
  Task<> send(std::shared_ptr<Producer> producer, std::span<const Message> messages,
              std::shared_ptr<Batch> batch, Clock::time_point end);

  const KafkaOptions options_;
  const detail::Dsn dsn_;
  const std::shared_ptr<detail::Room> room_;
  const std::shared_ptr<detail::Reaper> reaper_;
  const std::shared_ptr<detail::ConsumerCounts> counts_;
  mutable std::mutex mutex_;
  std::shared_ptr<Producer> producer_;
  std::uint64_t producers_ = 0;
  bool closed_ = false;
};

Result<std::shared_ptr<Producer>> Brokers::make_producer() {
  auto made = Producer::make(options_, dsn_, room_, reaper_);
  if (!made) return std::move(made).error();
  ++producers_;
  producer_ = *made;
  return made;
}

Result<std::shared_ptr<Producer>> Brokers::producer() {
  const std::lock_guard lock(mutex_);
  if (closed_) return detail::closed_error();
  if (producer_ != nullptr && !producer_->is_broken()) return producer_;
  if (producer_ != nullptr) producer_->give_up();
  producer_.reset();
  return make_producer();
}

void Brokers::give_up_if_stalled(const std::shared_ptr<Producer>& producer) {
  if (!room_->is_stalled(options_.publish_limit)) return;
  producer->give_up();
  const std::lock_guard lock(mutex_);
  if (producer_ == producer) producer_.reset();
}

Task<> Brokers::send(std::shared_ptr<Producer> producer, std::span<const Message> messages,
                     std::shared_ptr<Batch> batch, Clock::time_point end) {
  for (const Message& message : messages) {
    const std::size_t bytes = queue::weight(message);
    while (true) {
      const std::uint64_t seen = room_->changed().count();
      if (room_->take(bytes)) break;
      if (Loop::current().now() >= end) co_await busy_error();
      co_await room_->changed().changed(seen, end);
    }
    // What follows one that failed must not come before it.
    rd_kafka_resp_err_t failed = batch->failure();
    if (failed == 0) failed = producer->send(message, batch);
    if (failed != 0) {
      room_->refuse(bytes);
      co_await detail::make_error(failed, "a message was refused");
    }
  }
}

Task<> Brokers::publish(std::span<const Message> messages) {
  co_await queue::check(messages);
  const Clock::time_point end = Loop::current().now() + options_.publish_limit;
  std::shared_ptr<Producer> sending = co_await producer();
  if (room_->is_stalled(options_.publish_limit)) {
    give_up_if_stalled(sending);
    sending = co_await producer();
  }
  const auto batch = std::make_shared<Batch>();
  const auto room = room_;
  co_await send(sending, messages, batch, end);
  while (true) {
    const std::uint64_t seen = batch->changed().count();
    if (batch->settled()) break;
    if (Loop::current().now() >= end) {
      auto ask = [sending, topic = messages.front().topic] {
        return Result<rd_kafka_resp_err_t>(sending->ask(topic));
      };
      const auto asked = co_await as_result(blocking(BlockingPool::shared(), std::move(ask)));
      give_up_if_stalled(sending);
      co_await unconfirmed_error(*room, asked.ok() ? *asked : RD_KAFKA_RESP_ERR__TIMED_OUT);
    }
    co_await batch->changed().changed(seen, end);
  }
  if (batch->failure() != 0) {
    co_await detail::make_error(batch->failure(), "a message was not confirmed");
  }
}

Task<std::unique_ptr<Consumer>> Brokers::subscribe(std::string_view group,
                                                   std::span<const std::string> topics) {
  co_await queue::check_subscription(group, topics);
  {
    const std::lock_guard lock(mutex_);
    if (closed_) co_return detail::closed_error();
  }
  detail::ConsumerSetting setting;
  setting.group = group;
  setting.topics.assign(topics.begin(), topics.end());
  setting.reaper = reaper_;
  setting.counts = counts_;
  co_return detail::make_consumer(options_, dsn_, std::move(setting));
}

Task<> Brokers::close() {
  std::shared_ptr<Producer> last;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    last = std::exchange(producer_, nullptr);
  }
  if (last == nullptr) co_return;
  const Clock::time_point end = Loop::current().now() + options_.close_limit;
  const auto room = room_;
  while (true) {
    const std::uint64_t seen = room->changed().count();
    if (room->pending() == 0) co_return;
    if (Loop::current().now() >= end) break;
    const Result<> waited = co_await as_result(room->changed().changed(seen, end));
    if (!waited) {
      last->give_up();
      co_await waited.error().clone();
    }
  }
  last->give_up();
  co_await Error(Code::deadline_exceeded, "messages were on their way to the brokers at the end")
      .with_reason("KAFKA_UNCONFIRMED");
}

KafkaStats Brokers::stats() const {
  KafkaStats stats;
  stats.published = room_->confirmed();
  stats.refused = room_->refused();
  stats.pending = room_->pending();
  stats.received = counts_->received.load(std::memory_order_relaxed);
  stats.redelivered = counts_->redelivered.load(std::memory_order_relaxed);
  stats.revoked = counts_->revoked.load(std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  stats.producers = producers_;
  return stats;
}

Result<> check_options(const KafkaOptions& options) {
  const std::chrono::milliseconds none(0);
  if (options.most_pending > 0 && options.most_pending_bytes > 0 && options.most_held > 0 &&
      options.most_held_bytes > 0 && options.publish_limit > none &&
      options.redeliver_after > none && options.close_limit > none && options.linger >= none &&
      options.session_timeout > none) {
    return {};
  }
  return Error(Code::invalid_argument, "the bounds and times of a Kafka queue are over 0")
      .with_reason("QUEUE_OPTIONS_INVALID");
}

}  // namespace

Result<std::unique_ptr<KafkaQueue>> open(const KafkaOptions& options) {
  KIT_TRY(check_options(options));
  auto dsn = detail::parse_dsn(options.dsn.reveal());
  if (!dsn) return std::move(dsn).error();
  auto brokers = std::make_unique<Brokers>(options, std::move(*dsn));
  KIT_TRY(brokers->start());
  return std::unique_ptr<KafkaQueue>(std::move(brokers));
}

}  // namespace kit::kafka
