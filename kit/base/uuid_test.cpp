// SPDX-License-Identifier: Apache-2.0
#include "kit/base/uuid.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <unordered_set>

namespace kit {
namespace {

std::int64_t milliseconds_of(const Uuid& uuid) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < 6; ++i) value = value * 256 + uuid.bytes[i];
  return value;
}

std::int64_t milliseconds_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

TEST(UuidTest, ReadsAndWrites) {
  constexpr std::string_view text = "0190b9c0-7b2a-7cc3-9d6e-0123456789ab";
  auto uuid = Uuid::parse(text);
  ASSERT_TRUE(uuid);
  EXPECT_EQ(uuid->bytes[0], 0x01);
  EXPECT_EQ(uuid->bytes[15], 0xAB);
  EXPECT_EQ(uuid->to_string(), text);
  EXPECT_EQ(Uuid::parse("0190B9C0-7B2A-7CC3-9D6E-0123456789AB"), uuid);
}

TEST(UuidTest, RefusesEverythingElse) {
  for (std::string_view text :
       {"", "0190b9c07b2a7cc39d6e0123456789ab", "0190b9c0-7b2a-7cc3-9d6e-0123456789a",
        "0190b9c0-7b2a-7cc3-9d6e-0123456789abc", "0190b9c0-7b2a-7cc3-9d6e-0123456789ag",
        "{190b9c0-7b2a-7cc3-9d6e-0123456789ab", "0190b9c0_7b2a-7cc3-9d6e-0123456789ab",
        "0190b9c-07b2a-7cc3-9d6e-0123456789ab"}) {
    EXPECT_FALSE(Uuid::parse(text)) << text;
  }
}

TEST(UuidTest, Version7CarriesVariantAndTime) {
  std::int64_t before = milliseconds_now();
  Uuid uuid = Uuid::make_v7();
  EXPECT_EQ(uuid.bytes[6] >> 4, 7);
  EXPECT_EQ(uuid.bytes[8] >> 6, 2);
  EXPECT_GE(milliseconds_of(uuid), before);
  // Other ids of this thread may have pushed the time of this one ahead, but never by much.
  EXPECT_LE(milliseconds_of(uuid), milliseconds_now() + 1);
}

TEST(UuidTest, LaterOnesSortAfterEarlierOnes) {
  Uuid last = Uuid::make_v7();
  for (int i = 0; i < 20'000; ++i) {
    Uuid next = Uuid::make_v7();
    ASSERT_LT(last, next);
    last = next;
  }
}

TEST(UuidTest, ThreadsNeverMakeTheSame) {
  std::array<std::vector<Uuid>, 4> made;
  {
    std::vector<std::jthread> threads;
    for (auto& part : made) {
      threads.emplace_back([&part] {
        for (int i = 0; i < 5'000; ++i) part.push_back(Uuid::make_v7());
      });
    }
  }
  std::unordered_set<Uuid> all;
  for (const auto& part : made) all.insert(part.begin(), part.end());
  EXPECT_EQ(all.size(), 20'000U);
}

}  // namespace
}  // namespace kit
