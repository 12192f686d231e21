// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <initializer_list>
#include <string>

#include "kit/adapters/kafka/kafka.hpp"

namespace kit::kafka {

/// Brokers within this process, for tests: the client library's own. Errors, delays and leaders can
/// be set.
class TestCluster {
 public:
  static constexpr std::int16_t produce = 0;  // the protocol's numbers of requests
  static constexpr std::int16_t join_group = 11;
  static constexpr std::int16_t offset_commit = 8;

  explicit TestCluster(int brokers = 3);
  ~TestCluster();
  TestCluster(const TestCluster&) = delete;
  TestCluster& operator=(const TestCluster&) = delete;

  /// Options for it, with times a test can wait for.
  KafkaOptions options() const;
  void create(const std::string& topic, int partitions);
  void lead(const std::string& topic, int partition, int broker);
  void set_up(bool up);
  void delay(std::chrono::milliseconds round_trip);
  /// The answers to the next requests of a kind.
  void fail(std::int16_t request, std::initializer_list<rd_kafka_resp_err_t> errors);
  void fail_topic(const std::string& topic, rd_kafka_resp_err_t error);

 private:
  const int brokers_;
  rd_kafka_t* owner_;
  rd_kafka_mock_cluster_t* cluster_;
};

}  // namespace kit::kafka
