// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/message_form.hpp"

#include <array>
#include <limits>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/queue/limits.hpp"

namespace kit::kafka::detail {
namespace {

void add_header(rd_kafka_headers_t* headers, std::string_view name, std::string_view value) {
  rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                      static_cast<ssize_t>(value.size()));
}

/// The client's interface takes what it only copies as not const.
void set_memory(rd_kafka_vu_t& part, rd_kafka_vtype_t type, const std::string& bytes) {
  part.vtype = type;
  part.u.mem.ptr = const_cast<char*>(bytes.data());
  part.u.mem.size = bytes.size();
}

/// Of a message that others may have made: what passes is kept.
void read_header(queue::Message& message, std::string_view name, std::string_view value) {
  queue::Message probe;
  probe.id = probe.topic = probe.key = probe.type = "x";
  if (name == "id") {
    probe.id = value;
    if (queue::check(probe).ok()) message.id = value;
  } else if (name == "type") {
    probe.type = value;
    if (queue::check(probe).ok()) message.type = value;
  } else if (name == "created_at") {
    if (const auto at = Timestamp::parse(value)) message.created_at = *at;
  } else if (message.headers.size() < queue::most_headers) {
    probe.headers.emplace_back(name, value);
    if (queue::check(probe).ok()) message.headers.push_back(std::move(probe.headers.front()));
  }
}

}  // namespace

rd_kafka_resp_err_t produce(rd_kafka_t* client, const queue::Message& message, void* report) {
  rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size() + 3);
  add_header(headers, "id", message.id);
  add_header(headers, "type", message.type);
  add_header(headers, "created_at", message.created_at.to_string());
  for (const auto& [name, value] : message.headers) add_header(headers, name, value);
  std::array<rd_kafka_vu_t, 6> parts{};
  parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  parts[0].u.cstr = message.topic.c_str();
  set_memory(parts[1], RD_KAFKA_VTYPE_KEY, message.key);
  set_memory(parts[2], RD_KAFKA_VTYPE_VALUE, message.payload);
  parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  parts[3].u.i = RD_KAFKA_MSG_F_COPY;
  parts[4].vtype = RD_KAFKA_VTYPE_OPAQUE;
  parts[4].u.ptr = report;
  parts[5].vtype = RD_KAFKA_VTYPE_HEADERS;
  parts[5].u.headers = headers;
  rd_kafka_error_t* error = rd_kafka_produceva(client, parts.data(), parts.size());
  if (error == nullptr) return RD_KAFKA_RESP_ERR_NO_ERROR;
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
  rd_kafka_headers_destroy(headers);
  return code;
}

queue::Message read_message(const rd_kafka_message_t& raw) {
  queue::Message message;
  message.topic = rd_kafka_topic_name(raw.rkt);
  message.id = make_position(message.topic, raw.partition, raw.offset);
  if (raw.key != nullptr) message.key.assign(static_cast<const char*>(raw.key), raw.key_len);
  if (raw.payload != nullptr) {
    message.payload.assign(static_cast<const char*>(raw.payload), raw.len);
  }
  rd_kafka_timestamp_type_t kind{};
  const std::int64_t at = rd_kafka_message_timestamp(&raw, &kind);
  constexpr std::int64_t year_9999_ms = 253'402'300'799'999;
  if (kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && at >= 0 && at <= year_9999_ms) {
    message.created_at.since_epoch = std::chrono::milliseconds(at);
  }
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&raw, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return message;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    if (value == nullptr) continue;
    read_header(message, name, std::string_view(static_cast<const char*>(value), size));
  }
  return message;
}

std::string make_position(std::string_view topic, std::int32_t partition, std::int64_t offset) {
  return std::string(topic) + "/" + std::to_string(partition) + "/" + std::to_string(offset);
}

std::optional<Position> parse_position(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '/');
  if (parts.size() != 3) return std::nullopt;
  const auto partition = parse_int(parts[1]);
  const auto offset = parse_int(parts[2]);
  if (!partition || *partition < 0 || *partition > std::numeric_limits<std::int32_t>::max() ||
      !offset || *offset < 0) {
    return std::nullopt;
  }
  Position position;
  position.topic = parts[0];
  position.partition = static_cast<std::int32_t>(*partition);
  position.offset = *offset;
  return position;
}

}  // namespace kit::kafka::detail
