// SPDX-License-Identifier: Apache-2.0
#include "kit/resilience/rate_limiter.hpp"

#include <algorithm>
#include <bit>
#include <random>

namespace kit::resilience {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds longest_window = std::chrono::days(31);

RateDecision decide_with(nanoseconds interval, std::uint32_t burst, std::uint32_t cost,
                         nanoseconds now, nanoseconds& paid_at) {
  const nanoseconds window = interval * burst;
  const nanoseconds owed = std::max(paid_at - now, nanoseconds(0));
  RateDecision decision;
  decision.limit = burst;
  nanoseconds after = owed;
  if (cost > burst) {
    decision.allowed = false;
    decision.retry_after = RateDecision::never;
  } else if (owed + interval * cost > window) {
    decision.allowed = false;
    decision.retry_after = owed + interval * cost - window;
  } else {
    after = owed + interval * cost;
    paid_at = now + after;
  }
  decision.remaining =
      static_cast<std::uint32_t>(std::max(window - after, nanoseconds(0)) / interval);
  decision.reset = after;
  return decision;
}

}  // namespace

nanoseconds Rate::interval() const {
  const std::int64_t whole = nanoseconds(per).count();
  return nanoseconds((whole + requests - 1) / requests);
}

Result<> Rate::check() const {
  using std::chrono::milliseconds;
  if (requests == 0) return invalid("requests", "must be at least 1");
  if (per < milliseconds(1)) return invalid("per", "must be at least 1 ms");
  if (per > longest_window) return invalid("per", "must be at most 31 days");
  if (requests > nanoseconds(per).count()) {
    return invalid("requests", "must be at most one a nanosecond");
  }
  // Divided, since the product may be past the range.
  if (interval() > longest_window / most_at_once()) {
    return invalid("burst", "takes more than 31 days to come back; lower it or raise the rate");
  }
  return {};
}

RateDecision decide(const Rate& rate, std::uint32_t cost, nanoseconds now, nanoseconds& paid_at) {
  return decide_with(rate.interval(), rate.most_at_once(), cost, now, paid_at);
}

/// Keys that may stand in one another's places. The hashes are together: one cache line to look
/// through.
struct alignas(64) RateLimiter::Set {
  std::array<std::uint64_t, ways> keys{};
  std::array<nanoseconds, ways> paid_at{};
};

RateLimiter::RateLimiter(const Rate& rate, std::size_t keys)
    : sets_mask_(std::bit_ceil(std::max(keys, ways)) / ways - 1),
      sets_(std::make_unique<Set[]>(sets_mask_ + 1)) {
  // Before every instant of the clock, so that an unused place owes nothing.
  for (std::size_t i = 0; i <= sets_mask_; ++i) sets_[i].paid_at.fill(nanoseconds::min() / 2);
  apply(rate, Clock::time_point());
}
RateLimiter::~RateLimiter() = default;

void RateLimiter::apply(const Rate& rate, Clock::time_point now) {
  for (Lock& lock : locks_) lock.mutex.lock();
  rate_ = rate;
  interval_ = rate.interval();
  burst_ = rate.most_at_once();
  const nanoseconds longest = now.time_since_epoch() + rate.window();
  for (std::size_t i = 0; i <= sets_mask_; ++i) {
    for (nanoseconds& paid_at : sets_[i].paid_at) paid_at = std::min(paid_at, longest);
  }
  for (Lock& lock : locks_) lock.mutex.unlock();
}

Rate RateLimiter::rate() {
  const std::lock_guard lock(locks_.front().mutex);
  return rate_;
}

RateDecision RateLimiter::decide(std::uint64_t key, Clock::time_point at, std::uint32_t cost,
                                 bool take) {
  const nanoseconds now = at.time_since_epoch();
  // 0 is the mark of an unused place.
  if (key == 0) key = 1;
  const std::size_t index = static_cast<std::size_t>(key >> 16) & sets_mask_;
  const std::lock_guard lock(locks_[index % lock_count].mutex);
  Set& set = sets_[index];
  std::size_t place = 0;
  while (place < ways && set.keys[place] != key) ++place;
  const bool known = place < ways;
  if (!known) {
    place = static_cast<std::size_t>(std::ranges::min_element(set.paid_at) - set.paid_at.begin());
  }
  nanoseconds paid_at = set.paid_at[place];
  const bool displaces = !known && paid_at > now;
  const RateDecision decision = decide_with(interval_, burst_, cost, now, paid_at);
  if (!take) return decision;
  if (decision.allowed && displaces) displaced_.fetch_add(1, std::memory_order_relaxed);
  if (decision.allowed) set.keys[place] = key;
  // Who was pushed out relies on it that the least debt of a set never shrinks.
  set.paid_at[place] = paid_at;
  return decision;
}

detail::HashKey detail::HashKey::random() {
  std::random_device device;
  const auto word = [&] { return (std::uint64_t{device()} << 32) | device(); };
  return {word(), word()};
}

namespace {

const detail::HashKey& process_key() {
  static const detail::HashKey key = detail::HashKey::random();
  return key;
}

}  // namespace

RateKey::RateKey() : hash_(process_key()) {}

}  // namespace kit::resilience
