// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include "kit/base/error.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/resilience/load_shedder_options.hpp"

namespace kit::resilience {

/// What a shedder sees and does.
struct LoadReading {
  bool overloaded = false;
  double cpu = 0;                              ///< Smoothed.
  std::chrono::microseconds queue_delay{0};    ///< Mean of the last tenth of a second.
  std::chrono::microseconds best_duration{0};  ///< Of a request, when there was no load.
  std::chrono::microseconds request_cpu{0};    ///< What a request takes of a CPU.
  double best_rate = 0;                        ///< Requests a second, in the last seconds.
  double limit = 0;                            ///< Requests at a time while it is overloaded.
  std::int64_t in_flight = 0;
  std::array<std::uint64_t, 3> admitted{};  ///< By priority, since the start.
  std::array<std::uint64_t, 3> refused{};
};

/// Refuses requests while there are more than can be answered in time, so that those it admits are
/// answered as if there were no others. Overloaded is who uses all of its CPU, or lets requests
/// wait before it looks at them. Then it admits as many at a time as it had at its best rate and
/// its best duration (Little's law), and nobody who has waited for much longer than a request takes
/// of a CPU.
///
/// Time and CPU are told, not read. Thread safety: any thread. Cost: some 30 ns a request.
class LoadShedder {
 public:
  explicit LoadShedder(const LoadShedderOptions& options = {});
  LoadShedder(const LoadShedder&) = delete;
  LoadShedder& operator=(const LoadShedder&) = delete;

  /// Whether to serve a request. `waited`: since it could have been read, as far as that is known
  /// (`waited_in_turn`). Each one that is admitted is `finish`ed.
  bool admit(Priority priority, Clock::time_point now, Clock::duration waited);
  /// The same as an object that can't be forgotten; nothing: refused.
  class Ticket;
  std::optional<Ticket> enter(Priority priority, Clock::time_point now, Clock::duration waited);

  /// An admitted request is over. `duration`: since it was admitted; `counts`: it was answered as
  /// requests are, rather than dropped or a stream of unknown length.
  void finish(Clock::time_point now, Clock::duration duration, bool counts = true);
  /// The CPU time that the process used since the last call, and what it could have used: the time
  /// that passed, for each CPU it may use. Every 100 ms or so (`CpuMeter`).
  void add_cpu(std::chrono::nanoseconds used, std::chrono::nanoseconds possible,
               Clock::time_point now);
  /// Somebody else's wait that load brings about: for a connection of a pool, say.
  void add_wait(Clock::duration waited, Clock::time_point now);

  /// `unavailable`, reason OVERLOADED, with `retry_after`.
  Error refusal() const;
  void apply(const LoadShedderOptions& options);
  LoadShedderOptions options() const;
  LoadReading read(Clock::time_point now) const;

 private:
  static constexpr std::chrono::nanoseconds tick{100'000'000};
  static constexpr std::size_t history = 50;

  void look(Clock::time_point now);
  void turn_over(std::int64_t now_ns);
  void learn(std::uint32_t passes, std::uint64_t duration_us, std::int64_t ticks, bool strained);

  std::atomic<std::int64_t> in_flight_{0};
  // Of the tick that runs.
  std::atomic<std::uint32_t> passes_{0}, arrivals_{0}, admitted_now_{0}, refused_now_{0};
  std::atomic<std::uint64_t> duration_us_{0}, waited_us_{0};
  std::atomic<std::uint32_t> waits_{0}, passes_of_cpu_{0};
  std::atomic<std::int64_t> tick_end_{0};
  // What follows from the ticks before.
  std::atomic<std::int64_t> overloaded_until_{0};
  std::atomic<double> limit_{0}, cpu_{0}, least_passes_{0};
  std::atomic<std::int64_t> longest_wait_us_{2'000};
  std::array<std::atomic<std::uint64_t>, 3> admitted_{}, refused_{};
  // Of the options, what every request looks at.
  std::atomic<bool> enabled_;

  mutable std::mutex mutex_;  // of what follows
  LoadShedderOptions options_;
  std::array<std::uint32_t, history> ticks_{};  // passes of each
  std::size_t next_tick_ = 0;
  double best_duration_us_ = 0;  // 0: nothing is known yet
  double best_rate_ = 0;
  double mean_wait_us_ = 0;
  bool waited_long_ = false;   // in the tick before
  double request_cpu_us_ = 0;  // 0: nothing is known yet
};

/// One admitted request. Dropped without `finish` it was no request as others are. Lifetime:
/// shorter than the shedder's.
class [[nodiscard]] LoadShedder::Ticket {
 public:
  Ticket(Ticket&& other) noexcept
      : shedder_(std::exchange(other.shedder_, nullptr)), began_(other.began_) {}
  Ticket& operator=(Ticket&& other) noexcept {
    if (this == &other) return *this;
    drop();
    shedder_ = std::exchange(other.shedder_, nullptr);
    began_ = other.began_;
    return *this;
  }
  ~Ticket() { drop(); }
  /// It was answered.
  void finish(Clock::time_point now) {
    if (shedder_ != nullptr) std::exchange(shedder_, nullptr)->finish(now, now - began_);
  }

 private:
  friend class LoadShedder;
  Ticket(LoadShedder& shedder, Clock::time_point began) : shedder_(&shedder), began_(began) {}
  void drop() {
    if (shedder_ != nullptr) std::exchange(shedder_, nullptr)->finish(began_, {}, false);
  }

  LoadShedder* shedder_;
  Clock::time_point began_;
};

/// How long what runs now has waited since its loop found it ready: the time since this turn of the
/// loop began.
Clock::duration waited_in_turn();

}  // namespace kit::resilience
