// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/detail/event_table.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "kit/db/sql.hpp"
#include "kit/json/reader.hpp"

namespace kit::outbox::detail {
namespace {

constexpr std::string_view insert_sql = R"sql(
  INSERT INTO kit_outbox (event_id, destination, aggregate, aggregate_id, type, payload, headers,
                          created_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))sql";

constexpr std::string_view waiting_sql = R"sql(
  SELECT id, destination, aggregate, aggregate_id, retry_at, lease_until
    FROM kit_outbox
   WHERE state = 0 AND id > ?1
   ORDER BY id LIMIT ?2)sql";

constexpr std::string_view waiting_unblocked_sql = R"sql(
  SELECT id, destination, aggregate, aggregate_id, retry_at, lease_until
    FROM kit_outbox AS event
   WHERE state = 0 AND id > ?1
     AND NOT EXISTS (SELECT 1 FROM kit_outbox AS dead
                      WHERE dead.state = 2 AND dead.destination = event.destination
                        AND dead.aggregate = event.aggregate
                        AND dead.aggregate_id = event.aggregate_id)
   ORDER BY id LIMIT ?2)sql";

// What these say of single rows stands before and behind a list of ids.
struct ListSql {
  std::string_view before, behind;
};

constexpr ListSql claim_sql{R"sql(
  UPDATE kit_outbox SET lease = ?1, lease_until = ?2
   WHERE state = 0 AND (lease_until IS NULL OR lease_until < ?3)
     AND (retry_at IS NULL OR retry_at <= ?3) AND id IN (
)sql",
                            ")"};

constexpr ListSql renew_sql{R"sql(
  UPDATE kit_outbox SET lease_until = ?2
   WHERE lease = ?1 AND state = 0 AND id IN (
)sql",
                            ")"};

constexpr ListSql release_sql{R"sql(
  UPDATE kit_outbox SET lease = NULL, lease_until = NULL
   WHERE lease = ?1 AND state = 0 AND id IN (
)sql",
                              ")"};

constexpr ListSql finish_sql{R"sql(
  UPDATE kit_outbox SET state = 1, published_at = ?1, lease = NULL, lease_until = NULL
   WHERE state = 0 AND id IN (
)sql",
                             ")"};

constexpr ListSql claimed_sql{R"sql(
  SELECT id, event_id, destination, aggregate, aggregate_id, type, payload, headers, created_at,
         attempts
    FROM kit_outbox
   WHERE lease = ?1 AND state = 0 AND id IN (
)sql",
                              ") ORDER BY id"};

constexpr std::string_view retry_sql = R"sql(
  UPDATE kit_outbox
     SET attempts = ?2, problem = ?3, retry_at = ?4, lease = NULL, lease_until = NULL
   WHERE id = ?1 AND state = 0)sql";

constexpr std::string_view die_sql = R"sql(
  UPDATE kit_outbox
     SET attempts = ?2, problem = ?3, state = 2, retry_at = NULL, lease = NULL, lease_until = NULL
   WHERE id = ?1 AND state = 0)sql";

constexpr db::Sql remove_delivered_sql{
    R"sql(
  DELETE FROM kit_outbox
   WHERE id IN (SELECT id FROM kit_outbox WHERE published_at < ?1 ORDER BY published_at LIMIT ?2))sql",
    R"sql(
  DELETE FROM kit_outbox
   WHERE id IN (SELECT id FROM kit_outbox WHERE published_at < ?1 ORDER BY published_at LIMIT ?2))sql",
    R"sql(
  DELETE FROM kit_outbox WHERE published_at < ?1 ORDER BY published_at LIMIT ?2)sql"};

constexpr db::Sql remove_remembered_sql{
    R"sql(
  DELETE FROM kit_inbox
   WHERE rowid IN (SELECT rowid FROM kit_inbox WHERE taken_at < ?1 ORDER BY taken_at LIMIT ?2))sql",
    R"sql(
  DELETE FROM kit_inbox
   WHERE ctid IN (SELECT ctid FROM kit_inbox WHERE taken_at < ?1 ORDER BY taken_at LIMIT ?2))sql",
    R"sql(
  DELETE FROM kit_inbox WHERE taken_at < ?1 ORDER BY taken_at LIMIT ?2)sql"};

/// Lists have few sizes, so that few statements are prepared; a shorter one repeats its last id.
constexpr std::array<std::size_t, 3> list_sizes{1, 8, 64};

/// One statement for a part of a list.
struct ListStatement {
  std::string sql;
  std::vector<db::Parameter> parameters;
};

/// The statement for the front of `rows`, which it takes off there.
ListStatement next_statement(const ListSql& sql, std::span<const db::Parameter> fixed,
                             std::span<const std::int64_t>& rows) {
  std::size_t size = list_sizes.back();
  for (const std::size_t fitting : list_sizes) {
    if (rows.size() <= fitting) {
      size = fitting;
      break;
    }
  }
  ListStatement statement{std::string(sql.before), {fixed.begin(), fixed.end()}};
  const std::size_t taken = std::min(size, rows.size());
  for (std::size_t i = 0; i < size; ++i) {
    statement.parameters.push_back(rows[std::min(i, taken - 1)]);
    statement.sql.append(i == 0 ? "?" : ", ?");
    statement.sql.append(std::to_string(statement.parameters.size()));
  }
  statement.sql.append(sql.behind);
  rows = rows.subspan(taken);
  return statement;
}

Task<std::int64_t> execute_list(db::Session& session, const ListSql& sql,
                                std::span<const db::Parameter> fixed,
                                std::span<const std::int64_t> rows) {
  std::int64_t changed = 0;
  while (!rows.empty()) {
    const ListStatement statement = next_statement(sql, fixed, rows);
    const db::Session::Changed done = co_await session.execute(statement.sql, statement.parameters);
    changed += done.rows;
  }
  co_return changed;
}

db::Parameter instant(const std::optional<Timestamp>& at) {
  if (!at) return nullptr;
  return static_cast<std::int64_t>(at->since_epoch.count());
}

std::optional<Timestamp> instant(const db::Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return Timestamp{std::chrono::microseconds(row.int64(column))};
}

}  // namespace

Task<> insert(db::Session& session, const StoredEvent& event) {
  const std::array<db::Parameter, 8> parameters{
      event.id,   event.destination, event.aggregate, event.key,
      event.type, event.payload,     event.headers,   instant(event.created_at)};
  co_await session.execute(insert_sql, parameters);
}

std::vector<std::pair<std::string, std::string>> parse_headers(std::string_view json) {
  std::vector<std::pair<std::string, std::string>> headers;
  json::Reader reader(json);
  if (!reader.begin_object()) return headers;
  while (const auto key = reader.next_key()) {
    std::string name(*key);
    if (const auto value = reader.try_string()) headers.emplace_back(std::move(name), *value);
  }
  return headers;
}

Event read_event(const db::Row& row) {
  Event event;
  event.sequence = row.int64(0);
  event.id = row.text(1);
  event.destination = row.text(2);
  event.aggregate = row.text(3);
  event.key = row.text(4);
  event.type = row.text(5);
  event.payload = row.text(6);
  event.headers = parse_headers(row.text(7));
  event.created_at = Timestamp{std::chrono::microseconds(row.int64(8))};
  event.attempts = static_cast<int>(row.int64(9));
  return event;
}

Task<std::vector<Waiting>> waiting(db::Session& session, std::int64_t after, std::int64_t limit,
                                   bool skip_blocked, Timestamp now) {
  std::vector<Waiting> rows;
  auto read = [&](const db::Row& row) -> Result<> {
    Waiting one;
    one.sequence = row.int64(0);
    one.destination = row.text(1);
    one.aggregate = row.text(2);
    one.key = row.text(3);
    one.retry_at = instant(row, 4);
    const std::optional<Timestamp> until = instant(row, 5);
    one.is_leased = until && *until >= now;
    rows.push_back(std::move(one));
    return {};
  };
  const std::array<db::Parameter, 2> parameters{after, limit};
  db::RowSink sink(read);
  co_await session.query(skip_blocked ? waiting_unblocked_sql : waiting_sql, parameters, sink);
  co_return rows;
}

Task<std::int64_t> claim(db::Session& session, std::span<const std::int64_t> rows, Lease lease) {
  const std::array<db::Parameter, 3> fixed{lease.token, instant(lease.until), instant(lease.now)};
  co_return co_await execute_list(session, claim_sql, fixed, rows);
}

Task<std::vector<Event>> claimed(db::Session& session, std::span<const std::int64_t> rows,
                                 std::string_view token, std::size_t max_bytes) {
  std::vector<Event> events;
  std::size_t bytes = 0;
  auto read = [&](const db::Row& row) -> Result<> {
    if (bytes >= max_bytes) return {};
    Event event = read_event(row);
    bytes += event.payload.size();
    events.push_back(std::move(event));
    return {};
  };
  db::RowSink sink(read);
  const std::array<db::Parameter, 1> fixed{token};
  while (!rows.empty() && bytes < max_bytes) {
    const ListStatement statement = next_statement(claimed_sql, fixed, rows);
    co_await session.query(statement.sql, statement.parameters, sink);
  }
  co_return events;
}

Task<> renew(db::Session& session, std::span<const std::int64_t> rows, Lease lease) {
  const std::array<db::Parameter, 2> fixed{lease.token, instant(lease.until)};
  co_await execute_list(session, renew_sql, fixed, rows);
}

Task<> release(db::Session& session, std::span<const std::int64_t> rows, std::string_view token) {
  const std::array<db::Parameter, 1> fixed{token};
  co_await execute_list(session, release_sql, fixed, rows);
}

Task<std::int64_t> finish(db::Session& session, std::span<const std::int64_t> rows, Timestamp now) {
  const std::array<db::Parameter, 1> fixed{instant(now)};
  co_return co_await execute_list(session, finish_sql, fixed, rows);
}

Task<> fail(db::Session& session, const Failure& failure) {
  if (failure.retry_at) {
    const std::array<db::Parameter, 4> parameters{failure.sequence, std::int64_t{failure.attempts},
                                                  failure.problem, instant(failure.retry_at)};
    co_await session.execute(retry_sql, parameters);
    co_return;
  }
  const std::array<db::Parameter, 3> parameters{failure.sequence, std::int64_t{failure.attempts},
                                                failure.problem};
  co_await session.execute(die_sql, parameters);
}

Task<std::int64_t> remove_delivered(db::Session& session, Timestamp before, std::int64_t limit) {
  const std::array<db::Parameter, 2> parameters{instant(before), limit};
  const db::Session::Changed removed =
      co_await session.execute(remove_delivered_sql.in(session.dialect()), parameters);
  co_return removed.rows;
}

Task<std::int64_t> remove_remembered(db::Session& session, Timestamp before, std::int64_t limit) {
  const std::array<db::Parameter, 2> parameters{instant(before), limit};
  const db::Session::Changed removed =
      co_await session.execute(remove_remembered_sql.in(session.dialect()), parameters);
  co_return removed.rows;
}

}  // namespace kit::outbox::detail
