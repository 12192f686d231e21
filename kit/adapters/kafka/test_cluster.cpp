// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/test_cluster.hpp"

#include <vector>

#include "kit/base/assert.hpp"

namespace kit::kafka {

TestCluster::TestCluster(int brokers) : brokers_(brokers) {
  rd_kafka_conf_t* configuration = rd_kafka_conf_new();
  rd_kafka_conf_set(configuration, "log_level", "0", nullptr, 0);
  owner_ = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, nullptr, 0);
  KIT_ASSERT(owner_ != nullptr, "no client for the brokers of a test");
  cluster_ = rd_kafka_mock_cluster_new(owner_, brokers);
  KIT_ASSERT(cluster_ != nullptr, "no brokers for a test");
}

TestCluster::~TestCluster() {
  rd_kafka_mock_cluster_destroy(cluster_);
  rd_kafka_destroy(owner_);
}

KafkaOptions TestCluster::options() const {
  using std::chrono::milliseconds;
  KafkaOptions options;
  options.dsn =
      Secret<std::string>(std::string("kafka://") + rd_kafka_mock_cluster_bootstraps(cluster_));
  options.publish_limit = milliseconds(20'000);
  options.close_limit = milliseconds(10'000);
  options.session_timeout = milliseconds(6'000);
  options.linger = milliseconds(0);
  return options;
}

void TestCluster::create(const std::string& topic, int partitions) {
  const auto error = rd_kafka_mock_topic_create(cluster_, topic.c_str(), partitions, 1);
  KIT_ASSERT(error == RD_KAFKA_RESP_ERR_NO_ERROR, "the test made no topic");
}

void TestCluster::lead(const std::string& topic, int partition, int broker) {
  rd_kafka_mock_partition_set_leader(cluster_, topic.c_str(), partition, broker);
}

void TestCluster::set_up(bool up) {
  for (int id = 1; id <= brokers_; ++id) {
    if (up) {
      rd_kafka_mock_broker_set_up(cluster_, id);
    } else {
      rd_kafka_mock_broker_set_down(cluster_, id);
    }
  }
}

void TestCluster::delay(std::chrono::milliseconds round_trip) {
  for (int id = 1; id <= brokers_; ++id) {
    rd_kafka_mock_broker_set_rtt(cluster_, id, static_cast<int>(round_trip.count()));
  }
}

void TestCluster::fail(std::int16_t request, std::initializer_list<rd_kafka_resp_err_t> errors) {
  rd_kafka_mock_push_request_errors_array(cluster_, request, errors.size(), errors.begin());
}

void TestCluster::fail_topic(const std::string& topic, rd_kafka_resp_err_t error) {
  rd_kafka_mock_topic_set_error(cluster_, topic.c_str(), error);
}

}  // namespace kit::kafka
