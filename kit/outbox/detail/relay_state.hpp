// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kit/async/semaphore.hpp"
#include "kit/async/task_group.hpp"
#include "kit/log/log.hpp"
#include "kit/outbox/detail/bell.hpp"
#include "kit/outbox/detail/event_table.hpp"
#include "kit/outbox/relay.hpp"

namespace kit::outbox {

inline log::Module outbox_log{"outbox"};

namespace detail {

/// The events of one destination and key that were claimed together, in their order.
struct Stream {
  std::vector<Event> events;
};

/// What one look found to do.
struct Round {
  std::string token;  ///< Of the claim.
  /// By destination, aggregate and key: the rows that wait, from the first on.
  std::map<std::tuple<std::string, std::string, std::string>, std::vector<std::int64_t>> wanted;
  std::vector<std::int64_t> claimed;  ///< Rows, sorted.
  bool is_claimed = false;            ///< Some of them are ours, to deliver or to give back.
  std::vector<Stream> streams;
  std::vector<std::int64_t> unheard;  ///< Rows for outside, where nobody listens.
  /// When a key that waits for its next try may have it.
  std::optional<Timestamp> next_try;
};

}  // namespace detail

struct Relay::State {
  State(db::Database& all, std::vector<Subscriber> inside, queue::Publisher* outside,
        RelayOptions given);

  // relay.cpp
  Task<detail::Round> claim_round();
  Task<detail::Round> choose(Timestamp now);
  Task<> load(detail::Round& round);
  Task<std::size_t> deliver_due();
  Task<> deliver_until_stopped();
  Task<Backlog> measure();
  void take(const Backlog& seen);
  Task<> measure_until_cancelled();
  Task<std::int64_t> remove_expired();
  Task<> clean_until_cancelled();
  Clock::duration wait_after(const Result<std::size_t>& looked);

  // relay_delivery.cpp
  Task<std::size_t> deliver(detail::Round& round);
  Task<> deliver_all(detail::Round& round, std::size_t& delivered);
  Task<> renew_until_cancelled(const detail::Round& round);
  Task<> publish(std::vector<detail::Stream*> streams, std::size_t& delivered);
  Task<> publish_events(std::vector<const Event*> events, std::size_t& delivered);
  Task<> publish_one_by_one(const detail::Stream& stream, std::size_t& delivered);
  Task<> tell(detail::Stream& stream, std::size_t& delivered);
  Task<bool> tell_one(Subscriber& subscriber, const Event& event);
  Task<bool> take_and_tell(Subscriber& subscriber, const Event& event);
  Task<> note_failure(const Event& event, const Error& why);

  Subscriber* find(std::string_view destination);
  std::chrono::milliseconds backoff(int failures, std::chrono::milliseconds longest);
  /// Between tries to reach a broker or a database that is away: what waits for it goes on that
  /// soon after it is back.
  std::chrono::milliseconds longest_outage_backoff() const {
    return std::min(options.longest_backoff, std::chrono::milliseconds{5'000});
  }
  void count(std::string_view destination, std::string_view outcome, std::uint64_t times = 1);

  db::Database& database;
  std::vector<Subscriber> subscribers;
  queue::Publisher* const publisher;
  const RelayOptions options;
  const std::string instance;
  std::shared_ptr<detail::Bell> bell = std::make_shared<detail::Bell>();
  std::atomic<bool> stopping{false};

  std::mt19937_64 random;
  std::uint64_t claims = 0;
  int failed_looks = 0;
  int failed_publications = 0;
  Clock::time_point publish_at{};  ///< Not before, after the broker failed.
  std::optional<Timestamp> next_try;
  bool alarm_told = false;

  mutable std::mutex mutex;
  Backlog backlog_seen;  // guarded by the mutex, as is the next
  std::map<std::pair<std::string, std::string>, std::uint64_t> counts;
};

}  // namespace kit::outbox
