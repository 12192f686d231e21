// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/db/database.hpp"
#include "kit/outbox/event.hpp"
#include "kit/queue/queue.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::telemetry {
class Tracer;  // kit/telemetry/tracer.hpp
}

namespace kit::outbox {

/// What becomes of the later events of a key when one of them is a dead letter.
enum class AfterDeath : std::uint8_t {
  wait,  ///< Until a person retries or drops it: the order always holds.
  pass,  ///< They go on; a retried one comes late.
};

struct RelayOptions {
  /// Told apart from other instances by it; empty: a random one.
  std::string instance;
  /// Topics are `<prefix>.<aggregate>`: usually the service's name.
  std::string topic_prefix = "events";
  std::size_t batch = 100;       ///< Events that are claimed at once; a crash repeats as many.
  std::size_t concurrency = 16;  ///< Keys whose subscribers run at once.
  std::chrono::milliseconds poll{1'000};      ///< Between looks that nobody asked for.
  std::chrono::milliseconds lease{3'000};     ///< After it others take over from one that died.
  std::chrono::milliseconds timeout{10'000};  ///< For one handler, or one publication.
  std::chrono::milliseconds first_backoff{200};
  std::chrono::milliseconds longest_backoff{300'000};
  /// Failures after which an event is a dead letter; those that `is_passing`
  /// never make one.
  int max_attempts = 10;
  AfterDeath after_death = AfterDeath::wait;
  /// How long delivered events stay to be looked at.
  std::chrono::seconds keep = std::chrono::hours(24 * 7);
  /// `alarmed` in the figures, and a line in the log, when an event waits longer.
  std::chrono::seconds lag_alarm{60};
  /// Where spans of deliveries go: each is below the work that told of the event. Outlives the
  /// relay; null: nowhere.
  telemetry::Tracer* tracer = nullptr;
};

/// What waits, as of the last look.
struct Backlog {
  std::int64_t waiting = 0;  ///< Rows, at most 100 000 counted.
  std::int64_t dead = 0;
  std::chrono::microseconds oldest{0};  ///< How long the oldest has waited.
  bool alarmed = false;                 ///< Some event waits too long, or is a dead letter.
};

/// Whether trying again helps by itself, however often: `unavailable`, `aborted`,
/// `resource_exhausted`. A handler that takes too long is no such failure.
bool is_passing(const Error& error);

/// Takes committed events to those outside, through `publisher`, and to the subscribers: at least
/// once to the first, exactly once to the others, each key in its order, different keys side by
/// side. Any number of instances share the work: a key is worked off by one at a time, under a
/// lease. Needs the tables kit_outbox and kit_inbox.
/// Thread safety: one loop's thread, but for `stop`. Lifetime: `database` and `publisher` outlive
/// it.
class Relay {
 public:
  using Options = RelayOptions;
  /// `publisher` null: nobody outside listens, and events for them count as delivered.
  Relay(db::Database& database, std::vector<Subscriber> subscribers, queue::Publisher* publisher,
        Options options);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// Works until `stop`; what fails is tried again. Cancellation: ends at once, what was under way
  /// is done again by the next one after the lease.
  Task<> run();
  /// Ends `run` once what is under way has ended. Thread safety: any thread.
  void stop();

  /// One look: claims and delivers what is due, and yields how many events that were. Fails when
  /// the database does.
  Task<std::size_t> deliver_due();
  /// Deletes one batch of rows that were delivered longer ago than `keep`, and yields how many;
  /// those of kit_inbox too.
  Task<std::int64_t> remove_expired();
  /// Looks anew.
  Task<Backlog> measure();

  /// As of the last look of `run` or `measure`. Thread safety: any thread.
  Backlog backlog() const;
  /// outbox_delivered_total, outbox_failures_total, outbox_dead_total, outbox_waiting,
  /// outbox_dead_letters, outbox_oldest_seconds, outbox_alarm. Lifetime: this outlives `registry`'s
  /// readers.
  void add_metrics(telemetry::Registry& registry);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kit::outbox
