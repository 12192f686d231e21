// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kit/async/operation.hpp"
#include "kit/base/result.hpp"

namespace kit::app {

/// SIGTERM and SIGINT as something a task can wait for. The first asks for an orderly end; a second
/// one ends the process on the spot (status 128 + its number), also when the loop no longer turns.
/// SIGHUP asks to read the configuration again, or, when the terminal that the process was started
/// on has gone, to end like SIGTERM. SIGPIPE is ignored. One at a time in a process. Thread safety:
/// the thread of the loop on which `wait` is awaited.
class Signals {
 public:
  /// Fails with `resource_exhausted` when the system grants no descriptor.
  static Result<> install();

  /// Ends when the first signal to end has come, or the next SIGHUP since the last wait for one.
  class Wait final : public Operation<void>, private ReadinessHandler {
   public:
    enum class For : std::uint8_t { end, hangup };
    explicit Wait(For what) : what_(what) {}
    ~Wait() { detach(); }

   private:
    void start() override;
    void detach() override;
    void on_readiness(Readiness readiness) override;
    int descriptor() const;
    bool has_come() const;
    For what_;
    Loop* loop_ = nullptr;  // while it watches
  };
  static Wait wait() { return Wait(Wait::For::end); }
  static Wait hangup() { return Wait(Wait::For::hangup); }
  /// As if SIGTERM had come, unless a signal has already: never ends the process on the spot, nor
  /// does the first signal behind it.
  /// Thread safety: any thread.
  static void request_stop();
  /// The number of the first signal, 0 before it.
  static int received();
};

}  // namespace kit::app
