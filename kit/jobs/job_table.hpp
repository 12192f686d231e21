// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/time.hpp"
#include "kit/db/database.hpp"

/// The table kit_jobs: what the instances of a service know of its jobs, and how they agree on who
/// runs one. A row changes only from the state that was seen, so of two who try one succeeds.
namespace kit::jobs {

enum class State : std::uint8_t {
  idle,         ///< What `fire_at` stands for has been done, skipped, or failed.
  running,      ///< By `owner`, as long as its `beat` grows.
  interrupted,  ///< Given back by an instance that stopped: to be begun again.
};
std::string_view to_string(State state);

/// A row.
struct JobState {
  std::string name;
  std::string schedule;
  Timestamp fire_at;  ///< The last fire time that somebody began, or from where they count.
  State state = State::idle;
  std::int64_t token = 0;            ///< Of the latest run; grows with each.
  std::int64_t beat = 0;             ///< Grows while it runs.
  std::optional<std::string> owner;  ///< Who runs it, or ran it last.
  std::optional<Timestamp> last_started;
  std::optional<Timestamp> last_finished;
  std::optional<std::string> last_error;  ///< Of the last run that ended; none: it did not fail.
  std::int64_t runs = 0;                  ///< That ended, with or without an error.
  std::int64_t failures = 0;
  std::int64_t skipped = 0;  ///< Fire times that no run was for.
};

/// Longer errors are cut.
inline constexpr std::size_t longest_error = 2'000;

/// All rows, those of jobs that are gone too, by name.
Task<std::vector<JobState>> read_jobs(db::Session& session);
/// Makes the row of a job that has none, or notes its new schedule: fire times count from `now`
/// then.
Task<> enrol(db::Session& session, std::string_view name, std::string_view schedule, Timestamp now);

struct Claim {
  Timestamp fire_at;
  std::int64_t skipped = 0;  ///< Fire times before it that no run is for.
  std::string_view owner;
  Timestamp now;
};
/// Begins a run with the token `seen.token + 1`. False: somebody else was first.
Task<bool> claim(db::Session& session, const JobState& seen, const Claim& claim);
/// Counts fire times as skipped, up to `until`. False: the row has changed.
Task<bool> skip(db::Session& session, const JobState& seen, Timestamp until, std::int64_t skipped);

// Of the run with this token. False: it is nobody's any more, another one has begun.
Task<bool> beat(db::Session& session, std::string_view name, std::int64_t token);
Task<bool> finish(db::Session& session, std::string_view name, std::int64_t token, Timestamp now,
                  std::optional<std::string_view> error);
Task<bool> interrupt(db::Session& session, std::string_view name, std::int64_t token);

}  // namespace kit::jobs
