// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kit/adapters/kafka/detail/configuration.hpp"
#include "kit/adapters/kafka/detail/consumer.hpp"
#include "kit/adapters/kafka/detail/held.hpp"

namespace kit::kafka::detail {

/// The client of one consumer and what it holds. Nothing here waits but `leave`. Thread safety: one
/// thread at a time: the loop's, and in the end the reaper's.
class Member {
 public:
  /// `descriptor` is written to when `poll` or `commit_result` have something.
  static Result<std::unique_ptr<Member>> join(const KafkaOptions& options, const Dsn& dsn,
                                              const ConsumerSetting& setting, int descriptor);
  Member(const KafkaOptions& options, std::shared_ptr<ConsumerCounts> counts);
  ~Member();
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  /// What is due again, else what came. Also serves what the brokers say otherwise. Fails with
  /// `permission_denied`, `unauthenticated` and what the client can't go on after.
  Result<std::vector<queue::Delivery>> poll(std::size_t limit, Clock::time_point now);
  Clock::time_point next_due() const { return held_.next_due(); }

  /// False when one of them is not this member's any more.
  bool acknowledge(std::span<const queue::Delivery> deliveries);
  /// Tells the brokers where the group goes on; its number, or 0 when they know.
  Result<std::uint64_t> commit();
  /// How it ended; nothing yet.
  std::optional<rd_kafka_resp_err_t> commit_result(std::uint64_t number);

  /// Leaves the group. Blocks for as long as that takes, at most `limit`; the last call.
  void leave(std::chrono::milliseconds limit);

 private:
  static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                           rd_kafka_topic_partition_list_t* partitions, void* self);
  static void on_commit(rd_kafka_t* client, rd_kafka_resp_err_t error,
                        rd_kafka_topic_partition_list_t* offsets, void* number);
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t& partitions);
  /// Stops and starts what comes, so that no more is held than may be.
  void hold_back(bool full);
  void pause(const rd_kafka_topic_partition_list_t& partitions);
  Result<> take(const rd_kafka_message_t& message, Clock::time_point until,
                std::vector<queue::Delivery>& out);
  Result<> check_failure(rd_kafka_resp_err_t error, const char* text) const;

  const KafkaOptions options_;
  const std::shared_ptr<ConsumerCounts> counts_;
  rd_kafka_t* client_ = nullptr;
  EventQueue messages_;
  EventQueue commits_;
  Held held_;
  bool paused_ = false;
  bool leaving_ = false;
  std::uint64_t commit_number_ = 0;
  std::map<std::uint64_t, rd_kafka_resp_err_t> commit_results_;
};

}  // namespace kit::kafka::detail
