// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/consumer.hpp"

#include <algorithm>
#include <utility>

#include "kit/adapters/kafka/detail/arrival.hpp"
#include "kit/adapters/kafka/detail/errors.hpp"
#include "kit/adapters/kafka/detail/member.hpp"
#include "kit/async/signal.hpp"
#include "kit/queue/limits.hpp"

namespace kit::kafka::detail {
namespace {

using queue::Delivery;

class KafkaConsumer final : public queue::Consumer {
 public:
  KafkaConsumer(std::chrono::milliseconds limit, std::shared_ptr<Reaper> reaper,
                std::unique_ptr<Arrival> arrival, std::unique_ptr<Member> member)
      : limit_(limit),
        reaper_(std::move(reaper)),
        left_(std::make_shared<Signal>()),
        arrival_(std::move(arrival)),
        member_(std::move(member)) {}
  ~KafkaConsumer() override { leave(); }

  Task<std::vector<Delivery>> receive(std::size_t limit, std::chrono::milliseconds wait) override {
    const Clock::time_point end = Loop::current().now() + wait;
    while (true) {
      if (member_ == nullptr) co_return closed_error();
      arrival_->clear();
      auto got =
          co_await member_->poll(std::min(limit, queue::most_messages), Loop::current().now());
      if (!got.empty() || Loop::current().now() >= end) co_return got;
      co_await arrival_->wait(std::min(end, member_->next_due()));
    }
  }

  Task<> acknowledge(std::span<const Delivery> deliveries) override {
    if (member_ == nullptr) co_await lost_error();
    const bool all = member_->acknowledge(deliveries);
    const std::uint64_t number = co_await member_->commit();
    const Clock::time_point end = Loop::current().now() + limit_;
    while (number != 0) {
      arrival_->clear();
      const auto result = member_->commit_result(number);
      if (result && code_of(*result) == Code::aborted) co_await lost_error();
      if (result && *result != RD_KAFKA_RESP_ERR_NO_ERROR) {
        co_await make_error(*result, "can't acknowledge");
      }
      if (result) break;
      if (Loop::current().now() >= end) {
        co_await make_error(RD_KAFKA_RESP_ERR__TIMED_OUT, "can't acknowledge");
      }
      co_await arrival_->wait(end);
    }
    if (!all) co_await lost_error();
  }

  Task<> close() override {
    leave();
    const auto left = left_;
    co_await left->changed(0);
  }

 private:
  /// The client's end blocks: another thread has it from here.
  void leave() {
    if (member_ == nullptr) return;
    arrival_->close();
    Function<void()> end = [limit = limit_, left = left_, arrival = std::move(arrival_),
                            member = std::move(member_)]() mutable {
      member->leave(limit);
      member.reset();
      arrival.reset();  // its descriptor outlives who writes to it
      left->notify();
    };
    reaper_->run(std::move(end));
  }

  const std::chrono::milliseconds limit_;
  const std::shared_ptr<Reaper> reaper_;
  const std::shared_ptr<Signal> left_;
  std::unique_ptr<Arrival> arrival_;
  std::unique_ptr<Member> member_;
};

}  // namespace

Result<std::unique_ptr<queue::Consumer>> make_consumer(const KafkaOptions& options, const Dsn& dsn,
                                                       ConsumerSetting setting) {
  auto arrival = Arrival::make();
  if (!arrival) return std::move(arrival).error();
  auto member = Member::join(options, dsn, setting, (*arrival)->descriptor());
  if (!member) return std::move(member).error();
  std::unique_ptr<queue::Consumer> consumer = std::make_unique<KafkaConsumer>(
      options.close_limit, std::move(setting.reaper), std::move(*arrival), std::move(*member));
  return consumer;
}

}  // namespace kit::kafka::detail
