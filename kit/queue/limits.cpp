// SPDX-License-Identifier: Apache-2.0
#include "kit/queue/limits.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kit::queue {
namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool is_header_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

bool is_visible(char c) {
  return c > ' ' && c < '\x7f';
}

bool is_text(char c) {
  return is_visible(c) || c == ' ';
}

/// 1 to `limit` characters that `allowed` takes.
bool fits(std::string_view text, std::size_t limit, bool (*allowed)(char)) {
  return !text.empty() && text.size() <= limit && std::ranges::all_of(text, allowed);
}

Error bad(std::string part, std::string what) {
  std::string description = part + " " + what;
  return Error(Code::invalid_argument, "the message's " + description)
      .with_reason("MESSAGE_INVALID")
      .with_violation(std::move(part), std::move(what));
}

Result<> check_headers(const Message& message) {
  if (message.headers.size() > most_headers) {
    return bad("headers", "are more than " + std::to_string(most_headers));
  }
  for (const auto& [name, value] : message.headers) {
    if (!fits(name, header_name_limit, is_header_name)) {
      return bad("headers", "have a name that is not 1 to 64 of a-z, 0-9, '_' and '-'");
    }
    if (is_reserved_header(name)) {
      return bad("headers", "have '" + name + "', which is a part of every message");
    }
    if (value.size() > header_value_limit || !std::ranges::all_of(value, is_text)) {
      return bad("headers",
                 "have a value of '" + name + "' that is not up to 1024 of visible ASCII");
    }
  }
  return {};
}

}  // namespace

bool is_reserved_header(std::string_view name) {
  static constexpr std::array<std::string_view, 6> reserved = {"id",  "type",    "created_at",
                                                               "key", "payload", "topic"};
  return std::ranges::find(reserved, name) != reserved.end();
}

Result<> check_topic(std::string_view topic) {
  if (fits(topic, topic_limit, is_word) && !topic.starts_with("__") && topic != "." &&
      topic != "..") {
    return {};
  }
  return Error(Code::invalid_argument,
               "a topic or group is 1 to 249 of letters, digits, '.', '_' and '-', does not begin "
               "with \"__\" and is neither \".\" nor \"..\"")
      .with_reason("TOPIC_INVALID");
}

Result<> check(const Message& message) {
  KIT_TRY(check_topic(message.topic));
  if (!fits(message.id, id_limit, is_visible)) return bad("id", "is not 1 to 128 of visible ASCII");
  if (message.key.empty() || message.key.size() > key_limit) {
    return bad("key", "is not of 1 to 1024 bytes");
  }
  if (!fits(message.type, type_limit, is_word)) {
    return bad("type", "is not 1 to 128 of letters, digits, '.', '_' and '-'");
  }
  if (message.payload.size() > payload_limit) return bad("payload", "is over 1048576 bytes");
  return check_headers(message);
}

Result<> check(std::span<const Message> messages) {
  if (messages.size() > most_messages) {
    return Error(Code::invalid_argument, "more than 1000 messages are published at once")
        .with_reason("MESSAGE_INVALID");
  }
  for (const Message& message : messages) KIT_TRY(check(message));
  return {};
}

Result<> check_subscription(std::string_view group, std::span<const std::string> topics) {
  KIT_TRY(check_topic(group));
  if (topics.empty() || topics.size() > most_topics) {
    return Error(Code::invalid_argument, "a consumer has 1 to 64 topics")
        .with_reason("TOPIC_INVALID");
  }
  for (std::size_t i = 0; i < topics.size(); ++i) {
    KIT_TRY(check_topic(topics[i]));
    if (std::ranges::find(topics.first(i), topics[i]) != topics.first(i).end()) {
      return Error(Code::invalid_argument, "a consumer has the topic " + topics[i] + " twice")
          .with_reason("TOPIC_INVALID");
    }
  }
  return {};
}

std::size_t weight(const Message& message) {
  std::size_t bytes = 256 + message.id.size() + message.topic.size() + message.key.size() +
                      message.type.size() + message.payload.size();
  for (const auto& [name, value] : message.headers) bytes += 64 + name.size() + value.size();
  return bytes;
}

}  // namespace kit::queue
