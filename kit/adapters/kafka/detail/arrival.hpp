// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/async/loop.hpp"
#include "kit/async/operation.hpp"

namespace kit::kafka::detail {

/// A descriptor that another thread writes to, and one task that waits for that. Thread safety: the
/// loop's thread; once the loop has ended, any.
class Arrival final : private ReadinessHandler, private LoopEnd {
 public:
  class Wait;

  /// On the loop that runs now.
  static Result<std::unique_ptr<Arrival>> make();
  explicit Arrival(int descriptor);
  ~Arrival();
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  int descriptor() const { return descriptor_; }
  /// What was told until now is known: before looking at what there is.
  void clear() { arrived_ = false; }
  /// For `co_await`: ends when something was told since `clear`, or at `until`.
  Wait wait(Clock::time_point until);
  /// Nothing is told any more.
  void close();

 private:
  void on_readiness(Readiness readiness) override;
  void on_loop_end() override { loop_ = nullptr; }

  Loop* loop_;
  int descriptor_;
  bool arrived_ = false;
  Wait* waiting_ = nullptr;
};

class Arrival::Wait final : public Operation<void> {
 public:
  Wait(Arrival& arrival, Clock::time_point until) : arrival_(arrival), until_(until) {}
  ~Wait() { detach(); }

 private:
  friend class Arrival;
  void start() override;
  void detach() override;
  void wake();

  Arrival& arrival_;
  const Clock::time_point until_;
  bool waits_ = false;
  Timer timer_;
};

}  // namespace kit::kafka::detail
