// SPDX-License-Identifier: Apache-2.0
#include "kit/app/alarms.hpp"

#include <gtest/gtest.h>

namespace kit::app {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t mib = 1024ULL * 1024;

class AlarmsTest : public testing::Test {
 protected:
  /// A sample `after` the last one; what changed, as text.
  std::string sample(Clock::duration after, std::int64_t tasks, std::uint64_t resident = 0,
                     std::vector<AlarmSample::Host> hosts = {}) {
    now_ += after;
    std::string text;
    for (const AlarmChange& change : alarms_.add({now_, tasks, resident, std::move(hosts)})) {
      text.append(change.begins ? "+" : "-").append(change.alarm);
      if (!change.of.empty()) text.append("(" + change.of + ")");
      text.append(" ");
    }
    return text;
  }

  Alarms alarms_;
  Clock::time_point now_{1h};
};

TEST_F(AlarmsTest, ManyTasksAloneAreNoAlarm) {
  EXPECT_EQ(sample(10s, 9'000), "") << "nothing to compare with";
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sample(10s, 9'000 - i), "");
  EXPECT_FALSE(alarms_.tasks_active());
}

TEST_F(AlarmsTest, TasksPastTheLimitAndRising) {
  EXPECT_EQ(sample(10s, 4'999), "");
  EXPECT_EQ(sample(10s, 5'000), "") << "at the limit";
  EXPECT_EQ(sample(10s, 5'001), "+tasks ");
  EXPECT_TRUE(alarms_.tasks_active());
  EXPECT_EQ(sample(10s, 6'000), "") << "said once";
  EXPECT_EQ(sample(10s, 5'500), "") << "fewer, but still too many";
  EXPECT_EQ(sample(10s, 5'001), "");
  EXPECT_EQ(sample(10s, 5'000), "-tasks ");
  EXPECT_EQ(sample(10s, 5'000), "");
}

TEST_F(AlarmsTest, RisingIsSeenOverAMinute) {
  EXPECT_EQ(sample(10s, 5'400), "");
  EXPECT_EQ(sample(61s, 5'500), "") << "the one before is too old to compare with";
  EXPECT_EQ(sample(60s, 5'501), "+tasks ");
}

TEST_F(AlarmsTest, ConnectionsOfEachHostByItself) {
  EXPECT_EQ(sample(10s, 0, 0, {{"a:1", 300}, {"b:1", 301}}), "+connections(b:1) ");
  EXPECT_EQ(sample(10s, 0, 0, {{"a:1", 200}, {"a:1", 101}, {"b:1", 301}}), "+connections(a:1) ");
  EXPECT_EQ(alarms_.connections_active(), 2U);
  EXPECT_EQ(sample(10s, 0, 0, {{"b:1", 300}, {"a:1", 999}}), "-connections(b:1) ");
  EXPECT_EQ(sample(10s, 0, 0, {}), "-connections(a:1) ") << "its pool is gone";
  EXPECT_EQ(alarms_.connections_active(), 0U);
}

TEST_F(AlarmsTest, MemoryThatGrewWithinTheWindow) {
  EXPECT_EQ(sample(10s, 0, 100 * mib), "");
  EXPECT_EQ(sample(29min, 0, 140 * mib), "") << "at the limit";
  EXPECT_EQ(sample(10s, 0, 140 * mib + 1), "+memory ");
  EXPECT_TRUE(alarms_.memory_active());
  EXPECT_EQ(sample(10s, 0, 150 * mib), "");
  EXPECT_EQ(sample(10s, 0, 120 * mib), "-memory ");
}

TEST_F(AlarmsTest, SlowGrowthAndSmallProcessesAreNoAlarm) {
  std::uint64_t resident = 100 * mib;
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(sample(10min, 0, resident), "");
    resident += resident / 10;
  }
  now_ += 2h;
  EXPECT_EQ(sample(10s, 0, 10 * mib), "");
  EXPECT_EQ(sample(10s, 0, 64 * mib), "");
  EXPECT_EQ(sample(10s, 0, 64 * mib + 1), "+memory ");
}

TEST_F(AlarmsTest, AMemoryAlarmEndsWhenTheNewLevelLasts) {
  EXPECT_EQ(sample(10s, 0, 100 * mib), "");
  EXPECT_EQ(sample(10s, 0, 200 * mib), "+memory ");
  for (int i = 0; i < 30; ++i) {
    const std::string changed = sample(1min, 0, 200 * mib);
    EXPECT_EQ(changed, i < 29 ? "" : "-memory ") << i;
  }
}

}  // namespace
}  // namespace kit::app
