// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/time.hpp"
#include "kit/db/database.hpp"
#include "kit/outbox/event.hpp"

// The statements on the table kit_outbox. Its column `state` is a `State`.
namespace kit::outbox::detail {

enum class State : std::uint8_t { waiting = 0, delivered = 1, dead = 2, dropped = 3 };

/// A row as it is written. Lifetime: borrowed.
struct StoredEvent {
  std::string_view id, destination, aggregate, key, type, payload, headers = "{}";
  Timestamp created_at;
};
Task<> insert(db::Session& session, const StoredEvent& event);
/// One that was given up at once, or waits behind such a one.
std::vector<std::pair<std::string, std::string>> parse_headers(std::string_view json);

/// A row that waits, without what it carries.
struct Waiting {
  std::int64_t sequence = 0;
  std::string destination, aggregate, key;
  bool is_leased = false;             ///< By somebody whose lease is not over.
  std::optional<Timestamp> retry_at;  ///< Not before.
};

/// Rows that wait, in the order they were added, `limit` of those behind `after`. `skip_blocked`:
/// without those of keys that have a dead letter.
Task<std::vector<Waiting>> waiting(db::Session& session, std::int64_t after, std::int64_t limit,
                                   bool skip_blocked, Timestamp now);

/// Whose turn it is, and until when.
struct Lease {
  std::string_view token;  ///< Of one claim.
  Timestamp now, until;
};

/// Takes those of `rows` that wait and nobody has; yields how many. `rows` in all of these: sorted.
Task<std::int64_t> claim(db::Session& session, std::span<const std::int64_t> rows, Lease lease);
/// What was claimed, in order; ends early once the payloads have `max_bytes`.
Task<std::vector<Event>> claimed(db::Session& session, std::span<const std::int64_t> rows,
                                 std::string_view token, std::size_t max_bytes);
/// Makes it last until `until`.
Task<> renew(db::Session& session, std::span<const std::int64_t> rows, Lease lease);
/// Gives back what is left of it.
Task<> release(db::Session& session, std::span<const std::int64_t> rows, std::string_view token);

/// Delivered; yields how many of them still waited.
Task<std::int64_t> finish(db::Session& session, std::span<const std::int64_t> rows, Timestamp now);
/// A try failed: the next not before `retry_at`, or never: it is a dead letter.
struct Failure {
  std::int64_t sequence = 0;
  int attempts = 0;  ///< With this one.
  std::optional<Timestamp> retry_at;
  std::string_view problem;
};
Task<> fail(db::Session& session, const Failure& failure);

/// Rows delivered or dropped before `before`, at most `limit`; yields how many there were.
Task<std::int64_t> remove_delivered(db::Session& session, Timestamp before, std::int64_t limit);
Task<std::int64_t> remove_remembered(db::Session& session, Timestamp before, std::int64_t limit);

/// The columns of an `Event` from the first on, as `event_columns` selects them.
inline constexpr std::string_view event_columns =
    "id, event_id, destination, aggregate, aggregate_id, type, payload, headers, created_at, "
    "attempts";
Event read_event(const db::Row& row);

}  // namespace kit::outbox::detail
