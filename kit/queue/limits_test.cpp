// SPDX-License-Identifier: Apache-2.0
#include "kit/queue/limits.hpp"

#include <gtest/gtest.h>

namespace kit::queue {
namespace {

Message good() {
  Message message;
  message.id = "m1";
  message.topic = "customers";
  message.key = "k";
  message.type = "CustomerEmailChanged";
  message.payload = "{}";
  return message;
}

std::string part_of(const Message& message) {
  const auto checked = check(message);
  if (checked.ok()) return "";
  EXPECT_EQ(checked.error().code(), Code::invalid_argument);
  if (checked.error().violations().empty()) return checked.error().reason();
  return checked.error().violations().front().field;
}

/// A part of `limit` characters passes, one more does not.
void check_length(std::string Message::* part, std::size_t limit, std::string_view name) {
  Message message = good();
  message.*part = std::string(limit, 'x');
  EXPECT_EQ(part_of(message), "") << name;
  message.*part += 'x';
  EXPECT_EQ(part_of(message), name);
}

TEST(QueueLimits, EachPartAtAndPastIt) {
  check_length(&Message::id, id_limit, "id");
  check_length(&Message::topic, topic_limit, "TOPIC_INVALID");
  check_length(&Message::key, key_limit, "key");
  check_length(&Message::type, type_limit, "type");
  check_length(&Message::payload, payload_limit, "payload");
}

TEST(QueueLimits, WhatMayBeEmpty) {
  Message message = good();
  message.payload.clear();
  EXPECT_EQ(part_of(message), "");
  message.key.clear();
  EXPECT_EQ(part_of(message), "key");
  message = good();
  message.id.clear();
  EXPECT_EQ(part_of(message), "id");
  message = good();
  message.type.clear();
  EXPECT_EQ(part_of(message), "type");
}

TEST(QueueLimits, WhatWouldBeReadAsMoreThanAName) {
  for (const std::string_view bad : {"", ".", "..", "__consumer_offsets", "^cust.*", "a b", "a/b",
                                     "a:b", "a{b}", "\xc3\xa9", "a\n"}) {
    EXPECT_FALSE(check_topic(bad).ok()) << bad;
  }
  EXPECT_FALSE(check_topic(std::string_view("a\0", 2)).ok());
  EXPECT_TRUE(check_topic("_a.B-9").ok());
  Message message = good();
  message.id = "a b";
  EXPECT_EQ(part_of(message), "id");
  message = good();
  message.key = std::string("\0\xff", 2);  // any bytes
  EXPECT_EQ(part_of(message), "");
}

TEST(QueueLimits, Headers) {
  Message message = good();
  for (std::size_t i = 0; i < most_headers; ++i) message.headers.emplace_back("h", "");
  EXPECT_EQ(part_of(message), "");
  message.headers.emplace_back("h", "");
  EXPECT_EQ(part_of(message), "headers");
  const std::string long_name(header_name_limit, 'n');
  const std::string long_value(header_value_limit, 'v');
  const auto one = [](std::string name, std::string value) {
    Message with = good();
    with.headers.emplace_back(std::move(name), std::move(value));
    return part_of(with);
  };
  EXPECT_EQ(one(long_name, long_value), "");
  EXPECT_EQ(one(long_name + "n", "v"), "headers");
  EXPECT_EQ(one("n", long_value + "v"), "headers");
  EXPECT_EQ(one("", "v"), "headers");
  EXPECT_EQ(one("Traceparent", "v"), "headers");
  EXPECT_EQ(one("n", "a\r\nb"), "headers");
  for (const char* reserved : {"id", "type", "created_at", "key", "payload", "topic"}) {
    EXPECT_EQ(one(reserved, "v"), "headers") << reserved;
  }
}

TEST(QueueLimits, ManyMessagesAndTopics) {
  std::vector<Message> messages(most_messages, good());
  EXPECT_TRUE(check(messages).ok());
  messages.push_back(good());
  EXPECT_FALSE(check(messages).ok());
  messages.resize(2);
  messages[1].key.clear();
  EXPECT_FALSE(check(messages).ok());

  std::vector<std::string> topics;
  EXPECT_FALSE(check_subscription("g", topics).ok());
  for (std::size_t i = 0; i < most_topics; ++i) topics.push_back("t" + std::to_string(i));
  EXPECT_TRUE(check_subscription("g", topics).ok());
  EXPECT_FALSE(check_subscription("", topics).ok());
  EXPECT_FALSE(check_subscription("g*", topics).ok());
  topics.push_back("more");
  EXPECT_FALSE(check_subscription("g", topics).ok());
  topics = {"a", "b", "a"};
  EXPECT_FALSE(check_subscription("g", topics).ok());
}

}  // namespace
}  // namespace kit::queue
