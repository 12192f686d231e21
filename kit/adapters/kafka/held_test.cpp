// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/held.hpp"

#include <gtest/gtest.h>

namespace kit::kafka::detail {
namespace {

using namespace std::chrono_literals;
using Time = Clock::time_point;

const Held::Place place{"t", 0};

queue::Message message(std::string id, std::string key) {
  queue::Message made;
  made.id = std::move(id);
  made.key = std::move(key);
  return made;
}

class HeldTest : public ::testing::Test {
 protected:
  void SetUp() override { held_.assign(place); }
  void add(std::int64_t offset, std::string key, Time until = Time(10s)) {
    ASSERT_TRUE(
        held_.add(message("m" + std::to_string(offset), std::move(key)), place, offset, until));
  }
  std::int64_t to_commit() {
    const auto positions = held_.to_commit();
    return positions.empty() ? -1 : positions.front().second;
  }
  std::string due(Time now, std::size_t limit = 100) {
    std::vector<queue::Delivery> out;
    held_.take_due(now, now + 10s, limit, out);
    std::string ids;
    for (const auto& delivery : out) {
      ids += delivery.message.id + "/" + std::to_string(delivery.attempt) + " ";
    }
    return ids;
  }
  Held held_;
};

TEST_F(HeldTest, ThePositionStopsAtWhatIsNotAcknowledged) {
  for (std::int64_t offset = 5; offset < 9; ++offset) add(offset, "k");
  EXPECT_EQ(to_commit(), -1);
  EXPECT_TRUE(held_.acknowledge(place, 6));
  EXPECT_TRUE(held_.acknowledge(place, 7));
  EXPECT_EQ(to_commit(), -1);
  EXPECT_TRUE(held_.acknowledge(place, 5));
  EXPECT_EQ(to_commit(), 8);
  held_.committed(place, 8);
  EXPECT_EQ(to_commit(), -1);
  EXPECT_TRUE(held_.acknowledge(place, 8));
  EXPECT_EQ(to_commit(), 9);
  EXPECT_EQ(held_.messages(), 0u);
  EXPECT_EQ(held_.bytes(), 0u);
}

TEST_F(HeldTest, OffsetsMayHaveGaps) {
  add(5, "k");
  add(9, "k");
  held_.acknowledge(place, 5);
  EXPECT_EQ(to_commit(), 9);
  held_.acknowledge(place, 9);
  EXPECT_EQ(to_commit(), 10);
}

TEST_F(HeldTest, WhatWasNotDeliveredIsLost) {
  EXPECT_FALSE(held_.acknowledge(place, 0));
  add(5, "k");
  EXPECT_FALSE(held_.acknowledge(place, 4));
  EXPECT_FALSE(held_.acknowledge(place, 6));
  EXPECT_FALSE(held_.acknowledge({"t", 1}, 5));
  EXPECT_TRUE(held_.acknowledge(place, 5));
  EXPECT_TRUE(held_.acknowledge(place, 5));  // again: it is acknowledged
}

TEST_F(HeldTest, AnotherMembersPartitionIsForgotten) {
  add(5, "k");
  EXPECT_TRUE(held_.revoke(place));
  EXPECT_FALSE(held_.revoke(place));
  EXPECT_EQ(held_.messages(), 0u);
  EXPECT_EQ(held_.bytes(), 0u);
  EXPECT_EQ(held_.next_due(), Time::max());
  EXPECT_FALSE(held_.add(message("m", "k"), place, 6, Time(1s)));
  EXPECT_FALSE(held_.acknowledge(place, 5));
  held_.assign(place);
  EXPECT_FALSE(held_.acknowledge(place, 5));  // it comes again
  EXPECT_EQ(to_commit(), -1);
}

TEST_F(HeldTest, WhatIsDueComesAgainAndWhatFollowsOfItsKey) {
  add(1, "a", Time(1s));
  add(2, "b", Time(5s));
  add(3, "a", Time(5s));
  add(4, "a", Time(5s));
  held_.acknowledge(place, 3);
  EXPECT_EQ(due(Time(999ms)), "");
  EXPECT_EQ(due(Time(1s)), "m1/2 m4/2 ");
  EXPECT_EQ(held_.next_due(), Time(5s));
  EXPECT_EQ(due(Time(5s)), "m2/2 ");
  EXPECT_EQ(due(Time(11s)), "m1/3 m4/3 ");
}

TEST_F(HeldTest, WhatFindsNoRoomIsDueNext) {
  add(1, "a", Time(1s));
  add(2, "a", Time(9s));
  EXPECT_EQ(due(Time(1s), 1), "m1/2 ");
  EXPECT_EQ(due(Time(1s), 1), "m2/2 ");
  EXPECT_EQ(due(Time(1s), 1), "");
}

TEST_F(HeldTest, ATopicThatWasMadeAnewBeginsAgain) {
  for (std::int64_t offset = 5; offset < 8; ++offset) add(offset, "k");
  held_.acknowledge(place, 5);
  add(0, "k");
  EXPECT_EQ(held_.messages(), 1u);
  EXPECT_FALSE(held_.acknowledge(place, 6));
  EXPECT_TRUE(held_.acknowledge(place, 0));
  EXPECT_EQ(to_commit(), 1);
}

}  // namespace
}  // namespace kit::kafka::detail
