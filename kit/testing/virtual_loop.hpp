// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <mutex>
#include <vector>

#include "kit/async/loop.hpp"

namespace kit::testing {

/// A loop on a virtual clock: when nothing is ready, time jumps to the next timer. A test of hours
/// takes microseconds and is the same every time. `run` returns when nothing is left that could
/// ever happen, or after `stop`.
class VirtualLoop final : public Loop {
 public:
  VirtualLoop() = default;
  ~VirtualLoop() override;

  void add(int descriptor, ReadinessHandler& handler) override;
  void remove(int descriptor) override;
  Clock::time_point now() const override { return now_; }
  void post(Function<void()> action) override;
  void run() override;
  void stop() override { stopping_ = true; }

  /// Tells the handler of `descriptor`, in the next turn; what the in-memory network calls.
  void notify(int descriptor, Readiness readiness);
  /// Runs what is due within `duration` and leaves the clock there.
  void advance(Clock::duration duration);

 private:
  bool turn();

  Clock::time_point now_ = Clock::time_point() + std::chrono::hours(1);
  std::map<int, ReadinessHandler*> handlers_;
  std::map<int, Readiness> notified_;
  std::mutex mutex_;
  std::vector<Function<void()>> posted_;
  bool stopping_ = false;
};

}  // namespace kit::testing
