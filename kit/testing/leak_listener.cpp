// SPDX-License-Identifier: Apache-2.0
// Part of a test program (in its TESTS): each of its tests fails when a task, timer, socket or
// pooled connection outlives it.
#include <gtest/gtest.h>

#include <optional>

#include "kit/async/task_list.hpp"
#include "kit/testing/leak_check.hpp"

namespace kit::testing {
namespace {

class LeakListener final : public ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override { check_.emplace(); }
  // After the fixture's destructor.
  void OnTestEnd(const ::testing::TestInfo&) override {
    const std::string leaks = check_->leaks();
    EXPECT_TRUE(leaks.empty()) << "outlives its test:\n" << leaks;
  }
  std::optional<LeakCheck> check_;
};

[[maybe_unused]] const bool listens = [] {
  set_task_sampling(1);
  ::testing::UnitTest::GetInstance()->listeners().Append(new LeakListener());
  return true;
}();

}  // namespace
}  // namespace kit::testing
