// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit {
namespace {

using namespace std::chrono_literals;

// snippet: task
Task<std::string> greeting(std::string name) {
  co_await sleep_for(10ms);
  if (name.empty()) co_return Error(Code::invalid_argument, "nobody to greet");
  co_return "Hello, " + name;
}

Task<std::string> greet_twice() {
  std::string first = co_await greeting("Ada");  // an error here ends this task with that error
  Result<std::string> second = co_await as_result(greeting(""));  // looks at it instead
  co_return second ? first + ", " + *second : first;
}
// end snippet: task

TEST(AsyncGuide, Task) {
  testing::VirtualLoop loop;
  EXPECT_EQ(*run(loop, greet_twice()), "Hello, Ada");
}

}  // namespace
}  // namespace kit
