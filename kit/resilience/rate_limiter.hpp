// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/resilience/detail/sip_hash.hpp"

namespace kit::resilience {

/// How much one key may have: `requests` in each `per`, and at most `burst` of them at once.
struct Rate {
  std::uint32_t requests = 100;
  std::chrono::milliseconds per{1'000};
  std::uint32_t burst = 0;  ///< 0: as many as `requests`.

  std::uint32_t most_at_once() const { return burst == 0 ? requests : burst; }
  /// Between two requests that come as fast as they may for ever. Rounded up: never more than was
  /// said.
  std::chrono::nanoseconds interval() const;
  /// How long it takes from nothing left to everything left.
  std::chrono::nanoseconds window() const { return interval() * most_at_once(); }

  /// Fails with `invalid_argument` for a rate without requests or time, above a request a
  /// nanosecond, or with a window of more than 31 days.
  Result<> check() const;
  friend bool operator==(const Rate&, const Rate&) = default;
};

/// What a limiter says to one request.
struct RateDecision {
  bool allowed = true;
  std::uint32_t limit = 0;      ///< At most so many at once.
  std::uint32_t remaining = 0;  ///< So many more would be allowed now.
  /// Until this request would be allowed; 0: it is. `never`: it costs more than the burst.
  std::chrono::nanoseconds retry_after{0};
  std::chrono::nanoseconds reset{0};  ///< Until everything is allowed again.

  static constexpr std::chrono::nanoseconds never = std::chrono::nanoseconds::max();
};

/// The generic cell rate algorithm (ITU-T I.371) by itself, for whoever keeps the one number a key
/// needs: the time at which it will have paid everything back. `paid_at` and `now` are of the same
/// clock. What is
/// refused costs nothing.
RateDecision decide(const Rate& rate, std::uint32_t cost, std::chrono::nanoseconds now,
                    std::chrono::nanoseconds& paid_at);

/// A rate for each of many keys, in memory that does not grow. Whatever the keys and whoever sends
/// them, no key is ever allowed more than its burst and its rate: when there is no room for a new
/// key it takes over the place and the debt of the one of its set that owes least, so that a key
/// that was pushed out finds at least its own debt when it comes back. Under a flood of new keys
/// those without a place share what the places give (8 keys to a set).
/// Thread safety: any thread. Cost: some 30 ns, no allocation; 16 bytes a key.
class RateLimiter {
 public:
  static constexpr std::size_t default_keys = 65'536;

  /// `keys`: places, rounded up to a power of two, at least 8. `rate` has been checked.
  explicit RateLimiter(const Rate& rate, std::size_t keys = default_keys);
  ~RateLimiter();
  RateLimiter(const RateLimiter&) = delete;
  RateLimiter& operator=(const RateLimiter&) = delete;

  /// Asks for `cost` for the key of this hash; `RateKey` makes one. What is refused costs nothing.
  RateDecision ask(std::uint64_t key, Clock::time_point now, std::uint32_t cost = 1) {
    return decide(key, now, cost, true);
  }
  /// What `ask` would say.
  RateDecision look(std::uint64_t key, Clock::time_point now, std::uint32_t cost = 1) {
    return decide(key, now, cost, false);
  }

  /// From now on. Debts stay, but none longer than the new window. Cost: a look at every place.
  void apply(const Rate& rate, Clock::time_point now);
  Rate rate();
  /// Times a key took another's place that still owed something: the table is too small.
  std::uint64_t displaced() const { return displaced_.load(std::memory_order_relaxed); }
  std::size_t keys() const { return (sets_mask_ + 1) * ways; }

 private:
  static constexpr std::size_t ways = 8;
  static constexpr std::size_t lock_count = 32;  // `apply` holds all of them
  struct Set;
  struct alignas(64) Lock {
    std::mutex mutex;
  };
  RateDecision decide(std::uint64_t key, Clock::time_point now, std::uint32_t cost, bool take);

  std::size_t sets_mask_;
  std::unique_ptr<Set[]> sets_;
  std::array<Lock, lock_count> locks_;
  // Read under any of the locks, written under all of them.
  Rate rate_;
  std::chrono::nanoseconds interval_{};
  std::uint32_t burst_ = 0;
  std::atomic<std::uint64_t> displaced_{0};
};

/// Makes the key of a limiter from texts that come from outside, one after the other. Nobody who
/// does not know the process's secret can choose two that give one key. Cost: about 10 ns a part.
class RateKey {
 public:
  RateKey();
  void add(std::string_view part) { hash_.add_part(part); }
  std::uint64_t value() { return hash_.finish(); }

 private:
  detail::SipHash<> hash_;
};

}  // namespace kit::resilience
