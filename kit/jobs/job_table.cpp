// SPDX-License-Identifier: Apache-2.0
#include "kit/jobs/job_table.hpp"

#include <array>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/db/sql.hpp"

namespace kit::jobs {
namespace {

using db::Parameter;

std::int64_t stored(Timestamp time) {
  return time.since_epoch.count();
}

Result<State> parse_state(std::string_view text) {
  for (const State state : {State::idle, State::running, State::interrupted}) {
    if (text == to_string(state)) return state;
  }
  return Error(Code::data_loss, "kit_jobs has an unknown state '" + std::string(text) + "'");
}

constexpr std::string_view read_sql = R"sql(
  SELECT name, schedule, fire_at, state, token, beat, owner, last_started, last_finished,
         last_error, runs, failures, skipped
    FROM kit_jobs
   ORDER BY name)sql";

std::optional<std::string> text_or_null(const db::Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return std::string(row.text(column));
}

std::optional<Timestamp> time_or_null(const db::Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return Timestamp{std::chrono::microseconds(row.int64(column))};
}

Result<> read_job(const db::Row& row, JobState& job) {
  job.name = row.text(0);
  job.schedule = row.text(1);
  job.fire_at = Timestamp{std::chrono::microseconds(row.int64(2))};
  auto state = parse_state(row.text(3));
  if (!state) return std::move(state).error();
  job.state = *state;
  job.token = row.int64(4);
  job.beat = row.int64(5);
  job.owner = text_or_null(row, 6);
  job.last_started = time_or_null(row, 7);
  job.last_finished = time_or_null(row, 8);
  job.last_error = text_or_null(row, 9);
  job.runs = row.int64(10);
  job.failures = row.int64(11);
  job.skipped = row.int64(12);
  return {};
}

/// Whether the statement found the row as it was seen.
Task<bool> changes_one(db::Session& session, std::string_view sql,
                       std::span<const Parameter> parameters) {
  const db::Session::Changed changed = co_await session.execute(sql, parameters);
  co_return changed.rows == 1;
}

constexpr db::Sql add_sql = {
    .sqlite = R"sql(
  INSERT INTO kit_jobs
         (name, schedule, fire_at, state, token, beat, runs, failures, skipped)
  VALUES (?1, ?2, ?3, 'idle', 0, 0, 0, 0, 0)
      ON CONFLICT (name) DO NOTHING)sql",
    .postgresql = R"sql(
  INSERT INTO kit_jobs
         (name, schedule, fire_at, state, token, beat, runs, failures, skipped)
  VALUES (?1, ?2, ?3, 'idle', 0, 0, 0, 0, 0)
      ON CONFLICT (name) DO NOTHING)sql",
    .mysql = R"sql(
  INSERT INTO kit_jobs
         (name, schedule, fire_at, state, token, beat, runs, failures, skipped)
  VALUES (?1, ?2, ?3, 'idle', 0, 0, 0, 0, 0)
      ON DUPLICATE KEY UPDATE name = name)sql",
};

// A clock that is behind must not bring back what was done.
constexpr std::string_view reschedule_sql = R"sql(
  UPDATE kit_jobs
     SET schedule = ?2, fire_at = CASE WHEN fire_at < ?3 THEN ?3 ELSE fire_at END
   WHERE name = ?1 AND schedule <> ?2 AND state = 'idle')sql";

constexpr std::string_view claim_sql = R"sql(
  UPDATE kit_jobs
     SET state = 'running', fire_at = ?2, token = token + 1, beat = 0, owner = ?3,
         last_started = ?4, skipped = skipped + ?5
   WHERE name = ?1 AND token = ?6 AND beat = ?7 AND state = ?8 AND fire_at = ?9)sql";

constexpr std::string_view skip_sql = R"sql(
  UPDATE kit_jobs
     SET fire_at = ?2, skipped = skipped + ?3
   WHERE name = ?1 AND token = ?4 AND state = 'idle' AND fire_at = ?5)sql";

constexpr std::string_view beat_sql = R"sql(
  UPDATE kit_jobs
     SET beat = beat + 1
   WHERE name = ?1 AND token = ?2 AND state = 'running')sql";

constexpr std::string_view finish_sql = R"sql(
  UPDATE kit_jobs
     SET state = 'idle', last_finished = ?3, last_error = ?4, runs = runs + 1,
         failures = failures + ?5
   WHERE name = ?1 AND token = ?2 AND state = 'running')sql";

constexpr std::string_view interrupt_sql = R"sql(
  UPDATE kit_jobs
     SET state = 'interrupted'
   WHERE name = ?1 AND token = ?2 AND state = 'running')sql";

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::idle:
      return "idle";
    case State::running:
      return "running";
    case State::interrupted:
      break;
  }
  return "interrupted";
}

Task<std::vector<JobState>> read_jobs(db::Session& session) {
  std::vector<JobState> jobs;
  auto sink = [&](const db::Row& row) { return read_job(row, jobs.emplace_back()); };
  co_await session.query(read_sql, {}, sink);
  co_return jobs;
}

Task<> enrol(db::Session& session, std::string_view name, std::string_view schedule,
             Timestamp now) {
  const std::array<Parameter, 3> parameters = {name, schedule, stored(now)};
  const std::string_view add = add_sql.in(session.dialect());
  co_await session.execute(add, parameters);
  co_await session.execute(reschedule_sql, parameters);
}

Task<bool> claim(db::Session& session, const JobState& seen, const Claim& claim) {
  const std::array<Parameter, 9> parameters = {std::string_view(seen.name),
                                               stored(claim.fire_at),
                                               claim.owner,
                                               stored(claim.now),
                                               claim.skipped,
                                               seen.token,
                                               seen.beat,
                                               to_string(seen.state),
                                               stored(seen.fire_at)};
  co_return co_await changes_one(session, claim_sql, parameters);
}

Task<bool> skip(db::Session& session, const JobState& seen, Timestamp until, std::int64_t skipped) {
  const std::array<Parameter, 5> parameters = {std::string_view(seen.name), stored(until), skipped,
                                               seen.token, stored(seen.fire_at)};
  co_return co_await changes_one(session, skip_sql, parameters);
}

Task<bool> beat(db::Session& session, std::string_view name, std::int64_t token) {
  const std::array<Parameter, 2> parameters = {name, token};
  co_return co_await changes_one(session, beat_sql, parameters);
}

Task<bool> finish(db::Session& session, std::string_view name, std::int64_t token, Timestamp now,
                  std::optional<std::string_view> error) {
  std::string text;
  Parameter shown = nullptr;
  if (error) {
    text = valid_utf8(error->substr(0, longest_error));
    shown = std::string_view(text);
  }
  const std::int64_t failures = error ? 1 : 0;
  const std::array<Parameter, 5> parameters = {name, token, stored(now), shown, failures};
  co_return co_await changes_one(session, finish_sql, parameters);
}

Task<bool> interrupt(db::Session& session, std::string_view name, std::int64_t token) {
  const std::array<Parameter, 2> parameters = {name, token};
  co_return co_await changes_one(session, interrupt_sql, parameters);
}

}  // namespace kit::jobs
