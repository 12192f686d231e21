// SPDX-License-Identifier: Apache-2.0
#include "kit/base/failpoint.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kit {
namespace {

class Failpoints : public ::testing::Test {
 protected:
  ~Failpoints() override { EXPECT_TRUE(failpoint::configure("").ok()); }
  static void configure(std::string_view text) {
    const Result<> done = failpoint::configure(text);
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
};

TEST_F(Failpoints, DoNothingUnlessTheyAreNamed) {
  configure("test.other=error");
  EXPECT_TRUE(KIT_FAILPOINT_RESULT("test.this").ok());
  EXPECT_EQ(KIT_FAILPOINT_RESULT("test.other").error().reason(), "FAILPOINT");
}

TEST_F(Failpoints, ActAsOftenAsTheyMayAndNotTheFirstTimes) {
  configure("test.this=error:n=2:skip=1");
  std::string outcome;
  for (int i = 0; i < 5; ++i) outcome.push_back(KIT_FAILPOINT_RESULT("test.this").ok() ? '+' : '-');
  EXPECT_EQ(outcome, "+--++");
  EXPECT_EQ(failpoint::count("test.this"), 2U);
}

TEST_F(Failpoints, ActWithTheirProbability) {
  configure("test.this=error:p=0.25;test.never=error:p=0");
  int failed = 0;
  for (int i = 0; i < 4'000; ++i) {
    if (!KIT_FAILPOINT_RESULT("test.this").ok()) ++failed;
    EXPECT_TRUE(KIT_FAILPOINT_RESULT("test.never").ok());
  }
  EXPECT_GT(failed, 850);
  EXPECT_LT(failed, 1'150);
}

TEST_F(Failpoints, RefuseWhatTheyCannotRead) {
  for (const char* text : {"test.this", "=error", "test.this=", "test.this=explode",
                           "test.this=exit", "test.this=exit(", "test.this=exit(x)",
                           "test.this=delay(-1)", "test.this=kill(9)", "test.this=error:p=2",
                           "test.this=error:p=", "test.this=error:n=-1", "test.this=error:q=1"}) {
    const Result<> done = failpoint::configure(text);
    EXPECT_FALSE(done.ok()) << text;
    if (!done.ok()) EXPECT_EQ(done.error().code(), Code::invalid_argument) << text;
  }
}

TEST_F(Failpoints, EndTheProcessAtOnce) {
  const auto die = [](const char* text) {
    if (failpoint::configure(text).ok()) KIT_FAILPOINT("test.this");
  };
  EXPECT_EXIT(die("test.this=exit(7)"), ::testing::ExitedWithCode(7), "");
  EXPECT_EXIT(die("test.this=kill"), ::testing::KilledBySignal(SIGKILL), "");
}

}  // namespace
}  // namespace kit
