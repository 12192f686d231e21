// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/async/operation.hpp"
#include "kit/base/result.hpp"

namespace kit::app {

/// SIGTERM and SIGINT as something a task can wait for. The first asks for an orderly end; a second
/// one ends the process on the spot (status 128 + its number), also when the loop no longer turns.
/// SIGPIPE is ignored. One at a time in a process. Thread safety: the thread of the loop on which
/// `wait` is awaited.
class Signals {
 public:
  /// Fails with `resource_exhausted` when the system grants no descriptor.
  static Result<> install();

  /// `co_await signals.wait()` ends when the first signal has come.
  class Wait final : public Operation<void>, private ReadinessHandler {
   public:
    ~Wait() { detach(); }

   private:
    void start() override;
    void detach() override;
    void on_readiness(Readiness readiness) override;
    bool watching_ = false;
  };
  static Wait wait() { return {}; }
  /// As if SIGTERM had come, unless a signal has already: never ends the process on the spot.
  /// Thread safety: any thread.
  static void request_stop();
  /// The number of the first signal, 0 before it.
  static int received();
};

}  // namespace kit::app
