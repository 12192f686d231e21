// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "kit/base/function.hpp"

namespace kit::kafka::detail {

/// A thread that ends clients, which blocks. Started when there is one to end. Thread safety: any
/// thread.
class Reaper {
 public:
  Reaper() = default;
  /// Waits until all that was given to it has run.
  ~Reaper();
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;

  void run(Function<void()> job);

 private:
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Function<void()>> jobs_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace kit::kafka::detail
