// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "kit/async/operation.hpp"
#include "kit/base/error.hpp"
#include "kit/base/function.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"

namespace kit::resilience {

/// Tries after the first one, for what is safe to do again.
struct RetryOptions {
  std::size_t attempts = 2;                   ///< At most so many after the first; 0: none.
  std::chrono::milliseconds first_delay{50};  ///< Upper bound of the first pause; doubles.
  std::chrono::milliseconds longest_delay{1'000};
  /// The budget of a dependency (gRPC A6): a failure costs one token, a success earns
  /// `tokens_per_success`; no retry while no more than half of `tokens` is left.
  double tokens = 10;
  double tokens_per_success = 0.1;
  std::uint64_t seed = 0;  ///< Of the random pauses; 0: from the system.

  /// Fails with `invalid_argument`, naming the field.
  Result<> check() const;
  friend bool operator==(const RetryOptions&, const RetryOptions&) = default;
};

/// Keeps retries a small part of all calls: who answers nobody is not asked three times as often.
/// Thread safety: any thread.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryOptions& options);

  void succeeded();
  /// Counts a failure; says whether it may be tried again.
  bool failed();
  /// From now on; what is left stays, but no more than the new `tokens`.
  void apply(const RetryOptions& options);
  double tokens() const;
  double most() const;

 private:
  // In thousandths.
  std::atomic<std::int64_t> most_{0}, earned_{0}, tokens_{0};
};

/// Pauses between tries: anything up to a bound that doubles ("full jitter"), so that callers which
/// failed together do not come back together. Thread safety: any thread, but for assignment.
class Backoff {
 public:
  explicit Backoff(const RetryOptions& options);
  /// The pause before the try after `failures` failed ones (at least 1).
  Clock::duration delay(std::size_t failures);
  void apply(const RetryOptions& options);

 private:
  std::uint64_t next();

  std::atomic<Clock::rep> first_, longest_;
  std::atomic<std::uint64_t> state_;
};

/// Whether another try of the same may end better, as the error alone says: `unavailable`, but for
/// a breaker that is open.
bool is_retryable(const Error& error);

/// The longest pause that somebody else may ask for.
inline constexpr std::chrono::seconds longest_retry_after{3'600};

/// How long to wait before another try; nothing: there should be none. `failures`: so far, this one
/// included. What the error asks for (`Error::retry_after`) is obeyed. `deadline`: of the caller.
std::optional<Clock::duration> pause_before_retry(const RetryOptions& options, Backoff& backoff,
                                                  std::size_t failures, const Error& error,
                                                  Clock::time_point now,
                                                  Clock::time_point deadline);

/// Calls `attempt` until it succeeds, or trying again is of no use, too late or past the budget.
/// Only for what does no more when it is done twice. Lifetime: all until the task has ended.
template <class T>
Task<T> retry(RetryOptions options, RetryBudget& budget, Backoff& backoff,
              Function<Task<T>()> attempt) {
  for (std::size_t failures = 1;; ++failures) {
    Task<T> trying = attempt();
    Result<T> result = co_await as_result(std::move(trying));
    std::optional<Clock::duration> pause;
    if (result.ok()) {
      budget.succeeded();
    } else if (is_retryable(result.error()) && budget.failed()) {
      pause = pause_before_retry(options, backoff, failures, result.error(), Loop::current().now(),
                                 Context::current_deadline());
    }
    if (!pause) {
      if constexpr (std::is_void_v<T>) {
        co_await std::move(result);
        co_return;
      } else {
        co_return result;
      }
    }
    co_await sleep_for(*pause);
  }
}

}  // namespace kit::resilience
