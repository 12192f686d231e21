// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/retry.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace kit::resilience {
namespace {

constexpr double scale = 1'000;
constexpr double most_tokens = 1e9;

std::int64_t thousandths(double tokens) {
  return std::llround(tokens * scale);
}

}  // namespace

Result<> RetryOptions::check() const {
  using std::chrono::milliseconds;
  if (attempts > 100) return invalid("attempts", "must be at most 100");
  if (first_delay < milliseconds(0)) return invalid("first_delay", "must not be negative");
  if (longest_delay < first_delay) return invalid("longest_delay", "is shorter than first_delay");
  if (longest_delay > std::chrono::hours(1)) return invalid("longest_delay", "must be at most 1 h");
  if (!(tokens >= 0 && tokens <= most_tokens)) return invalid("tokens", "must be 0 to 1e9");
  // More than a fifth would let every failure of a failing fifth be tried again for ever.
  if (!(tokens_per_success >= 0 && tokens_per_success <= 0.2)) {
    return invalid("tokens_per_success", "must be 0 to 0.2");
  }
  return {};
}

RetryBudget::RetryBudget(const RetryOptions& options)
    : most_(thousandths(options.tokens)),
      earned_(thousandths(options.tokens_per_success)),
      tokens_(thousandths(options.tokens)) {}

void RetryBudget::succeeded() {
  const std::int64_t most = most_.load(std::memory_order_relaxed);
  std::int64_t before = tokens_.load(std::memory_order_relaxed);
  // Most of the time it is full, and nothing is written.
  while (before < most) {
    const std::int64_t after = std::min(most, before + earned_.load(std::memory_order_relaxed));
    if (tokens_.compare_exchange_weak(before, after, std::memory_order_relaxed)) return;
  }
}

bool RetryBudget::failed() {
  std::int64_t before = tokens_.load(std::memory_order_relaxed);
  std::int64_t after = 0;
  do {
    after = std::max<std::int64_t>(before - thousandths(1), 0);
  } while (!tokens_.compare_exchange_weak(before, after, std::memory_order_relaxed));
  return after > most_.load(std::memory_order_relaxed) / 2;
}

void RetryBudget::apply(const RetryOptions& options) {
  const std::int64_t most = thousandths(options.tokens);
  most_.store(most, std::memory_order_relaxed);
  earned_.store(thousandths(options.tokens_per_success), std::memory_order_relaxed);
  std::int64_t before = tokens_.load(std::memory_order_relaxed);
  while (before > most && !tokens_.compare_exchange_weak(before, most, std::memory_order_relaxed)) {
  }
}

double RetryBudget::tokens() const {
  return static_cast<double>(tokens_.load(std::memory_order_relaxed)) / scale;
}

double RetryBudget::most() const {
  return static_cast<double>(most_.load(std::memory_order_relaxed)) / scale;
}

Backoff::Backoff(const RetryOptions& options) : first_(0), longest_(0), state_(options.seed) {
  apply(options);
  if (options.seed != 0) return;
  std::random_device device;
  state_ = (std::uint64_t{device()} << 32) | device();
}

void Backoff::apply(const RetryOptions& options) {
  first_.store(Clock::duration(options.first_delay).count(), std::memory_order_relaxed);
  longest_.store(Clock::duration(options.longest_delay).count(), std::memory_order_relaxed);
}

/// SplitMix64 (Steele, Lea and Flood): spread, not secret.
std::uint64_t Backoff::next() {
  constexpr std::uint64_t step = 0x9E3779B97F4A7C15ULL;
  std::uint64_t mixed = state_.fetch_add(step, std::memory_order_relaxed) + step;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBULL;
  return mixed ^ (mixed >> 31);
}

Clock::duration Backoff::delay(std::size_t failures) {
  const Clock::rep longest = longest_.load(std::memory_order_relaxed);
  Clock::rep bound = first_.load(std::memory_order_relaxed);
  for (std::size_t i = 1; i < failures && bound < longest; ++i) bound *= 2;
  bound = std::min(bound, longest);
  if (bound <= 0) return Clock::duration::zero();
  return Clock::duration(static_cast<Clock::rep>(next() % (static_cast<std::uint64_t>(bound) + 1)));
}

bool is_retryable(const Error& error) {
  return error.code() == Code::unavailable && error.reason() != "BREAKER_OPEN";
}

std::optional<Clock::duration> pause_before_retry(const RetryOptions& options, Backoff& backoff,
                                                  std::size_t failures, const Error& error,
                                                  Clock::time_point now,
                                                  Clock::time_point deadline) {
  if (failures > options.attempts || error.retry_after() > longest_retry_after) return std::nullopt;
  const Clock::duration pause =
      std::max<Clock::duration>(backoff.delay(failures), error.retry_after());
  if (deadline != Clock::time_point::max() && pause >= deadline - now) return std::nullopt;
  return pause;
}

}  // namespace kit::resilience
