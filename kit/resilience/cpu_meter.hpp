// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>

#include "kit/base/time.hpp"

namespace kit::resilience {

/// CPUs that this process may use: those it may run on, or what its control group allows when that
/// is less. More than 0.
double allowed_cpus();

/// What a file cpu.max of cgroup v2 allows, in CPUs; 0: no limit, or nonsense.
double parse_cpu_max(std::string_view text);

/// Reads the CPU time of the process, for `LoadShedder::add_cpu`. Thread safety: one thread.
class CpuMeter {
 public:
  struct Use {
    std::chrono::nanoseconds used{0};      ///< By all threads.
    std::chrono::nanoseconds possible{0};  ///< The time that passed, for each allowed CPU.
  };

  CpuMeter();
  /// Since the last call, or since this was made.
  Use read(Clock::time_point now);

 private:
  double cpus_;
  Clock::time_point at_;
  std::chrono::nanoseconds used_;
};

}  // namespace kit::resilience
