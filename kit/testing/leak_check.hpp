// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kit/async/live.hpp"

namespace kit::testing {

/// Finds what outlives its owner: remembers what lives when it is made, and tells what lives beyond
/// that later. Adding `leak_listener.cpp` to a module's TESTS does this around every test.
class LeakCheck {
 public:
  LeakCheck();
  /// What is left, with name, age and creation stack of the tasks among it; empty: nothing.
  std::string leaks() const;

 private:
  std::vector<LiveCount> before_;
  std::uint64_t last_task_ = 0;
};

}  // namespace kit::testing
