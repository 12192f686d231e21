// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/stream_form.hpp"

#include <gtest/gtest.h>

#include <array>

#include "kit/adapters/redis/detail/stream_consumer.hpp"

namespace kit::redis::detail {
namespace {

using namespace std::chrono_literals;
using Time = Clock::time_point;

TEST(StreamForm, KeysOfAPartitionAreOnOneNode) {
  const StreamNames names("kit:queue:", "orders");
  EXPECT_EQ(names.stream(3), "kit:queue:{orders:3}");
  EXPECT_EQ(names.lease(3, "mail"), "kit:queue:{orders:3}:reader:mail");
  EXPECT_EQ(names.members("mail"), "kit:queue:{orders}:members:mail");
  EXPECT_EQ(names.count(), "kit:queue:{orders}:partitions");
}

// Another result would be another order of messages that are there already.
TEST(StreamForm, AKeyIsInOnePartitionForEver) {
  EXPECT_EQ(partition_of("customer-1", 8), 4);
  EXPECT_EQ(partition_of("customer-2", 8), 1);
  EXPECT_EQ(partition_of(std::string_view("\0\xff", 2), 256), 103);
  EXPECT_EQ(partition_of("x", 1), 0);
  std::array<int, 8> counts{};
  for (int i = 0; i < 8'000; ++i)
    ++counts[static_cast<std::size_t>(partition_of("customer-" + std::to_string(i), 8))];
  for (const int count : counts) EXPECT_NEAR(count, 1'000, 150);
}

TEST(StreamForm, EntriesOfOthersLoseWhatIsPastALimit) {
  std::vector<Reply> words;
  for (const std::string& word :
       {std::string("id"), std::string("with blank"), std::string("type"), std::string(200, 't'),
        std::string("created_at"), std::string("yesterday"), std::string("payload"),
        std::string("{}"), std::string("h:Bad"), std::string("v"), std::string("h:good"),
        std::string("v"), std::string("other"), std::string("v")}) {
    words.push_back(Reply::text(word));
  }
  const auto message =
      read_fields(Reply::aggregate(Reply::Kind::array, std::move(words)), "t", "t/0/1-1");
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->id, "t/0/1-1");
  EXPECT_EQ(message->topic, "t");
  EXPECT_EQ(message->type, "");
  EXPECT_EQ(message->key, "");
  EXPECT_EQ(message->payload, "{}");
  ASSERT_EQ(message->headers.size(), 1u);
  EXPECT_EQ(message->headers[0].first, "good");
  EXPECT_FALSE(read_fields(Reply::integer(1), "t", "t/0/1-1").ok());
}

TEST(StreamIdTest, InTheOrderOfNumbers) {
  EXPECT_LT(*StreamId::parse("5-9"), *StreamId::parse("5-10"));
  EXPECT_LT(*StreamId::parse("9-0"), *StreamId::parse("10-0"));
  EXPECT_EQ(StreamId::parse("1700000000000-3")->to_string(), "1700000000000-3");
  for (const std::string_view bad : {"", "5", "-", "5-", "-5", "5-x", "5-1-1", "-5-1"}) {
    EXPECT_FALSE(StreamId::parse(bad)) << bad;
  }
}

TEST(StreamPartTest, WhatFollowsADueOneOfItsKeyIsDueToo) {
  StreamPart part;
  part.owned = true;
  const auto add = [&part](std::uint64_t id, std::string key, Time until) {
    part.out[{id, 0}] = {std::move(key), until};
  };
  add(1, "a", Time(9s));
  add(2, "b", Time(1s));
  add(3, "a", Time(9s));
  add(4, "b", Time(9s));
  EXPECT_EQ(part.not_due(Time(500ms)).size(), 4u);
  EXPECT_EQ(part.not_due(Time(1s)), (std::vector<std::string>{"1-0", "3-0"}));
  part.begin_pass(Time(2s));
  EXPECT_TRUE(part.in_pass());
  part.end_pass();  // the pass did not find the two that were due
  EXPECT_EQ(part.out.size(), 2u);
  part.begin_pass(Time(2s));
  EXPECT_FALSE(part.in_pass());
  part.unsure = true;
  part.begin_pass(Time(2s));
  EXPECT_TRUE(part.in_pass());
}

}  // namespace
}  // namespace kit::redis::detail
