// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/base/time.hpp"
#include "kit/db/database.hpp"
#include "kit/jobs/job.hpp"
#include "kit/jobs/job_table.hpp"

namespace kit {
class TaskGroup;  // kit/async/task_group.hpp
}
namespace kit::telemetry {
class CounterFamily;  // kit/telemetry/registry.hpp
class Registry;
class Tracer;  // kit/telemetry/tracer.hpp
}  // namespace kit::telemetry

namespace kit::jobs {

struct SchedulerOptions {
  /// Between two looks at the table, at most.
  std::chrono::milliseconds poll{1'000};
  /// A run whose instance has not said for so long that it lives is begun again by another one.
  /// Counted by whoever waits on a clock that never jumps, so clocks need not agree.
  std::chrono::milliseconds lease{30'000};
  /// A fire time counts as missed when nobody began it for so long (`Missed::skip`).
  std::chrono::milliseconds grace{60'000};
  /// Who this instance is, for people; empty: host and process.
  std::string owner = {};
  /// The time of day; null: the system's.
  Function<Timestamp()> now = nullptr;
  /// Where spans of runs go; outlives the scheduler. Null: nowhere.
  telemetry::Tracer* tracer = nullptr;
};

/// What is to be done about a job that nobody runs.
struct Due {
  Timestamp fire_at;
  std::int64_t skipped = 0;
  bool runs = true;  ///< Otherwise the fire times are only counted as skipped.
};
/// By the fire times in (`last`, `now`]; nothing: it is not time yet.
std::optional<Due> due(const Job& job, Timestamp last, Timestamp now, Clock::duration grace);

/// Runs jobs when it is time. Each instance of a service has one; they agree through the table
/// kit_jobs, so that a fire time is begun by one of them, and begun again only when that one was
/// killed. Thread safety: one loop's thread. Lifetime: `database`, `registry` and `jobs` outlive
/// it.
class Scheduler {
 public:
  using Options = SchedulerOptions;

  /// `database`: not one that joins transactions. Names in `jobs` are unique.
  Scheduler(db::Database& database, telemetry::Registry& registry, std::span<const Job> jobs,
            Options options = {});
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Runs jobs until it is cancelled; what runs then is ended and left to others. A database that
  /// is away is waited for.
  Task<> run();
  /// Runs one job now, whatever its schedule says, which it does not change. Fails with
  /// `not_found`, with `failed_precondition` (JOB_RUNNING) while it runs somewhere, and as the job
  /// does.
  Task<> run_now(std::string_view name);

 private:
  struct Seen {
    std::int64_t token = -1;
    std::int64_t beat = 0;
    Clock::time_point since{};
  };

  Task<> watch(TaskGroup* runs);
  Task<> enrol_all();
  Task<> look(TaskGroup* runs, Clock::duration* until_next);
  Task<> consider(const Job& job, const JobState& state, TaskGroup* runs);
  Task<> begin(const Job& job, const JobState& state, const Due& due, TaskGroup* runs);
  bool has_died(const JobState& state);
  Task<> put_right(const JobState& state, Timestamp now);

  Task<> run_claimed(const Job& job, Run run);
  Task<> perform(const Job& job, Run run);
  Task<> call(const Job& job, Run run, bool* recorded);
  Task<> call_atomic(const Job& job, Run run, bool* recorded);
  Task<> say_alive(const Job& job, Run run);
  Task<> record(const Job& job, Run run, const Result<>& how);
  void count(const Job& job, std::string_view outcome);

  db::Database& database_;
  std::span<const Job> jobs_;
  Options options_;
  telemetry::CounterFamily& runs_;
  telemetry::CounterFamily& skipped_;
  std::map<std::string, Seen, std::less<>> seen_;  // runs of others, by job
  std::set<std::string, std::less<>> here_;        // jobs that run in this instance
  std::set<std::string, std::less<>> ahead_;       // whose last fire time is yet to come: said once
};

}  // namespace kit::jobs
