// SPDX-License-Identifier: Apache-2.0
#include "kit/base/error.hpp"

#include <gtest/gtest.h>

#include "kit/base/id.hpp"
#include "kit/base/result.hpp"

namespace kit {
namespace {

TEST(ErrorTest, NamesEveryCode) {
  EXPECT_EQ(name(Code::ok), "OK");
  EXPECT_EQ(name(Code::invalid_argument), "INVALID_ARGUMENT");
  EXPECT_EQ(name(Code::unauthenticated), "UNAUTHENTICATED");
  EXPECT_EQ(name(static_cast<Code>(99)), "UNKNOWN");
}

TEST(ErrorTest, CarriesItsParts) {
  Error error = Error(Code::already_exists, "taken")
                    .with_reason("CUSTOMER_EMAIL_TAKEN")
                    .with_violation("email", "is taken")
                    .with_http_status(412)
                    .with_retry_after(std::chrono::milliseconds(1'500))
                    .with_cause(Error(Code::internal, "UNIQUE constraint failed"));
  EXPECT_EQ(error.code(), Code::already_exists);
  EXPECT_EQ(error.message(), "taken");
  EXPECT_EQ(error.reason(), "CUSTOMER_EMAIL_TAKEN");
  EXPECT_EQ(error.http_status(), 412);
  EXPECT_EQ(error.retry_after(), std::chrono::milliseconds(1'500));
  EXPECT_EQ(error.clone().retry_after(), std::chrono::milliseconds(1'500));
  ASSERT_EQ(error.violations().size(), 1U);
  EXPECT_EQ(error.violations()[0].field, "email");
  ASSERT_NE(error.cause(), nullptr);
  EXPECT_EQ(error.cause()->message(), "UNIQUE constraint failed");
  EXPECT_NE(std::string_view(error.where().file_name()).find("error_test.cpp"),
            std::string_view::npos);
}

TEST(ErrorTest, CloneIsDeep) {
  Error copy(Code::ok, "");
  {
    Error error = Error(Code::aborted, "stale").with_cause(Error(Code::internal, "below"));
    copy = error.clone();
  }
  EXPECT_EQ(copy.message(), "stale");
  ASSERT_NE(copy.cause(), nullptr);
  EXPECT_EQ(copy.cause()->message(), "below");
}

TEST(ErrorTest, DescribesItselfForTheLog) {
  Error error = invalid("age", "must be at most 150")
                    .with_reason("BAD_AGE")
                    .with_cause(Error(Code::internal, "below"));
  std::string text = error.describe();
  EXPECT_TRUE(
      text.starts_with("INVALID_ARGUMENT [BAD_AGE] age must be at most 150; age must be at most "
                       "150 (error_test.cpp:"))
      << text;
  EXPECT_NE(text.find(") <- INTERNAL below (error_test.cpp:"), std::string::npos) << text;
}

Result<int> half(int number) {
  if (number % 2 != 0) return invalid("number", "is odd");
  return number / 2;
}

Result<> check_half(int number) {
  KIT_TRY(half(number));
  return {};
}

TEST(ResultTest, HoldsAValueOrAnError) {
  Result<int> good = half(4);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 2);
  Result<int> bad = half(3);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code(), Code::invalid_argument);
}

TEST(ResultTest, TryPassesTheErrorOn) {
  EXPECT_TRUE(check_half(2));
  Result<> bad = check_half(1);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message(), "number is odd");
}

TEST(ResultTest, HoldsMoveOnlyValues) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(ResultDeathTest, ValueOfAFailedResultAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Result<int> bad = half(1);
  EXPECT_DEATH(*bad, "assertion failed: .*value of a failed Result");
}

TEST(IdTest, KindsDoNotMix) {
  using UserId = Id<struct UserTag>;
  using RoleId = Id<struct RoleTag>;
  static_assert(!std::is_convertible_v<UserId, RoleId>);
  static_assert(!std::is_convertible_v<std::int64_t, UserId>);
  EXPECT_EQ(UserId(4), UserId(4));
  EXPECT_LT(UserId(3), UserId(4));
  EXPECT_EQ(UserId().value(), 0);
  EXPECT_EQ(std::hash<UserId>{}(UserId(4)), std::hash<UserId>{}(UserId(4)));
}

}  // namespace
}  // namespace kit
