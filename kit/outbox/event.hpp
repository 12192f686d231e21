// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/base/time.hpp"
#include "kit/db/database.hpp"

namespace kit::outbox {

/// The largest payload, as brokers take it without being told otherwise.
inline constexpr std::size_t max_payload_bytes = 1024UL * 1024;
/// Of the id of an aggregate.
inline constexpr std::size_t max_key_bytes = 255;
/// Of the names of subscribers, aggregates and types.
inline constexpr std::size_t max_name_bytes = 63;

/// An event that a unit of work tells of. Lifetime: borrowed.
struct NewEvent {
  std::string_view type;       ///< "CustomerEmailChanged"
  std::string_view aggregate;  ///< "Customer"
  /// The id of the aggregate, which the order holds for. Empty: it belongs to none, and no order
  /// is promised.
  std::string_view key = {};
  std::string_view payload = {};  ///< JSON.
  /// Who gets it inside the service, beside those outside.
  std::span<const std::string_view> subscribers = {};
};

/// An event on its way to one destination.
struct Event {
  std::int64_t sequence = 0;  ///< Of its row: the order of one destination and key.
  std::string id;             ///< A UUID; the same for all destinations.
  std::string destination;    ///< A subscriber; empty: whoever listens outside.
  std::string aggregate, key, type, payload;
  std::vector<std::pair<std::string, std::string>> headers;  ///< traceparent, request_id
  Timestamp created_at;
  int attempts = 0;  ///< That failed before.
};

/// Stores `event` with what `session`, a transaction, changes: for those outside and for each
/// subscriber. The transaction must have changed the aggregate's row before: that row's lock is
/// what keeps the events of one aggregate in the order of their commits. Call `announce` once it is
/// committed. Fails with `invalid_argument` (EVENT_TOO_LARGE, EVENT_NAME) past the limits above.
/// Cost: one statement for each destination.
Task<> add(db::Session& session, NewEvent event);

/// Events were committed: wakes the relays of this process, so that nothing waits for their next
/// look. Under a `db::JointWork` that happens once it is committed. Thread safety: any thread.
void announce();

/// Does something about an event in `transaction`, which also marks the event as done: both happen
/// or neither. It must not commit; a failure is tried again. The database waits meanwhile (SQLite:
/// everybody who writes), so slow outside calls belong behind a queue.
using Handler = Function<Task<>(const Event& event, db::Transaction& transaction)>;

/// Somebody inside the service who gets events. Thread safety: `handle` is called on the relay's
/// loop, for several keys at once, for one key in its order.
struct Subscriber {
  std::string name;  ///< Stays for ever: it is in the rows.
  Handler handle;
};

}  // namespace kit::outbox
