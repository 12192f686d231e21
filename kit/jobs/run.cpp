// SPDX-License-Identifier: Apache-2.0
// One run of a job, from its claim to its record.
#include <algorithm>
#include <utility>

#include "kit/async/first_of.hpp"
#include "kit/async/operation.hpp"
#include "kit/db/joint_work.hpp"
#include "kit/jobs/scheduler.hpp"
#include "kit/log/log.hpp"
#include "kit/telemetry/registry.hpp"
#include "kit/telemetry/span.hpp"

namespace kit::jobs {
namespace {

log::Module run_log{"jobs.run"};

/// What became of a run has to be written within; an instance that stops waits for it.
constexpr std::chrono::seconds record_limit{3};

Error lost(const Job& job) {
  return Error(Code::aborted,
               "the run of the job '" + job.name + "' was taken over by another instance")
      .with_reason("JOB_LOST");
}

/// A name in a set for as long as this lives.
class Here {
 public:
  Here(std::set<std::string, std::less<>>& names, const std::string& name)
      : names_(names), name_(name) {
    names_.insert(name);
  }
  ~Here() { names_.erase(name_); }
  Here(const Here&) = delete;
  Here& operator=(const Here&) = delete;

 private:
  std::set<std::string, std::less<>>& names_;
  const std::string name_;
};

}  // namespace

Task<> Scheduler::perform(const Job& job, Run run) {
  const Here here(here_, job.name);
  const std::string title = "job " + job.name;
  telemetry::SpanScope::Begin begin;
  begin.tracer = options_.tracer;
  begin.name = title;
  telemetry::SpanScope scope(begin);
  scope.span().set(telemetry::attribute::job_name, job.name);
  const Clock::time_point begun = Loop::current().now();
  log::info(run_log, "a job begins", {{"job", job.name}, {"fire_time", run.fire_time.to_string()}});
  bool recorded = false;
  Task<> calling = call(job, run, &recorded);
  Task<> living = say_alive(job, run);
  Task<First<void>> racing = first_of(std::move(calling), std::move(living));
  const Result<First<void>> raced = co_await as_result(std::move(racing));
  Result<> how;
  if (!raced) {
    how = raced.error().clone();
  } else if (!raced->result) {
    how = raced->result.error().clone();
  }
  const Clock::duration took = Loop::current().now() - begun;
  if (how) {
    log::info(run_log, "a job has ended", {{"job", job.name}, {"after", took}});
  } else {
    log::error(run_log, "a job failed",
               {{"job", job.name}, {"after", took}, {"error", how.error()}});
  }
  if (recorded) {
    count(job, "ok");
  } else if (!how && how.error().reason() == "JOB_LOST") {
    count(job, "lost");
  } else {
    co_await record(job, run, how);
  }
  scope.end(how);
  if (!how) co_await std::move(how);
}

Task<> Scheduler::call(const Job& job, Run run, bool* recorded) {
  Task<> working = job.atomic ? call_atomic(job, run, recorded) : job.work(run);
  Task<> limited = with_deadline(Clock::duration(job.timeout), std::move(working));
  co_await std::move(limited);
}

/// The transactions of the function are parts of one, whose last statement says that the run has
/// ended. It finds no row when another run has begun meanwhile; nothing of this one is left then.
Task<> Scheduler::call_atomic(const Job& job, Run run, bool* recorded) {
  auto begun = [](db::Transaction&) -> Task<> { co_return; };
  db::JointWork work(begun);
  db::JointWork::Entry entry(work);
  Task<> working = job.work(run);
  Result<> done = co_await as_result(std::move(working));
  entry.leave();
  if (!done) {
    work.drop();
    co_await std::move(done);
  }
  if (!work.is_ready()) co_return;  // it changed nothing
  const bool ours =
      co_await finish(*work.transaction(), job.name, run.token, options_.now(), std::nullopt);
  if (!ours) {
    work.drop();
    co_await lost(job);
  }
  co_await work.commit();
  *recorded = true;
}

/// Fails when the run is somebody else's, or might be because nobody heard of it for too long. What
/// an atomic run changes can't be kept then, so it goes on as long as nobody is known to have taken
/// it over: on SQLite its own transaction keeps what is said here waiting.
Task<> Scheduler::say_alive(const Job& job, Run run) {
  const Clock::duration between = options_.lease / 4;
  Clock::time_point heard = Loop::current().now();
  while (true) {
    Sleep sleep(between);
    co_await sleep;
    const Clock::time_point said = Loop::current().now();
    Task<bool> beating = beat(database_, job.name, run.token);
    Task<bool> limited = with_deadline(between, std::move(beating));
    const Result<bool> ours = co_await as_result(std::move(limited));
    if (ours && !*ours) co_await lost(job);
    if (ours) {
      heard = said;
    } else if (!job.atomic) {
      log::warn(run_log, "can't say that a job still runs",
                {{"job", job.name}, {"error", ours.error()}});
      if (Loop::current().now() - heard >= 2 * between) co_await lost(job);
    }
  }
}

/// Of a run whose task was cancelled too.
Task<> Scheduler::record(const Job& job, Run run, const Result<>& how) {
  const Context* const context = Context::current();
  const bool interrupted = !how && context != nullptr && context->cancelled();
  std::string error;
  std::optional<std::string_view> shown;
  if (!how) {
    error = how.error().describe();
    shown = error;
  }
  Context outside{Context::Detached{}};
  Context::Scope scope(outside);
  Task<bool> writing = interrupted ? interrupt(database_, job.name, run.token)
                                   : finish(database_, job.name, run.token, options_.now(), shown);
  Task<bool> limited = with_deadline(Clock::duration(record_limit), std::move(writing));
  const Result<bool> written = co_await as_result(std::move(limited));
  scope.leave();
  count(job, interrupted ? "interrupted" : how ? "ok" : "error");
  if (!written) {
    log::error(run_log, "how a job ended can't be recorded; it will be begun again",
               {{"job", job.name}, {"error", written.error()}});
  }
}

void Scheduler::count(const Job& job, std::string_view outcome) {
  runs_.with({job.name, outcome}).add();
}

}  // namespace kit::jobs
