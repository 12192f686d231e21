// SPDX-License-Identifier: Apache-2.0
#include "kit/log/levels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "kit/log/audit.hpp"
#include "kit/log/capture.hpp"

namespace kit::log {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

Module alpha_log{"gamma"};
Module beta_log{"delta"};

/// Puts levels back as they were.
struct LevelGuard {
  ~LevelGuard() {
    set_level(Level::info);
    static_cast<void>(set_level("gamma", Level::info).ok());
    static_cast<void>(set_level("delta", Level::info).ok());
  }
};

TEST(LevelsTest, LevelsCanBeChangedAtRunTime) {
  LevelGuard guard;
  Capture capture;
  debug(alpha_log, "hidden");
  EXPECT_FALSE(alpha_log.enabled(Level::debug));
  set_level(Level::debug);
  debug(alpha_log, "shown by default level");
  ASSERT_TRUE(set_level("gamma", Level::error));
  warn(alpha_log, "hidden by own level");
  set_level(Level::trace);  // does not touch a module with a level of its own
  warn(alpha_log, "hidden still");
  trace(beta_log, "shown of beta");
  ASSERT_TRUE(set_level("gamma", Level::off));
  error(alpha_log, "hidden by off");
  auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("shown by default level"));
  EXPECT_THAT(lines[1], HasSubstr("shown of beta"));
}

TEST(LevelsTest, NamesTheNearestModule) {
  Result<> result = set_level("gamam", Level::debug);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::not_found);
  EXPECT_EQ(result.error().message(), "there is no log module 'gamam' (did you mean 'gamma'?)");
}

ModuleState state_of(std::string_view name) {
  const auto all = module_states();
  return *std::ranges::find(all, name, &ModuleState::name);
}

TEST(LevelsTest, OneForAWhileFallsBack) {
  LevelGuard guard;
  const auto now = Clock::now() + 1h;  // the writer's own look finds nothing to end
  ASSERT_TRUE(set_level_for("gamma", Level::trace, 10s, now));
  EXPECT_TRUE(alpha_log.enabled(Level::trace));
  EXPECT_FALSE(beta_log.enabled(Level::debug));
  EXPECT_EQ(state_of("gamma").usual, Level::info);
  EXPECT_EQ(state_of("gamma").until, now + 10s);
  EXPECT_EQ(expire_levels(now + 10s - 1ns), now + 10s);
  EXPECT_TRUE(alpha_log.enabled(Level::trace));
  EXPECT_EQ(expire_levels(now + 10s), std::nullopt);
  EXPECT_FALSE(alpha_log.enabled(Level::debug));
  EXPECT_EQ(state_of("gamma").until, std::nullopt);
}

TEST(LevelsTest, WhatIsConfiguredMeanwhileHoldsAfterwards) {
  LevelGuard guard;
  const auto now = Clock::now() + 1h;
  ASSERT_TRUE(set_level_for("*", Level::trace, 10s, now));
  ASSERT_TRUE(set_level("gamma", Level::error));
  ASSERT_TRUE(set_level("delta", Level::debug));
  EXPECT_EQ(alpha_log.level(), Level::trace);
  EXPECT_EQ(beta_log.level(), Level::trace);
  expire_levels(now + 10s);
  EXPECT_EQ(alpha_log.level(), Level::error);
  EXPECT_EQ(beta_log.level(), Level::debug);
}

TEST(LevelsTest, NothingEndsItNow) {
  LevelGuard guard;
  ASSERT_TRUE(set_level_for("gamma", Level::trace, 1h));
  ASSERT_TRUE(set_level_for("gamma", Level::trace, 0s));
  EXPECT_EQ(alpha_log.level(), Level::info);
}

TEST(LevelsTest, ItFallsBackByItselfWhetherLinesComeOrNot) {
  LevelGuard guard;
  Capture capture;
  for (const bool is_busy : {false, true}) {
    ASSERT_TRUE(set_level_for("gamma", Level::debug, 30ms));
    EXPECT_TRUE(alpha_log.enabled(Level::debug));
    const auto deadline = Clock::now() + 30s;
    while (alpha_log.enabled(Level::debug)) {
      ASSERT_LT(Clock::now(), deadline);
      if (is_busy) write(beta_log, Level::info, "busy", {});
      std::this_thread::yield();
    }
  }
}

TEST(LevelsTest, ModulesThatDoNotExistHaveNone) {
  EXPECT_EQ(set_level_for("gamam", Level::debug, 1s).error().code(), Code::not_found);
  EXPECT_EQ(set_repeats("gamam", {}).error().code(), Code::not_found);
  EXPECT_EQ(set_level("*", Level::debug).error().code(), Code::not_found);
}

TEST(AuditTest, IsAlwaysWritten) {
  LevelGuard guard;
  Capture capture;
  set_level(Level::off);
  EXPECT_EQ(set_level("audit", Level::warn).error().code(), Code::invalid_argument);
  EXPECT_EQ(set_level_for("audit", Level::off, 1s).error().code(), Code::invalid_argument);
  ASSERT_TRUE(set_level_for("*", Level::off, 1h));
  ASSERT_TRUE(set_repeats("audit", {.first = 0, .one_in = 1'000}));
  for (int i = 0; i < 1'000; ++i) info(audit_log, "levels changed");
  ASSERT_TRUE(set_level_for("*", Level::off, 0s));
  EXPECT_EQ(capture.lines().size(), 1'000U);
  EXPECT_TRUE(state_of("audit").is_audit);
  ASSERT_TRUE(set_level("audit", Level::debug));
  EXPECT_TRUE(audit_log.enabled(Level::debug));
  ASSERT_TRUE(set_level("audit", Level::info));
}

/// The rest of this second may be too short for what follows.
void await_next_second() {
  const auto second = [] { return Timestamp::now().since_epoch.count() / 1'000'000; };
  const auto now = second();
  while (second() == now) std::this_thread::yield();
}

TEST(RepeatsTest, MostOfWhatRepeatsIsLeftOutAndCounted) {
  Capture capture;
  ASSERT_TRUE(set_repeats("gamma", {.first = 3, .one_in = 10}));
  await_next_second();
  const std::uint64_t before = left_out_lines();
  for (int i = 1; i <= 23; ++i) info(alpha_log, "again", {{"i", i}});
  info(alpha_log, "another text");
  for (int i = 1; i <= 23; ++i) info(beta_log, "again");
  ASSERT_TRUE(set_repeats("gamma", {}));
  const auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 3U + 2 + 1 + 23);
  EXPECT_THAT(lines[2], HasSubstr("\"i\":3}"));
  EXPECT_THAT(lines[3], HasSubstr("\"i\":13,\"left_out\":9}"));
  EXPECT_THAT(lines[4], HasSubstr("\"i\":23,\"left_out\":9}"));
  EXPECT_EQ(left_out_lines() - before, 18U);
}

TEST(RepeatsTest, TheNextSecondBeginsAnewAndSaysWhatWasLeftOut) {
  Capture capture;
  ASSERT_TRUE(set_repeats("gamma", {.first = 1, .one_in = 100}));
  await_next_second();
  for (int i = 0; i < 5; ++i) info(alpha_log, "every second");
  await_next_second();
  for (int i = 0; i < 5; ++i) info(alpha_log, "every second");
  ASSERT_TRUE(set_repeats("gamma", {}));
  const auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], testing::Not(HasSubstr("left_out")));
  EXPECT_THAT(lines[1], HasSubstr("\"left_out\":4}"));
}

TEST(RepeatsTest, SomeErrorsAreAlwaysWritten) {
  Capture capture;
  ASSERT_TRUE(set_repeats("gamma", {.first = 0, .one_in = 1'000}));
  await_next_second();
  for (int i = 0; i < 100; ++i) error(alpha_log, "it failed");
  for (int i = 0; i < 100; ++i) warn(alpha_log, "it is slow");
  ASSERT_TRUE(set_repeats("gamma", {}));
  EXPECT_EQ(capture.lines().size(), Repeats::least_errors);
}

TEST(RepeatsTest, OneInOneLeavesNothingOut) {
  Capture capture;
  ASSERT_TRUE(set_repeats("gamma", {.first = 0, .one_in = 1}));
  for (int i = 0; i < 500; ++i) info(alpha_log, "always");
  ASSERT_TRUE(set_repeats("gamma", {}));
  EXPECT_EQ(capture.lines().size(), 500U);
}

TEST(RepeatsTest, EachOfManyThreadsIsCounted) {
  Capture capture;
  ASSERT_TRUE(set_repeats("gamma", {.first = 5, .one_in = 100}));
  const std::uint64_t before = left_out_lines();
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 2'000; ++i) info(alpha_log, "from all");
      });
    }
  }
  ASSERT_TRUE(set_repeats("gamma", {}));
  EXPECT_EQ(capture.lines().size() + (left_out_lines() - before), 16'000U);
  EXPECT_LT(capture.lines().size(), 1'000U);
}

}  // namespace
}  // namespace kit::log
