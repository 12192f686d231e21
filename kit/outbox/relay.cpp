// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/relay.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/base/failpoint.hpp"
#include "kit/base/uuid.hpp"
#include "kit/outbox/detail/relay_state.hpp"

namespace kit::outbox {
namespace {

using detail::Round;
using detail::Waiting;

/// Rows looked at at once, and how many of such pages: past what others have or what waits for its
/// next try.
constexpr std::int64_t page_rows = 500;
constexpr int most_pages = 20;
/// Payloads in memory at once.
constexpr std::size_t most_bytes = 8UL * 1024 * 1024;
constexpr std::int64_t expiry_batch = 500;
constexpr auto expiry_interval = std::chrono::minutes{1};
constexpr auto measure_interval = std::chrono::seconds{5};
constexpr auto shortest_wait = std::chrono::milliseconds{10};

// Counting all of a large backlog again and again would slow down its end.
constexpr std::string_view measure_sql = R"sql(
  SELECT (SELECT count(*) FROM (SELECT id FROM kit_outbox WHERE state = 0 LIMIT 100000) AS counted),
         (SELECT count(*) FROM kit_outbox WHERE state = 2),
         (SELECT created_at FROM kit_outbox WHERE state = 0 ORDER BY id LIMIT 1))sql";

bool is_cancelled() {
  const Context* const context = Context::current();
  return context != nullptr && context->cancelled();
}

/// Which rows of the waiting ones to claim: whole keys from their first row on.
class Choice {
 public:
  Choice(Round& round, std::size_t batch, Timestamp now)
      : round_(round), batch_(batch), now_(now) {}

  bool is_full() const { return round_.claimed.size() >= batch_; }
  void look_at(const Waiting& row) {
    const auto [place, is_first] =
        taking_.try_emplace(std::tuple(row.destination, row.aggregate, row.key), false);
    if (is_first) place->second = may_take(row);
    if (!place->second || is_full()) return;
    round_.claimed.push_back(row.sequence);
    round_.wanted[place->first].push_back(row.sequence);
  }

 private:
  /// A key may be taken when its first row may.
  bool may_take(const Waiting& first) {
    if (first.is_leased) return false;
    if (!first.retry_at || *first.retry_at <= now_) return true;
    if (!round_.next_try || *first.retry_at < *round_.next_try) round_.next_try = first.retry_at;
    return false;
  }

  Round& round_;
  std::size_t batch_;
  Timestamp now_;
  std::map<std::tuple<std::string, std::string, std::string>, bool> taking_;
};

}  // namespace

bool is_passing(const Error& error) {
  switch (error.code()) {
    case Code::unavailable:
    case Code::aborted:
    case Code::resource_exhausted:
    case Code::cancelled:
      return true;
    default:
      return false;
  }
}

Relay::State::State(db::Database& all, std::vector<Subscriber> inside, queue::Publisher* outside,
                    RelayOptions given)
    : database(all),
      subscribers(std::move(inside)),
      publisher(outside),
      options(std::move(given)),
      instance(options.instance.empty() ? Uuid::make_v7().to_string() : options.instance),
      random(std::random_device()()) {
  detail::listen(bell);
}

Subscriber* Relay::State::find(std::string_view destination) {
  const auto found = std::ranges::find(subscribers, destination, &Subscriber::name);
  return found == subscribers.end() ? nullptr : &*found;
}

/// Doubles from try to try, and differs between instances and keys so that they don't all come back
/// at once.
std::chrono::milliseconds Relay::State::backoff(int failures, std::chrono::milliseconds longest) {
  const double doubled = static_cast<double>(options.first_backoff.count()) *
                         static_cast<double>(std::uint64_t{1} << static_cast<unsigned>(
                                                 std::clamp(failures - 1, 0, 40)));
  const double most = std::min(doubled, static_cast<double>(longest.count()));
  std::uniform_real_distribution<> share(0.5, 1.0);
  return std::chrono::milliseconds(static_cast<std::int64_t>(most * share(random)));
}

void Relay::State::count(std::string_view destination, std::string_view outcome,
                         std::uint64_t times) {
  const std::lock_guard lock(mutex);
  counts[{std::string(outcome), std::string(destination)}] += times;
}

/// One snapshot for all pages: what is the first row of a key in it stays the first, since whoever
/// added an earlier one had ended before.
Task<Round> Relay::State::choose(Timestamp now) {
  Round round;
  Choice choice(round, options.batch, now);
  const bool may_publish = Clock::now() >= publish_at;
  const bool skip_blocked = options.after_death == AfterDeath::wait;
  const std::unique_ptr<db::Transaction> snapshot = co_await database.begin_read();
  std::int64_t after = 0;
  for (int page = 0; page < most_pages && !choice.is_full(); ++page) {
    const std::vector<Waiting> rows =
        co_await detail::waiting(*snapshot, after, page_rows, skip_blocked, now);
    for (const Waiting& row : rows) {
      if (row.destination.empty() && publisher == nullptr) {
        round.unheard.push_back(row.sequence);
      } else if (row.destination.empty() ? may_publish : find(row.destination) != nullptr) {
        choice.look_at(row);
      }
    }
    if (std::ssize(rows) < page_rows) break;
    after = rows.back().sequence;
  }
  co_return round;
}

/// Of each key what was claimed from its first row on: where another relay was faster with one, the
/// ones behind it are not ours to deliver either.
Task<> Relay::State::load(Round& round) {
  std::vector<Event> events =
      co_await detail::claimed(database, round.claimed, round.token, most_bytes);
  std::map<const std::vector<std::int64_t>*, detail::Stream> streams;
  for (Event& event : events) {
    const std::vector<std::int64_t>& wanted =
        round.wanted[std::tuple(event.destination, event.aggregate, event.key)];
    std::vector<Event>& taken = streams[&wanted].events;
    if (taken.size() < wanted.size() && wanted[taken.size()] == event.sequence)
      taken.push_back(std::move(event));
  }
  for (auto& [wanted, stream] : streams) {
    if (!stream.events.empty()) round.streams.push_back(std::move(stream));
  }
}

Task<Round> Relay::State::claim_round() {
  const Timestamp now = Timestamp::now();
  Round round = co_await choose(now);
  next_try = round.next_try;
  if (round.claimed.empty()) co_return round;
  round.token = instance + '#' + std::to_string(++claims);
  const Timestamp until{now.since_epoch + options.lease};
  const detail::Lease lease{round.token, now, until};
  co_await KIT_FAILPOINT_RESULT("relay.before_claim");
  const std::int64_t taken = co_await detail::claim(database, round.claimed, lease);
  co_await KIT_FAILPOINT_RESULT("relay.after_claim");
  round.is_claimed = taken > 0;
  if (round.is_claimed) co_await load(round);
  co_return round;
}

Task<std::size_t> Relay::State::deliver_due() {
  Round round = co_await claim_round();
  std::size_t delivered = 0;
  if (!round.unheard.empty()) {
    delivered += static_cast<std::size_t>(
        co_await detail::finish(database, round.unheard, Timestamp::now()));
  }
  if (round.is_claimed) delivered += co_await deliver(round);
  co_return delivered;
}

/// How long to wait for a bell when this is how a look went.
Clock::duration Relay::State::wait_after(const Result<std::size_t>& looked) {
  if (!looked) return backoff(++failed_looks, longest_outage_backoff());
  failed_looks = 0;
  Clock::duration wait = options.poll;
  if (next_try) {
    const auto due = next_try->since_epoch - Timestamp::now().since_epoch;
    wait = std::min<Clock::duration>(wait, due);
  }
  if (const Clock::time_point now = Clock::now(); publish_at > now)
    wait = std::min(wait, publish_at - now);
  return std::max<Clock::duration>(wait, shortest_wait);
}

Task<> Relay::State::deliver_until_stopped() {
  while (!stopping.load()) {
    Task<std::size_t> looking = deliver_due();
    const Result<std::size_t> looked = co_await as_result(std::move(looking));
    if (is_cancelled()) co_await Error(Code::cancelled, "the relay was cancelled");
    if (!looked)
      log::warn(outbox_log, "events can't be delivered now", {{"error", looked.error()}});
    if (looked && *looked > 0) continue;
    detail::Bell::Wait wait(*bell, wait_after(looked));
    co_await wait;
  }
}

/// Says once when events begin to wait too long or die, and once when that has ended.
void Relay::State::take(const Backlog& seen) {
  {
    const std::lock_guard lock(mutex);
    backlog_seen = seen;
  }
  if (seen.alarmed == std::exchange(alarm_told, seen.alarmed)) return;
  if (seen.alarmed) {
    log::warn(outbox_log, "events wait",
              {{"waiting", seen.waiting}, {"oldest", seen.oldest}, {"dead_letters", seen.dead}});
  } else {
    log::info(outbox_log, "events are delivered in time again", {});
  }
}

Task<Backlog> Relay::State::measure() {
  Backlog seen;
  auto read = [&seen](const db::Row& row) -> Result<> {
    seen.waiting = row.int64(0);
    seen.dead = row.int64(1);
    if (row.is_null(2)) return {};
    const auto age = Timestamp::now().since_epoch - std::chrono::microseconds(row.int64(2));
    seen.oldest = std::max(age, std::chrono::microseconds(0));
    return {};
  };
  db::RowSink sink(read);
  co_await database.query(measure_sql, {}, sink);
  seen.alarmed = seen.dead > 0 || seen.oldest > options.lag_alarm;
  take(seen);
  co_return seen;
}

Task<> Relay::State::measure_until_cancelled() {
  while (true) {
    const Result<Backlog> measured = co_await as_result(measure());
    if (!measured && !is_cancelled())
      log::warn(outbox_log, "the events that wait can't be counted", {{"error", measured.error()}});
    co_await sleep_for(measure_interval);
  }
}

Task<std::int64_t> Relay::State::remove_expired() {
  const Timestamp before{Timestamp::now().since_epoch - options.keep};
  co_await KIT_FAILPOINT_RESULT("relay.before_clean");
  const std::int64_t events = co_await detail::remove_delivered(database, before, expiry_batch);
  const std::int64_t messages = co_await detail::remove_remembered(database, before, expiry_batch);
  co_return std::max(events, messages);
}

Task<> Relay::State::clean_until_cancelled() {
  while (true) {
    const Result<std::int64_t> removed = co_await as_result(remove_expired());
    if (!removed && !is_cancelled())
      log::warn(outbox_log, "old events can't be removed", {{"error", removed.error()}});
    const bool more = removed && *removed == expiry_batch;
    co_await sleep_for(more ? Clock::duration(shortest_wait) : Clock::duration(expiry_interval));
  }
}

Relay::Relay(db::Database& database, std::vector<Subscriber> subscribers,
             queue::Publisher* publisher, Options options)
    : state_(std::make_unique<State>(database, std::move(subscribers), publisher,
                                     std::move(options))) {}

Relay::~Relay() = default;

Task<> Relay::run() {
  TaskGroup beside("outbox");
  beside.spawn("backlog", state_->measure_until_cancelled());
  beside.spawn("expiry", state_->clean_until_cancelled());
  Task<> delivering = state_->deliver_until_stopped();
  const Result<> delivered = co_await as_result(std::move(delivering));
  beside.cancel();
  Task<> joining = beside.join();
  (void)co_await as_result(std::move(joining));  // was cancelled, which is no failure
  if (!delivered) co_await delivered.error().clone();
}

void Relay::stop() {
  state_->stopping.store(true);
  state_->bell->ring();
}

Task<std::size_t> Relay::deliver_due() {
  return state_->deliver_due();
}

Task<std::int64_t> Relay::remove_expired() {
  return state_->remove_expired();
}

Task<Backlog> Relay::measure() {
  return state_->measure();
}

Backlog Relay::backlog() const {
  const std::lock_guard lock(state_->mutex);
  return state_->backlog_seen;
}

void Relay::add_metrics(telemetry::Registry& registry) {
  const auto counted = [this](std::string_view outcome) {
    return [this, outcome] {
      std::vector<telemetry::Reading> readings;
      const std::lock_guard lock(state_->mutex);
      for (const auto& [key, number] : state_->counts) {
        if (key.first != outcome) continue;
        readings.push_back(
            {{key.second.empty() ? "outside" : key.second}, static_cast<double>(number)});
      }
      return readings;
    };
  };
  registry.add_readings("outbox_delivered_total", "Events that were delivered.", {"destination"},
                        counted("delivered"));
  registry.add_readings("outbox_failures_total", "Tries to deliver an event that failed.",
                        {"destination"}, counted("failed"));
  registry.add_readings("outbox_dead_total", "Events that became dead letters.", {"destination"},
                        counted("dead"));
  registry.add_reading("outbox_waiting", "Events that wait for their delivery.",
                       [this] { return static_cast<double>(backlog().waiting); });
  registry.add_reading("outbox_dead_letters", "Events that are given up until somebody looks.",
                       [this] { return static_cast<double>(backlog().dead); });
  registry.add_reading("outbox_oldest_seconds", "How long the oldest event has waited.",
                       [this] { return std::chrono::duration<double>(backlog().oldest).count(); });
  registry.add_reading("outbox_alarm", "1: events wait too long, or there are dead letters.",
                       [this] { return backlog().alarmed ? 1.0 : 0.0; });
}

}  // namespace kit::outbox
