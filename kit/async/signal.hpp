// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "kit/async/operation.hpp"

namespace kit {

/// Wakes tasks of any loop: read `count`, look at what you wait for, then wait for the count to
/// change, and no change is missed. Thread safety: any thread. Lifetime: longer than the waits.
class Signal {
 public:
  class Changed;

  std::uint64_t count() const;
  /// For `co_await`: ends when the count is not, or no longer, `seen`, or at `until`.
  Changed changed(std::uint64_t seen, Clock::time_point until = Clock::time_point::max());
  /// Wakes all, those first that wait longest.
  void notify();

 private:
  /// Shared by the wait and a call that is on its way to its loop.
  struct Waiter {
    LoopRemote loop;
    Changed* operation = nullptr;  // its loop's thread
  };

  mutable std::mutex mutex_;
  std::uint64_t count_ = 0;
  std::vector<std::shared_ptr<Waiter>> waiters_;
};

class Signal::Changed final : public Operation<void> {
 public:
  Changed(Signal& signal, std::uint64_t seen, Clock::time_point until)
      : signal_(signal), seen_(seen), until_(until) {}
  ~Changed() { detach(); }

 private:
  friend class Signal;
  void start() override;
  void detach() override;
  void wake();

  Signal& signal_;
  const std::uint64_t seen_;
  const Clock::time_point until_;
  std::shared_ptr<Waiter> waiter_;
  Timer timer_;
};

}  // namespace kit
