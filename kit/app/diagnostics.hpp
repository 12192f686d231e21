// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "kit/app/alarms.hpp"
#include "kit/async/blocking.hpp"
#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/http/router.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::app {

/// Counts and resident memory of this process, now.
AlarmSample sample_process();

/// `build_info`: which program in which version this is, with what it was built.
void add_build_info(telemetry::Registry& registry, std::string_view program,
                    std::string_view version);

/// Whether an Accept header prefers text/plain to JSON.
bool prefers_text(std::string_view accept);

/// What lives, and the tasks among it, as a table for people or as JSON.
Task<http::Response> list_tasks_as(BlockingPool& pool, bool as_text);

/// What a running process tells of what lives in it: /debug/tasks, gauges on /metrics, and alarms
/// in the log when something grows that should not. Names and places in the code only, nothing that
/// came with a request. Lifetime: longer than the router, the registry and the task it was given
/// to.
class Diagnostics {
 public:
  static constexpr std::chrono::seconds interval{10};
  static constexpr std::size_t most_tasks = 1'000;  ///< That one answer lists, the oldest.

  /// `pool` looks up the names of stacks; `sample` is asked every `interval`.
  explicit Diagnostics(BlockingPool& pool = BlockingPool::shared(),
                       Function<AlarmSample()> sample = sample_process);

  void add_metrics(telemetry::Registry& registry);
  /// GET /debug/tasks: JSON, or a table when Accept prefers text/plain. For the admin port.
  Result<> add_routes(http::Router& router);
  /// Samples until it is cancelled, and logs each alarm when it begins and when it ends.
  Task<> watch();

 private:
  void look();

  BlockingPool& pool_;
  Function<AlarmSample()> sample_;
  mutable std::mutex mutex_;  // /metrics is read on other threads
  Alarms alarms_;
};

}  // namespace kit::app
