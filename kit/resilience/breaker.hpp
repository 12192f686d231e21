// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "kit/base/error.hpp"
#include "kit/base/function.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"

namespace kit::resilience {

/// When a breaker opens, and how it closes again.
struct BreakerOptions {
  bool enabled = true;  ///< False: everything passes, and is counted.
  /// Opens after so many failures in a row; 0: not by that.
  std::uint32_t failure_threshold = 10;
  /// Opens when so many of the calls of the window failed, 0 to 1; 0: not by that.
  double failure_ratio = 0;
  std::uint32_t minimum_calls = 20;  ///< In the window, before `failure_ratio` means anything.
  std::chrono::milliseconds window{10'000};
  /// Between opening and the first probe, and between a failed probe and the next: always the
  /// same, so that who is back is used within two of them however long it was away.
  std::chrono::milliseconds open_time{5'000};
  std::uint32_t probes = 2;           ///< Calls at a time while it finds out.
  std::uint32_t probe_successes = 2;  ///< In a row; then it closes.
  /// A probe that says nothing for so long is given up for another.
  std::chrono::milliseconds probe_timeout{10'000};

  /// Fails with `invalid_argument`, naming the field.
  Result<> check() const;
  friend bool operator==(const BreakerOptions&, const BreakerOptions&) = default;
};

enum class BreakerState : std::uint8_t { closed, open, half_open };
/// What an operator has set.
enum class BreakerForce : std::uint8_t { automatic, open, closed };

std::string_view name(BreakerState state);  ///< "closed", "open", "half_open".
std::string_view name(BreakerForce force);  ///< "automatic", "open", "closed".
std::optional<BreakerForce> parse_breaker_force(std::string_view text);

/// A change of a breaker, as it is told.
struct BreakerChange {
  BreakerState from = BreakerState::closed;
  BreakerState to = BreakerState::closed;
  std::string why{};  ///< "10 failures in a row".
};

/// What a breaker is doing.
struct BreakerReading {
  BreakerState state = BreakerState::closed;
  BreakerForce force = BreakerForce::automatic;
  std::string why{};                       ///< Of the last change.
  Clock::time_point changed_at{};          ///< Of the last change.
  std::chrono::nanoseconds next_probe{0};  ///< From now, while it is open.
  std::uint32_t consecutive_failures = 0;
  std::uint64_t window_successes = 0;
  std::uint64_t window_failures = 0;
  std::uint32_t probes_in_flight = 0;
  std::uint32_t probe_successes = 0;
  std::uint64_t successes = 0;  ///< Since the start, like the rest.
  std::uint64_t failures = 0;
  std::uint64_t refused = 0;
  std::uint64_t opened = 0;  ///< Times it opened.
};

/// Keeps calls away from what does not answer, and lets a few through to find out whether it does
/// again. Closed: everything passes. Open: nothing does, for `open_time`. Half open: `probes` at a
/// time pass; enough of them succeed and it closes, one fails and it is open again. Outcomes of
/// calls that began before the last change count in the totals only.
/// Thread safety: any thread. Cost: closed, some 15 ns a call with its outcome, without a lock.
class Breaker {
 public:
  class Call;
  using Listener = Function<void(const BreakerChange&) const>;

  /// `options` have been checked. `on_change` is called on the thread that caused the change,
  /// which holds no lock.
  explicit Breaker(const BreakerOptions& options = {}, Listener on_change = nullptr);
  Breaker(const Breaker&) = delete;
  Breaker& operator=(const Breaker&) = delete;

  /// The right to make one call; nothing: it is refused (`refusal` says why).
  std::optional<Call> try_enter(Clock::time_point now);
  /// Until a call may pass again.
  std::chrono::nanoseconds retry_after(Clock::time_point now) const;
  /// `unavailable`, reason BREAKER_OPEN, with `retry_after`. `what`: "calls to http://stock".
  Error refusal(std::string_view what, Clock::time_point now) const;

  /// Holds until it is forced otherwise. Back to automatic it begins closed. `why` is for people.
  void force(BreakerForce force, std::string why, Clock::time_point now);
  /// From now on. What is counted stays, unless the window changes.
  void apply(const BreakerOptions& options, Clock::time_point now);

  BreakerOptions options() const;
  BreakerReading read(Clock::time_point now) const;
  BreakerState state() const { return state_of(word_.load(std::memory_order_acquire)); }

 private:
  static constexpr std::size_t bucket_count = 10;
  struct Sums {
    std::uint64_t successes = 0;
    std::uint64_t failures = 0;
  };

  // The word: the state, what is forced, and how often either has changed.
  static BreakerState state_of(std::uint64_t word) { return BreakerState(word & 3); }
  static BreakerForce force_of(std::uint64_t word) { return BreakerForce((word >> 2) & 3); }

  void finish(const Call& call, bool success, Clock::time_point now);
  void abandon(const Call& call);
  std::optional<Call> enter_slowly(Clock::time_point now);
  void finish_probe(const Call& call, bool success, Clock::time_point now);
  void count(bool success, Clock::time_point now);
  Sums sums(Clock::time_point now) const;
  std::string reason_to_open(Clock::time_point now);
  void forget_counts();
  /// Under the lock.
  void keep(const BreakerOptions& options, Clock::time_point now);
  BreakerChange move_to(BreakerState state, std::string why, Clock::time_point now);
  void tell(const std::optional<BreakerChange>& change) const;

  const Listener on_change_;
  std::atomic<std::uint64_t> word_{0};
  std::atomic<std::int64_t> open_until_{0};  // ns of the clock
  std::atomic<std::uint32_t> consecutive_failures_{0};
  /// Of each tenth of the window: its number (24 bits), failures and successes (20 each).
  std::array<std::atomic<std::uint64_t>, bucket_count> buckets_{};
  std::atomic<std::uint64_t> successes_{0}, failures_{0}, refused_{0}, opened_{0};
  // Of the options, what every call looks at.
  std::atomic<bool> enabled_;
  std::atomic<std::uint32_t> failure_threshold_;
  std::atomic<double> failure_ratio_;
  std::atomic<std::uint32_t> minimum_calls_;
  std::atomic<std::int64_t> bucket_ns_;

  mutable std::mutex mutex_;  // of what follows, and of every change of the word
  BreakerOptions options_;
  std::uint32_t probes_in_flight_ = 0;
  std::uint32_t probe_successes_ = 0;
  Clock::time_point last_probe_{};
  Clock::time_point changed_at_{};
  std::string why_;
};

/// One call that a breaker let through. Dropped without an outcome (its task was cancelled) it
/// counts neither way. Lifetime: shorter than the breaker's.
class [[nodiscard]] Breaker::Call {
 public:
  Call(Call&& other) noexcept
      : breaker_(std::exchange(other.breaker_, nullptr)),
        word_(other.word_),
        probe_(other.probe_) {}
  Call& operator=(Call&& other) noexcept {
    if (this == &other) return *this;
    drop();
    breaker_ = std::exchange(other.breaker_, nullptr);
    word_ = other.word_;
    probe_ = other.probe_;
    return *this;
  }
  ~Call() { drop(); }

  void succeeded(Clock::time_point now) { end(true, now); }
  void failed(Clock::time_point now) { end(false, now); }
  bool is_probe() const { return probe_; }

 private:
  friend class Breaker;
  Call(Breaker& breaker, std::uint64_t word, bool probe)
      : breaker_(&breaker), word_(word), probe_(probe) {}
  void end(bool success, Clock::time_point now) {
    if (breaker_ != nullptr) std::exchange(breaker_, nullptr)->finish(*this, success, now);
  }
  void drop() {
    if (breaker_ != nullptr) std::exchange(breaker_, nullptr)->abandon(*this);
  }

  Breaker* breaker_;
  std::uint64_t word_;  // when it began
  bool probe_;
};

}  // namespace kit::resilience
