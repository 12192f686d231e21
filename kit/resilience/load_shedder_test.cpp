// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/load_shedder.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/resilience/cpu_meter.hpp"

namespace kit::resilience {
namespace {

using namespace std::chrono_literals;

class LoadShedderTest : public ::testing::Test {
 protected:
  /// A second of `rate` requests that take 1 ms each; leaves it knowing its best.
  void live(int rate) {
    for (int i = 0; i < rate; ++i) {
      ASSERT_TRUE(shedder.admit(Priority::normal, now, 0ms));
      shedder.finish(now, 1ms);
      now += 1'000'000us / rate;
    }
  }
  void busy() {
    for (int i = 0; i < 30; ++i) shedder.add_cpu(100ms, 100ms, now);
  }
  /// How many of `count` are admitted; they stay in flight.
  int admitted(Priority priority, int count, Clock::duration waited = 0ms) {
    int passed = 0;
    for (int i = 0; i < count; ++i) passed += shedder.admit(priority, now, waited) ? 1 : 0;
    return passed;
  }

  LoadShedder shedder;
  Clock::time_point now{1h};
};

TEST_F(LoadShedderTest, WithoutAReasonEverythingPasses) {
  EXPECT_EQ(admitted(Priority::low, 10'000, 1s), 10'000);
  EXPECT_EQ(shedder.read(now).in_flight, 10'000);
  EXPECT_FALSE(shedder.read(now).overloaded);
}

TEST_F(LoadShedderTest, AdmitsAsManyAtATimeAsItsBestAndTheImportantLast) {
  live(10'000);  // 1000 a tick of 1 ms each: 10 at a time, and half as many again
  EXPECT_NEAR(shedder.read(now).limit, 15, 1);
  EXPECT_NEAR(shedder.read(now).best_rate, 10'000, 500);
  busy();
  EXPECT_TRUE(shedder.read(now).overloaded);
  now += 1ms;
  const auto pass = admitted(Priority::low, 100);
  EXPECT_LE(pass, 9);
  const auto normal = admitted(Priority::normal, 100);
  EXPECT_LE(pass + normal, 16);
  EXPECT_GE(pass + normal, 14);
  EXPECT_EQ(admitted(Priority::low, 100), 0);
  const auto critical = admitted(Priority::critical, 100);
  EXPECT_EQ(critical, 100);  // ten times as many
  EXPECT_LE(admitted(Priority::critical, 100), 36);
  const LoadReading reading = shedder.read(now);
  EXPECT_EQ(reading.refused[2], 200U - static_cast<unsigned>(pass));
  EXPECT_GE(reading.in_flight, pass + normal + critical);
}

TEST_F(LoadShedderTest, RefusesWhoHasWaitedForTooLong) {
  live(10'000);
  busy();
  now += 1ms;
  EXPECT_LE(admitted(Priority::normal, 100, 100ms), 3);  // a tenth of its best passes anyway
  EXPECT_GT(admitted(Priority::normal, 5, 100us), 0);
}

TEST_F(LoadShedderTest, LetsATenthOfItsBestPassWhateverHappens) {
  live(1'000);  // 100 a tick
  busy();
  int passed = 0;
  for (int step = 0; step < 100; ++step) {
    now += 1ms;
    passed += admitted(Priority::low, 100, 1s);
  }
  EXPECT_GE(passed, 8);
  EXPECT_LE(passed, 12);
}

TEST_F(LoadShedderTest, ItIsOverWhenTheReasonIs) {
  live(1'000);
  busy();
  for (int i = 0; i < 30; ++i) shedder.add_cpu(10ms, 100ms, now);
  now += 999ms;
  EXPECT_TRUE(shedder.read(now).overloaded);
  now += 1ms;
  EXPECT_FALSE(shedder.read(now).overloaded);
  EXPECT_EQ(admitted(Priority::low, 1'000), 1'000);
}

TEST_F(LoadShedderTest, WaitsAreAReason) {
  live(1'000);
  for (int i = 0; i < 100; ++i) shedder.add_wait(4'900us, now);
  now += 100ms;
  shedder.admit(Priority::normal, now, 0ms);
  EXPECT_FALSE(shedder.read(now).overloaded);
  for (int tick = 0; tick < 2; ++tick) {
    EXPECT_FALSE(shedder.read(now).overloaded);  // one alone is a moment
    for (int i = 0; i < 100; ++i) shedder.add_wait(5'200us, now);
    now += 100ms;
    shedder.admit(Priority::normal, now, 0ms);
  }
  EXPECT_TRUE(shedder.read(now).overloaded);
  now += 10s;
  shedder.admit(Priority::normal, now, 0ms);
  EXPECT_FALSE(shedder.read(now).overloaded);
  for (int i = 0; i < 100; ++i) shedder.add_wait(25ms, now);
  now += 100ms;
  shedder.admit(Priority::normal, now, 0ms);
  EXPECT_TRUE(shedder.read(now).overloaded);  // a moment as bad as that is a queue
}

TEST_F(LoadShedderTest, IsSwitchedOffLive) {
  live(1'000);
  busy();
  shedder.apply({.enabled = false});
  EXPECT_EQ(admitted(Priority::low, 1'000, 1s), 1'000);
  busy();
  EXPECT_EQ(admitted(Priority::low, 1'000, 1s), 1'000);
  EXPECT_EQ(shedder.refusal().code(), Code::unavailable);
  EXPECT_EQ(shedder.refusal().reason(), "OVERLOADED");
  EXPECT_EQ(shedder.refusal().retry_after(), 1s);
}

TEST_F(LoadShedderTest, ATicketCannotBeForgotten) {
  {
    auto answered = shedder.enter(Priority::normal, now, 0ms);
    auto dropped = shedder.enter(Priority::normal, now, 0ms);
    ASSERT_TRUE(answered && dropped);
    auto moved = std::move(*answered);
    EXPECT_EQ(shedder.read(now).in_flight, 2);
    moved.finish(now + 7ms);
    moved.finish(now + 9ms);  // once
    EXPECT_EQ(shedder.read(now).in_flight, 1);
  }
  EXPECT_EQ(shedder.read(now).in_flight, 0);
  now += 100ms;
  shedder.admit(Priority::normal, now, 0ms);
  EXPECT_EQ(shedder.read(now).best_duration, 7ms);  // of the one that was answered
}

TEST_F(LoadShedderTest, AQuietNightIsForgotten) {
  live(1'000);
  now += 8h;
  shedder.admit(Priority::normal, now, 0ms);
  EXPECT_EQ(shedder.read(now).best_rate, 0);
  live(1'000);
  EXPECT_NEAR(shedder.read(now).best_rate, 1'000, 50);
}

TEST_F(LoadShedderTest, RefusesOptionsThatCannotBeRight) {
  const auto problem = [](LoadShedderOptions options) {
    const Result<> checked = options.check();
    return checked.ok() ? std::string("fine") : checked.error().message();
  };
  EXPECT_EQ(problem({}), "fine");
  EXPECT_EQ(problem({.cpu = 0}), "cpu must be more than 0 and at most 1");
  EXPECT_EQ(problem({.cpu = 1.01}), "cpu must be more than 0 and at most 1");
  EXPECT_EQ(problem({.queue_delay = 0ms}), "queue_delay must be at least 1 ms");
  EXPECT_EQ(problem({.cool_off = 99ms}), "cool_off must be at least 100 ms");
  EXPECT_EQ(problem({.least = 0.009}), "least must be 0.01 to 1");
  EXPECT_EQ(problem({.least_in_flight = 0}), "least_in_flight must be at least 1");
  EXPECT_EQ(problem({.retry_after = -1ms}), "retry_after must not be negative");
}

TEST(LoadShedderThreads, CountsWhatIsInFlight) {
  LoadShedder shedder;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) {
        const auto now = Clock::time_point(1h) + 50us * i;
        if (!shedder.admit(Priority::normal, now, 10ms)) continue;
        shedder.finish(now, 1ms, i % 10 != 0);
        if (i % 100 == 0) shedder.add_cpu(99ms, 100ms, now);
        if (i % 500 == 0) shedder.apply({.least = 0.1 + i / 100'000.0});
        if (i % 500 == 7) shedder.read(now);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const LoadReading reading = shedder.read(Clock::time_point(1h));
  EXPECT_EQ(reading.in_flight, 0);
  EXPECT_EQ(reading.admitted[1] + reading.refused[1], 20'000U);
}

TEST(CpuMeter, SeesWhatIsUsedAndMayBeUsed) {
  EXPECT_GT(allowed_cpus(), 0);
  CpuMeter meter;
  const auto until = Clock::now() + 50ms;
  while (Clock::now() < until) {
  }
  const CpuMeter::Use use = meter.read(Clock::now());
  EXPECT_GT(use.used, 1ms);
  EXPECT_GE(use.possible, 50ms * std::min(allowed_cpus(), 1.0));
}

TEST(CpuMeter, ReadsWhatAControlGroupAllows) {
  EXPECT_EQ(parse_cpu_max("max 100000\n"), 0);
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(parse_cpu_max("50000 100000"), 0.5);
  for (const char* nonsense : {"", "x", "1", "1 0", "-1 100000", "-1 -1", "0 100000", "1 x"}) {
    EXPECT_EQ(parse_cpu_max(nonsense), 0) << nonsense;
  }
}

TEST(WaitedInTurn, GrowsWithinATurn) {
  const auto loop = std::move(make_epoll_loop().value());
  auto work = []() -> Task<Clock::duration> {
    const auto until = Clock::now() + 5ms;
    while (Clock::now() < until) {
    }
    co_return waited_in_turn();
  };
  EXPECT_GE(run(*loop, work()).value(), 5ms);
}

}  // namespace
}  // namespace kit::resilience
