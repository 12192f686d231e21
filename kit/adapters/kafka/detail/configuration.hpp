// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

#include "kit/adapters/kafka/detail/dsn.hpp"
#include "kit/adapters/kafka/kafka.hpp"

namespace kit::kafka::detail {

struct ConfigurationDeleter {
  void operator()(rd_kafka_conf_t* configuration) const { rd_kafka_conf_destroy(configuration); }
};
using Configuration = std::unique_ptr<rd_kafka_conf_t, ConfigurationDeleter>;

struct ListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

struct QueueDeleter {
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
};
using EventQueue = std::unique_ptr<rd_kafka_queue_t, QueueDeleter>;

/// Fail with `invalid_argument` (QUEUE_OPTIONS_INVALID) for what the client does not take.
Result<Configuration> producer_configuration(const KafkaOptions& options, const Dsn& dsn);
Result<Configuration> consumer_configuration(const KafkaOptions& options, const Dsn& dsn,
                                             const std::string& group);

/// Takes the configuration. Fails with `resource_exhausted` or what the client says.
Result<rd_kafka_t*> make_client(rd_kafka_type_t type, Configuration configuration);

}  // namespace kit::kafka::detail
