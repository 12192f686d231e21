// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/stream_form.hpp"

#include <cstdint>
#include <utility>

#include "kit/queue/limits.hpp"

namespace kit::redis::detail {
namespace {

constexpr std::string_view header_mark = "h:";

}  // namespace

std::string StreamNames::tag(int partition) const {
  return std::string(prefix_) + "{" + std::string(topic_) + ":" + std::to_string(partition) + "}";
}

std::string StreamNames::stream(int partition) const {
  return tag(partition);
}

std::string StreamNames::lease(int partition, std::string_view group) const {
  return tag(partition) + ":reader:" + std::string(group);
}

std::string StreamNames::members(std::string_view group) const {
  return std::string(prefix_) + "{" + std::string(topic_) + "}:members:" + std::string(group);
}

std::string StreamNames::count() const {
  return std::string(prefix_) + "{" + std::string(topic_) + "}:partitions";
}

int partition_of(std::string_view key, int partitions) {
  std::uint64_t hash = 14'695'981'039'346'656'037U;
  for (const char c : key) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1'099'511'628'211U;
  }
  hash ^= hash >> 32;  // its low bits alone are weak
  return static_cast<int>(hash % static_cast<std::uint64_t>(partitions));
}

void append_fields(const queue::Message& message, std::vector<std::string>& words) {
  words.emplace_back("id");
  words.push_back(message.id);
  words.emplace_back("type");
  words.push_back(message.type);
  words.emplace_back("created_at");
  words.push_back(message.created_at.to_string());
  words.emplace_back("key");
  words.push_back(message.key);
  words.emplace_back("payload");
  words.push_back(message.payload);
  for (const auto& [name, value] : message.headers) {
    words.push_back(std::string(header_mark) + name);
    words.push_back(value);
  }
}

Result<queue::Message> read_fields(const Reply& fields, std::string_view topic,
                                   std::string_view position) {
  auto pairs = fields.as_pairs();
  if (!pairs) return std::move(pairs).error();
  queue::Message message;
  message.topic = topic;
  message.id = position;
  queue::Message probe;
  probe.topic = probe.key = "x";
  for (auto& [name, value] : *pairs) {
    probe.id = probe.type = "x";
    probe.headers.clear();
    if (name == "payload") {
      message.payload = std::move(value);
    } else if (name == "key") {
      message.key = std::move(value);
    } else if (name == "created_at") {
      if (const auto at = Timestamp::parse(value)) message.created_at = *at;
    } else if (name == "id") {
      probe.id = value;
      if (queue::check(probe).ok()) message.id = std::move(value);
    } else if (name == "type") {
      probe.type = value;
      if (queue::check(probe).ok()) message.type = std::move(value);
    } else if (name.starts_with(header_mark) && message.headers.size() < queue::most_headers) {
      probe.headers.emplace_back(name.substr(header_mark.size()), std::move(value));
      if (queue::check(probe).ok()) message.headers.push_back(std::move(probe.headers.front()));
    }
  }
  return message;
}

std::string make_position(std::string_view topic, int partition, std::string_view id) {
  std::string position(topic);
  position += '/';
  position += std::to_string(partition);
  position += '/';
  position += id;
  return position;
}

}  // namespace kit::redis::detail
