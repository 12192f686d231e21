// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/breaker.hpp"

#include <algorithm>

namespace kit::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr auto longest = std::chrono::hours(24);

constexpr std::uint64_t word_of(std::uint64_t changes, BreakerState state, BreakerForce force) {
  return (changes << 4) | (std::uint64_t(force) << 2) | std::uint64_t(state);
}

// A bucket: which tenth of which window, failures, successes.
constexpr int epoch_shift = 40;
constexpr std::uint64_t epoch_mask = 0xFF'FFFF;
constexpr int failures_shift = 20;
constexpr std::uint64_t count_mask = 0xF'FFFF;

constexpr std::uint64_t failures_of(std::uint64_t bucket) {
  return (bucket >> failures_shift) & count_mask;
}
constexpr std::uint64_t successes_of(std::uint64_t bucket) {
  return bucket & count_mask;
}

std::uint64_t epoch_of(Clock::time_point now, std::int64_t bucket_ns) {
  return static_cast<std::uint64_t>(nanoseconds(now.time_since_epoch()).count() / bucket_ns);
}

}  // namespace

std::string_view name(BreakerState state) {
  switch (state) {
    case BreakerState::closed:
      return "closed";
    case BreakerState::open:
      return "open";
    case BreakerState::half_open:
      break;
  }
  return "half_open";
}

std::string_view name(BreakerForce force) {
  switch (force) {
    case BreakerForce::automatic:
      return "automatic";
    case BreakerForce::open:
      return "open";
    case BreakerForce::closed:
      break;
  }
  return "closed";
}

std::optional<BreakerForce> parse_breaker_force(std::string_view text) {
  for (BreakerForce force : {BreakerForce::automatic, BreakerForce::open, BreakerForce::closed}) {
    if (name(force) == text) return force;
  }
  return std::nullopt;
}

Result<> BreakerOptions::check() const {
  const auto in_time = [](milliseconds value, milliseconds least) {
    return value >= least && value <= longest;
  };
  if (!(failure_ratio >= 0 && failure_ratio <= 1))
    return invalid("failure_ratio", "must be 0 to 1");
  if (minimum_calls == 0) return invalid("minimum_calls", "must be at least 1");
  if (!in_time(window, milliseconds(10))) return invalid("window", "must be 10 ms to 24 h");
  if (!in_time(open_time, milliseconds(1))) return invalid("open_time", "must be 1 ms to 24 h");
  if (probes == 0) return invalid("probes", "must be at least 1");
  if (probe_successes == 0) return invalid("probe_successes", "must be at least 1");
  if (!in_time(probe_timeout, milliseconds(1))) {
    return invalid("probe_timeout", "must be 1 ms to 24 h");
  }
  return {};
}

Breaker::Breaker(const BreakerOptions& options, Listener on_change)
    : on_change_(std::move(on_change)) {
  apply(options, Clock::time_point());
}

std::optional<Breaker::Call> Breaker::try_enter(Clock::time_point now) {
  const std::uint64_t word = word_.load(std::memory_order_acquire);
  const BreakerForce force = force_of(word);
  const bool passes =
      force == BreakerForce::closed ||
      (force == BreakerForce::automatic &&
       (state_of(word) == BreakerState::closed || !enabled_.load(std::memory_order_relaxed)));
  if (passes) [[likely]]
    return Call(*this, word, false);
  const bool waits =
      force == BreakerForce::open ||
      (state_of(word) == BreakerState::open &&
       nanoseconds(now.time_since_epoch()).count() < open_until_.load(std::memory_order_relaxed));
  if (!waits) {
    if (std::optional<Call> call = enter_slowly(now)) return call;
  }
  refused_.fetch_add(1, std::memory_order_relaxed);
  return std::nullopt;
}

std::optional<Breaker::Call> Breaker::enter_slowly(Clock::time_point now) {
  std::optional<BreakerChange> change;
  std::optional<Call> call;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if (force_of(word) == BreakerForce::open) return std::nullopt;
    if (force_of(word) == BreakerForce::closed || state_of(word) == BreakerState::closed) {
      return Call(*this, word, false);
    }
    if (state_of(word) == BreakerState::open) {
      const bool waits = now.time_since_epoch() < nanoseconds(open_until_.load());
      if (waits) return std::nullopt;
      change = move_to(BreakerState::half_open, "it was open for its time", now);
    } else if (probes_in_flight_ >= options_.probes) {
      if (now - last_probe_ < options_.probe_timeout) return std::nullopt;
      // They said nothing for too long: what they say now is of the past.
      change = move_to(BreakerState::half_open, "its probes said nothing for their time", now);
    }
    ++probes_in_flight_;
    last_probe_ = now;
    call = Call(*this, word_.load(std::memory_order_relaxed), true);
  }
  tell(change);
  return call;
}

void Breaker::finish(const Call& call, bool success, Clock::time_point now) {
  (success ? successes_ : failures_).fetch_add(1, std::memory_order_relaxed);
  if (call.probe_) return finish_probe(call, success, now);
  const std::uint64_t word = word_.load(std::memory_order_acquire);
  if (word != call.word_) return;
  count(success, now);
  if (success) {
    if (consecutive_failures_.load(std::memory_order_relaxed) != 0) {
      consecutive_failures_.store(0, std::memory_order_relaxed);
    }
    return;
  }
  consecutive_failures_.fetch_add(1, std::memory_order_relaxed);
  if (force_of(word) != BreakerForce::automatic || !enabled_.load(std::memory_order_relaxed))
    return;
  std::string why = reason_to_open(now);
  if (why.empty()) return;
  std::optional<BreakerChange> change;
  {
    const std::lock_guard lock(mutex_);
    if (word_.load(std::memory_order_relaxed) != word) return;
    change = move_to(BreakerState::open, std::move(why), now);
  }
  tell(change);
}

void Breaker::finish_probe(const Call& call, bool success, Clock::time_point now) {
  std::optional<BreakerChange> change;
  {
    const std::lock_guard lock(mutex_);
    if (word_.load(std::memory_order_relaxed) != call.word_) return;
    --probes_in_flight_;
    if (!success) {
      change = move_to(BreakerState::open, "a probe failed", now);
    } else if (++probe_successes_ >= options_.probe_successes) {
      change = move_to(BreakerState::closed, "its probes succeeded", now);
    }
  }
  tell(change);
}

void Breaker::abandon(const Call& call) {
  if (!call.probe_) return;
  const std::lock_guard lock(mutex_);
  if (word_.load(std::memory_order_relaxed) == call.word_) --probes_in_flight_;
}

void Breaker::count(bool success, Clock::time_point now) {
  const std::uint64_t whole = epoch_of(now, bucket_ns_.load(std::memory_order_relaxed));
  const std::uint64_t epoch = whole & epoch_mask;
  std::atomic<std::uint64_t>& bucket = buckets_[whole % bucket_count];
  const std::uint64_t one = success ? 1 : std::uint64_t{1} << failures_shift;
  std::uint64_t before = bucket.load(std::memory_order_relaxed);
  std::uint64_t after = 0;
  do {
    const bool fresh = before >> epoch_shift != epoch;
    // A million a tenth of a window is enough to know the ratio.
    if (!fresh && (failures_of(before) == count_mask || successes_of(before) == count_mask)) return;
    after = (fresh ? epoch << epoch_shift : before) + one;
  } while (!bucket.compare_exchange_weak(before, after, std::memory_order_relaxed));
}

Breaker::Sums Breaker::sums(Clock::time_point now) const {
  const std::uint64_t current = epoch_of(now, bucket_ns_.load(std::memory_order_relaxed));
  Sums all;
  for (const auto& one : buckets_) {
    const std::uint64_t bucket = one.load(std::memory_order_relaxed);
    const std::uint64_t age = (current - (bucket >> epoch_shift)) & epoch_mask;
    if (age >= bucket_count) continue;
    all.successes += successes_of(bucket);
    all.failures += failures_of(bucket);
  }
  return all;
}

std::string Breaker::reason_to_open(Clock::time_point now) {
  const std::uint32_t in_a_row = consecutive_failures_.load(std::memory_order_relaxed);
  const std::uint32_t threshold = failure_threshold_.load(std::memory_order_relaxed);
  if (threshold != 0 && in_a_row >= threshold) {
    return std::to_string(in_a_row) + " failures in a row";
  }
  const double ratio = failure_ratio_.load(std::memory_order_relaxed);
  if (ratio <= 0) return {};
  const Sums all = sums(now);
  const std::uint64_t calls = all.successes + all.failures;
  if (calls < minimum_calls_.load(std::memory_order_relaxed)) return {};
  if (static_cast<double>(all.failures) < ratio * static_cast<double>(calls)) return {};
  return std::to_string(all.failures) + " of " + std::to_string(calls) + " calls failed";
}

void Breaker::forget_counts() {
  consecutive_failures_.store(0, std::memory_order_relaxed);
  for (auto& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
}

BreakerChange Breaker::move_to(BreakerState state, std::string why, Clock::time_point now) {
  const std::uint64_t word = word_.load(std::memory_order_relaxed);
  probes_in_flight_ = 0;
  probe_successes_ = 0;
  changed_at_ = now;
  why_ = why;
  if (state == BreakerState::open) {
    opened_.fetch_add(1, std::memory_order_relaxed);
    open_until_.store(nanoseconds((now + options_.open_time).time_since_epoch()).count(),
                      std::memory_order_relaxed);
  } else if (state == BreakerState::closed) {
    forget_counts();
  }
  word_.store(word_of((word >> 4) + 1, state, force_of(word)), std::memory_order_release);
  return {state_of(word), state, std::move(why)};
}

void Breaker::tell(const std::optional<BreakerChange>& change) const {
  if (change && change->from != change->to && on_change_) on_change_(*change);
}

void Breaker::force(BreakerForce force, std::string why, Clock::time_point now) {
  std::optional<BreakerChange> change;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    word_.store(word_of(word >> 4, state_of(word), force), std::memory_order_relaxed);
    const bool open = force == BreakerForce::open;
    change = move_to(open ? BreakerState::open : BreakerState::closed, std::move(why), now);
  }
  tell(change);
}

void Breaker::apply(const BreakerOptions& options, Clock::time_point now) {
  std::optional<BreakerChange> change;
  {
    const std::lock_guard lock(mutex_);
    keep(options, now);
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    const bool stuck = state_of(word) != BreakerState::closed &&
                       force_of(word) == BreakerForce::automatic && !options.enabled;
    if (stuck) change = move_to(BreakerState::closed, "it was switched off", now);
  }
  tell(change);
}

void Breaker::keep(const BreakerOptions& options, Clock::time_point now) {
  const std::int64_t bucket_ns = nanoseconds(options.window).count() / std::int64_t{bucket_count};
  if (bucket_ns != bucket_ns_.load(std::memory_order_relaxed)) {
    bucket_ns_.store(bucket_ns, std::memory_order_relaxed);
    for (auto& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
  }
  options_ = options;
  enabled_.store(options.enabled, std::memory_order_relaxed);
  failure_threshold_.store(options.failure_threshold, std::memory_order_relaxed);
  failure_ratio_.store(options.failure_ratio, std::memory_order_relaxed);
  minimum_calls_.store(options.minimum_calls, std::memory_order_relaxed);
  const std::int64_t latest = nanoseconds((now + options.open_time).time_since_epoch()).count();
  open_until_.store(std::min(open_until_.load(std::memory_order_relaxed), latest),
                    std::memory_order_relaxed);
}

BreakerOptions Breaker::options() const {
  const std::lock_guard lock(mutex_);
  return options_;
}

nanoseconds Breaker::retry_after(Clock::time_point now) const {
  const std::uint64_t word = word_.load(std::memory_order_acquire);
  if (state_of(word) != BreakerState::open) return nanoseconds(0);
  // Nobody knows when an operator lets it go: as if it had opened now.
  if (force_of(word) == BreakerForce::open) return options().open_time;
  const nanoseconds until(open_until_.load(std::memory_order_relaxed));
  return std::max(until - nanoseconds(now.time_since_epoch()), nanoseconds(0));
}

Error Breaker::refusal(std::string_view what, Clock::time_point now) const {
  const BreakerReading reading = read(now);
  // Half open, its probes are on their way; a moment later more is known.
  const auto pause = std::max(std::chrono::ceil<milliseconds>(retry_after(now)), milliseconds(100));
  return Error(Code::unavailable, std::string(what) + " are held back: " + reading.why)
      .with_reason("BREAKER_OPEN")
      .with_retry_after(pause);
}

BreakerReading Breaker::read(Clock::time_point now) const {
  BreakerReading reading;
  const Sums all = sums(now);
  reading.window_successes = all.successes;
  reading.window_failures = all.failures;
  reading.consecutive_failures = consecutive_failures_.load(std::memory_order_relaxed);
  reading.successes = successes_.load(std::memory_order_relaxed);
  reading.failures = failures_.load(std::memory_order_relaxed);
  reading.refused = refused_.load(std::memory_order_relaxed);
  reading.opened = opened_.load(std::memory_order_relaxed);
  reading.next_probe = retry_after(now);
  const std::lock_guard lock(mutex_);
  const std::uint64_t word = word_.load(std::memory_order_relaxed);
  reading.state = state_of(word);
  reading.force = force_of(word);
  reading.why = why_;
  reading.changed_at = changed_at_;
  reading.probes_in_flight = probes_in_flight_;
  reading.probe_successes = probe_successes_;
  return reading;
}

}  // namespace kit::resilience
