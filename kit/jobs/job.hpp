// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/cron.hpp"
#include "kit/base/function.hpp"
#include "kit/base/time.hpp"

namespace kit::jobs {

/// What becomes of fire times that nobody was there for: no instance ran, or the clock was set
/// forward.
enum class Missed : std::uint8_t {
  once,  ///< The job runs once for all of them, for the latest.
  skip,  ///< It does not run. They are counted.
  all,   ///< It runs for each, in their order.
};

/// A run of a job, as its function sees it.
struct Run {
  std::string_view job;
  /// What the run is for: when the schedule said, not when it began.
  Timestamp fire_time;
  /// Larger for each run of the job, wherever: for systems outside that refuse the older of two.
  std::int64_t token = 0;
};

struct JobOptions {
  std::string name;      ///< At most 63 characters: "nightly_totals"
  std::string schedule;  ///< As `Cron` reads it.
  std::string doc = {};
  /// The whole run is one transaction, with the record that it ran: what it does to the database is
  /// done once for each fire time, whatever is killed when. Without, the function begins
  /// transactions of its own, and a run whose instance was killed is begun again from the start.
  bool atomic = true;
  Missed missed = Missed::once;
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
};

/// Something that is done by a schedule, by one of the instances that share a database.
struct Job : JobOptions {
  Cron cron;
  /// Runs under no caller: access rules allow it everything. Its transactions are those of
  /// `db::JoiningDatabase`.
  Function<Task<>(const Run&) const> work = nullptr;
};

/// Asserts that the schedule is one.
Job make_job(JobOptions options, Function<Task<>(const Run&) const> work);

}  // namespace kit::jobs
