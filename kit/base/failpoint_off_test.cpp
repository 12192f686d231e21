// SPDX-License-Identifier: Apache-2.0
// As a release build sees it.
#undef KIT_FAILPOINTS
#include <gtest/gtest.h>

#include <string_view>

#include "kit/base/failpoint.hpp"

#define KIT_TEXT(x) #x
#define KIT_EXPANDED(x) KIT_TEXT(x)

namespace kit {
namespace {

TEST(FailpointsOff, LeaveNothingInTheProgram) {
  constexpr std::string_view place = KIT_EXPANDED(KIT_FAILPOINT("test.this"));
  EXPECT_EQ(place, "static_cast<void>(0)");
  constexpr std::string_view result = KIT_EXPANDED(KIT_FAILPOINT_RESULT("test.this"));
  EXPECT_EQ(result, "::kit::Result<>()");
  KIT_FAILPOINT("test.this");
  EXPECT_TRUE(KIT_FAILPOINT_RESULT("test.this").ok());
}

}  // namespace
}  // namespace kit
