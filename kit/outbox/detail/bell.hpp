// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>

#include "kit/async/loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/time.hpp"

namespace kit::outbox::detail {

/// Wakes one task that waits on it, from any thread. A ring while nobody waits is heard by the next
/// wait. Lifetime: shared, since rings are on their way to a loop.
class Bell : public std::enable_shared_from_this<Bell> {
 public:
  class Wait;
  /// Thread safety: any thread.
  void ring();

 private:
  void arrive();

  std::mutex mutex_;
  bool rung_ = false;        // guarded by the mutex, as is the next
  LoopRemote waiter_loop_;   // of the last wait
  Wait* waiting_ = nullptr;  // its loop's thread only
};

/// For `co_await`: ends with a ring, or when `limit` is over. Fails with why the task was
/// cancelled. One at a time.
class Bell::Wait final : public Operation<void> {
 public:
  Wait(Bell& bell, Clock::duration limit) : bell_(bell), limit_(limit) {}
  ~Wait() { detach(); }

 private:
  friend class Bell;
  void start() override;
  void detach() override;

  Bell& bell_;
  Clock::duration limit_;
  Timer timer_;
};

/// Has `announce` ring it as long as it lives.
void listen(const std::shared_ptr<Bell>& bell);
/// Rings every bell of this process. Thread safety: any thread.
void ring_all();

}  // namespace kit::outbox::detail
