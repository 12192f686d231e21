// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "kit/adapters/kafka/detail/configuration.hpp"
#include "kit/adapters/kafka/detail/reaper.hpp"
#include "kit/adapters/kafka/detail/room.hpp"

namespace kit::kafka::detail {

/// The messages of one `publish`. Thread safety: any thread.
class Batch {
 public:
  void add() { open_.fetch_add(1, std::memory_order_relaxed); }
  /// One of them was confirmed, or not.
  void end_one(rd_kafka_resp_err_t error);
  /// The first failure.
  rd_kafka_resp_err_t failure() const { return failure_.load(std::memory_order_acquire); }
  /// Whether nothing is under way any more, or one has failed.
  bool settled() const { return failure() != 0 || open_.load(std::memory_order_acquire) == 0; }
  Signal& changed() { return changed_; }

 private:
  std::atomic<std::size_t> open_{0};
  std::atomic<rd_kafka_resp_err_t> failure_{RD_KAFKA_RESP_ERR_NO_ERROR};
  Signal changed_;
};

/// One client that sends, and the thread that takes its reports and tells the loops.
/// Thread safety: any thread.
class Producer {
 public:
  static Result<std::shared_ptr<Producer>> make(const KafkaOptions& options, const Dsn& dsn,
                                                std::shared_ptr<Room> room,
                                                std::shared_ptr<Reaper> reaper);
  Producer(rd_kafka_t* client, std::shared_ptr<Room> room, std::shared_ptr<Reaper> reaper);
  /// Hands the client to the reaper.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  /// Takes a message for which there is room. What it refuses is not under way.
  rd_kafka_resp_err_t send(const queue::Message& message, const std::shared_ptr<Batch>& batch);
  /// Nothing more is sent: what is under way fails, and what comes fails too.
  void give_up();
  /// Asks the brokers why nothing comes of messages of a topic. Blocks, a second at most.
  rd_kafka_resp_err_t ask(const std::string& topic) const;
  /// Whether the client can't go on, and another has to.
  bool is_broken() const;

 private:
  /// The thread that takes the client's reports. It outlives this, until the reaper has ended it.
  class Reports;

  rd_kafka_t* const client_;
  const std::shared_ptr<Reaper> reaper_;
  std::unique_ptr<Reports> reports_;
  std::mutex mutex_;
  bool given_up_ = false;
};

}  // namespace kit::kafka::detail
