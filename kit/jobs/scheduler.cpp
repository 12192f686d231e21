// SPDX-License-Identifier: Apache-2.0
#include "kit/jobs/scheduler.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/log/log.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::jobs {
namespace {

log::Module jobs_log{"jobs"};

/// More missed fire times than these are not told apart.
constexpr std::int64_t most_counted = 100'000;
/// A last fire time further ahead than this comes from a clock that was wrong. Nearer ones are a
/// clock that was set back: what was done then is not done again.
constexpr std::chrono::hours furthest_ahead{36};

std::string this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return std::string(host.data()) + ":" + std::to_string(::getpid());
}

}  // namespace

std::optional<Due> due(const Job& job, Timestamp last, Timestamp now, Clock::duration grace) {
  const std::optional<Timestamp> first = job.cron.next(last);
  if (!first || *first > now) return std::nullopt;
  if (job.missed == Missed::all) return Due{*first};
  const Timestamp latest = job.cron.last(last, now).value_or(*first);
  const std::int64_t times = job.cron.count(last, latest, most_counted);
  if (job.missed == Missed::skip && now.since_epoch - latest.since_epoch > grace) {
    return Due{latest, times, false};
  }
  return Due{latest, times - 1};
}

Scheduler::Scheduler(db::Database& database, telemetry::Registry& registry,
                     std::span<const Job> jobs, Options options)
    : database_(database),
      jobs_(jobs),
      options_(std::move(options)),
      runs_(registry.counters("jobs_runs_total", "Runs of jobs in this process, by their outcome.",
                              {"job", "outcome"})),
      skipped_(registry.counters("jobs_skipped_total",
                                 "Fire times that this process found missed and no run was for.",
                                 {"job"})) {
  if (options_.owner.empty()) options_.owner = this_process();
  if (!options_.now) options_.now = [] { return Timestamp::now(); };
}

Scheduler::~Scheduler() = default;

Task<> Scheduler::run() {
  TaskGroup runs("jobs");
  Task<> watching = watch(&runs);
  const Result<> ended = co_await as_result(std::move(watching));
  runs.cancel();
  Task<> joining = runs.join();
  // Why they ended is why this ends.
  (void)co_await as_result(std::move(joining));
  if (!ended) co_await ended.error().clone();
}

Task<> Scheduler::watch(TaskGroup* runs) {
  bool enrolled = false;
  bool told = false;
  while (true) {
    Clock::duration until_next = options_.poll;
    Task<> step = enrolled ? look(runs, &until_next) : enrol_all();
    const Result<> done = co_await as_result(std::move(step));
    if (!done) {
      if (!std::exchange(told, true)) {
        log::warn(jobs_log, "the table of jobs can't be used; trying again",
                  {{"error", done.error()}, {"after", options_.poll}});
      }
      until_next = options_.poll;
    } else if (std::exchange(told, false)) {
      log::info(jobs_log, "the table of jobs can be used again", {});
      enrolled = true;
    } else if (!enrolled) {
      enrolled = true;
      continue;
    }
    Sleep sleep(std::max<Clock::duration>(until_next, std::chrono::milliseconds(1)));
    co_await sleep;
  }
}

Task<> Scheduler::enrol_all() {
  for (const Job& job : jobs_) {
    co_await enrol(database_, job.name, job.schedule, options_.now());
  }
}

Task<> Scheduler::look(TaskGroup* runs, Clock::duration* until_next) {
  const std::vector<JobState> states = co_await read_jobs(database_);
  for (const Job& job : jobs_) {
    const auto state = std::ranges::find(states, job.name, &JobState::name);
    if (state == states.end()) {  // somebody has deleted it
      co_await enrol(database_, job.name, job.schedule, options_.now());
      continue;
    }
    if (here_.contains(job.name)) continue;
    co_await consider(job, *state, runs);
    const std::optional<Timestamp> next = job.cron.next(state->fire_at);
    const Timestamp now = options_.now();
    if (next && *next > now) {
      *until_next = std::min<Clock::duration>(*until_next, next->since_epoch - now.since_epoch);
    }
  }
}

Task<> Scheduler::consider(const Job& job, const JobState& state, TaskGroup* runs) {
  const Timestamp now = options_.now();
  if (state.state == State::running) {
    if (!has_died(state)) co_return;
    log::warn(jobs_log, "a job is begun again: who ran it says nothing any more",
              {{"job", job.name}, {"owner", *state.owner}});
    co_await begin(job, state, Due{state.fire_at}, runs);
    co_return;
  }
  seen_.erase(job.name);
  if (state.state == State::interrupted) {
    co_await begin(job, state, Due{state.fire_at}, runs);
    co_return;
  }
  if (state.fire_at > now) {
    co_await put_right(state, now);
    co_return;
  }
  ahead_.erase(job.name);
  const std::optional<Due> found = due(job, state.fire_at, now, options_.grace);
  if (found) co_await begin(job, state, *found, runs);
}

/// The clock was set back behind what was done last.
Task<> Scheduler::put_right(const JobState& state, Timestamp now) {
  const std::chrono::microseconds by = state.fire_at.since_epoch - now.since_epoch;
  if (by > furthest_ahead) {
    log::error(jobs_log, "a job's last fire time is far ahead of the clock; it counts from now",
               {{"job", state.name}, {"by", by}});
    (void)co_await skip(database_, state, now, 0);
  } else if (ahead_.insert(state.name).second) {
    log::warn(jobs_log, "the clock is behind a job's last fire time; it waits for the next one",
              {{"job", state.name}, {"by", by}});
  }
}

bool Scheduler::has_died(const JobState& state) {
  const Clock::time_point now = Loop::current().now();
  Seen& seen = seen_[state.name];
  if (seen.token != state.token || seen.beat != state.beat) {
    seen = {state.token, state.beat, now};
    return false;
  }
  return now - seen.since >= options_.lease;
}

Task<> Scheduler::begin(const Job& job, const JobState& state, const Due& due, TaskGroup* runs) {
  if (!due.runs) {
    const bool skipped = co_await skip(database_, state, due.fire_at, due.skipped);
    if (!skipped) co_return;
    log::warn(jobs_log, "fire times were missed", {{"job", job.name}, {"skipped", due.skipped}});
    skipped_.with({job.name}).add(static_cast<std::uint64_t>(due.skipped));
    co_return;
  }
  const Claim wanted{due.fire_at, due.skipped, options_.owner, options_.now()};
  const bool claimed = co_await claim(database_, state, wanted);
  if (!claimed) co_return;  // somebody else was first
  if (due.skipped > 0) {
    log::warn(jobs_log, "fire times were missed; one run is for all of them",
              {{"job", job.name}, {"skipped", due.skipped}});
    skipped_.with({job.name}).add(static_cast<std::uint64_t>(due.skipped));
  }
  runs->spawn(job.name, run_claimed(job, Run{job.name, due.fire_at, state.token + 1}));
}

/// Never fails: what becomes of it is recorded.
Task<> Scheduler::run_claimed(const Job& job, Run run) {
  Task<> performing = perform(job, run);
  (void)co_await as_result(std::move(performing));
}

Task<> Scheduler::run_now(std::string_view name) {
  const auto* const job = std::to_address(std::ranges::find(jobs_, name, &Job::name));
  if (job == std::to_address(jobs_.end())) {
    co_await Error(Code::not_found, "there is no job '" + std::string(name) + "'");
  }
  co_await enrol(database_, job->name, job->schedule, options_.now());
  const std::vector<JobState> states = co_await read_jobs(database_);
  const auto state = std::ranges::find(states, job->name, &JobState::name);
  const Timestamp fire_at = state->state == State::idle ? state->fire_at : options_.now();
  bool claimed = false;
  if (state->state != State::running) {
    const Claim wanted{state->fire_at, 0, options_.owner, options_.now()};
    claimed = co_await claim(database_, *state, wanted);
  }
  if (!claimed) {
    co_await Error(Code::failed_precondition, "the job '" + job->name + "' runs already, on " +
                                                  state->owner.value_or("another instance") +
                                                  "; try again when it has ended")
        .with_reason("JOB_RUNNING");
  }
  co_await perform(*job, Run{job->name, fire_at, state->token + 1});
}

}  // namespace kit::jobs
