// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/queue/queue.hpp"

namespace kit::kafka::detail {

/// Hands a message to the client; id, type and time go as headers of these names. `report` comes
/// back with what becomes of it. The client copies the message.
rd_kafka_resp_err_t produce(rd_kafka_t* client, const queue::Message& message, void* report);

/// A message as it came. Of others' messages, what is missing or past a limit of ours is left out,
/// and the id is their position.
queue::Message read_message(const rd_kafka_message_t& message);

/// "topic/partition/offset"
std::string make_position(std::string_view topic, std::int32_t partition, std::int64_t offset);

struct Position {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};
std::optional<Position> parse_position(std::string_view text);

}  // namespace kit::kafka::detail
