// SPDX-License-Identifier: Apache-2.0
#include "kit/app/diagnostics.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "kit/async/live.hpp"
#include "kit/async/loop_times.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_list.hpp"
#include "kit/base/text.hpp"
#include "kit/json/writer.hpp"
#include "kit/log/log.hpp"
#include "kit/telemetry/process_metrics.hpp"

namespace kit::app {
namespace {

log::Module diagnostics_log{"diagnostics"};

/// What a pool of connections names its counter.
constexpr std::string_view connections_ending = "_connections";

/// The bounds and what was counted by a loop, as a histogram of the registry.
void add_loop_times(telemetry::Registry& registry, std::string_view name, std::string_view help,
                    const DurationCounts& counts) {
  std::vector<double> bounds;
  for (std::size_t i = 0; i < DurationCounts::bound_count; ++i) {
    bounds.push_back(std::chrono::duration<double>(DurationCounts::bound(i)).count());
  }
  registry.add_histogram_reading(name, help, telemetry::Buckets::seconds(bounds),
                                 [&counts]() -> telemetry::Histogram::Snapshot {
                                   const DurationCounts::Snapshot all = counts.snapshot();
                                   return {{all.counts.begin(), all.counts.end()},
                                           static_cast<std::uint64_t>(all.sum.count())};
                                 });
}

std::chrono::microseconds age_of(const ListedTask& task, Clock::time_point now) {
  // Another loop may have begun its turn after this one.
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::max(now - task.since, Clock::duration::zero()));
}

struct Snapshot {
  Clock::time_point now;
  std::vector<LiveCount> counts = live_counts();
  std::vector<ListedTask> tasks = list_tasks();
  std::size_t omitted = 0;
};

std::string json_text(const Snapshot& snapshot) {
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  writer.member("sampling", task_sampling());
  writer.member("counts");
  writer.begin_array();
  for (const LiveCount& count : snapshot.counts) {
    writer.begin_object();
    writer.member("name", count.name);
    writer.member("of", count.of);
    writer.member("live", count.live);
    writer.member("total", count.total);
    writer.end_object();
  }
  writer.end_array();
  writer.member("omitted", snapshot.omitted);
  writer.member("tasks");
  writer.begin_array();
  for (const ListedTask& task : snapshot.tasks) {
    writer.begin_object();
    writer.member("id", task.id);
    writer.member("name", task.name);
    writer.member("age", age_of(task, snapshot.now));
    writer.member("state", task.waits_for.empty() ? "running" : "waiting");
    writer.member("waits_for", task.waits_for);
    writer.member("created");
    writer.begin_array();
    for (const std::string& frame : describe(task.created)) writer.string(frame);
    writer.end_array();
    writer.end_object();
  }
  writer.end_array();
  writer.end_object();
  out.push_back('\n');
  return out;
}

std::string table_text(const Snapshot& snapshot) {
  std::string out;
  std::array<char, 64> line{};
  for (const LiveCount& count : snapshot.counts) {
    std::snprintf(line.data(), line.size(), "%10" PRId64 " live %12" PRIu64 " in all  ", count.live,
                  count.total);
    out.append(line.data()).append(count.name).append(count.of.empty() ? "" : " of ");
    out.append(count.of).append("\n");
  }
  out.append("\nroot tasks that are listed: those with a name, and of others 1 in ");
  out.append(std::to_string(task_sampling())).append("\n");
  for (const ListedTask& task : snapshot.tasks) {
    const double seconds = std::chrono::duration<double>(age_of(task, snapshot.now)).count();
    std::snprintf(line.data(), line.size(), "%8" PRIu64 " %12.3fs  ", task.id, seconds);
    out.append(line.data()).append(task.name.empty() ? "(no name)" : task.name);
    out.append(task.waits_for.empty() ? ": runs" : ": waits for ").append(task.waits_for);
    out.append("\n");
    for (const std::string& frame : describe(task.created)) {
      out.append("           ").append(frame).append("\n");
    }
  }
  if (snapshot.omitted > 0) {
    out.append("... and ").append(std::to_string(snapshot.omitted)).append(" more\n");
  }
  return out;
}

}  // namespace

Task<http::Response> list_tasks_as(BlockingPool& pool, bool as_text) {
  // Names of stacks come from files: not on the loop's thread.
  auto render = [now = Loop::current().now(), as_text] {
    Snapshot snapshot{.now = now};
    if (snapshot.tasks.size() > Diagnostics::most_tasks) {
      snapshot.omitted = snapshot.tasks.size() - Diagnostics::most_tasks;
      snapshot.tasks.resize(Diagnostics::most_tasks);
    }
    return as_text ? table_text(snapshot) : json_text(snapshot);
  };
  http::Response response;
  response.body = co_await blocking(pool, std::move(render));
  response.content_type = as_text ? "text/plain; charset=utf-8" : "application/json";
  co_return response;
}

AlarmSample sample_process() {
  AlarmSample sample;
  sample.resident_bytes = telemetry::resident_bytes();
  sample.tasks = live_tasks.live();
  for (LiveCount& count : live_counts()) {
    if (!count.name.ends_with(connections_ending) || count.of.empty()) continue;
    sample.hosts.push_back({std::move(count.of), count.live});
  }
  return sample;
}

bool prefers_text(std::string_view accept) {
  double text = 0;
  double structured = 0;
  for (std::string_view range : split(accept, ',')) {
    const std::vector<std::string_view> parts = split(range, ';');
    const std::string type = to_lower(trim(parts.front()));
    double quality = 1;
    for (std::string_view parameter : parts) {
      parameter = trim(parameter);
      if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
      quality = parse_double(parameter.substr(2)).value_or(0);
    }
    if (type == "text/plain" || type == "text/*") text = std::max(text, quality);
    if (type == "application/json" || type == "application/*" || type == "*/*") {
      structured = std::max(structured, quality);
    }
  }
  return text > structured;
}

Diagnostics::Diagnostics(BlockingPool& pool, Function<AlarmSample()> sample)
    : pool_(pool), sample_(std::move(sample)) {}

void Diagnostics::add_metrics(telemetry::Registry& registry) {
  const auto counts = [](auto number) {
    std::vector<telemetry::Reading> readings;
    for (const LiveCount& count : live_counts()) {
      readings.push_back({{count.name, count.of}, static_cast<double>(number(count))});
    }
    return readings;
  };
  registry.add_readings(
      "process_live_objects", "Tasks, timers, sockets, connections that live now", {"kind", "of"},
      [counts] { return counts([](const LiveCount& count) { return count.live; }); });
  registry.add_readings(
      "process_live_objects_total", "How many of them there were in all", {"kind", "of"},
      [counts] { return counts([](const LiveCount& count) { return count.total; }); });
  telemetry::add_process_metrics(registry);
  add_loop_times(registry, "loop_turn_duration_seconds",
                 "How long the loops were busy between two looks for events", loop_turns);
  add_loop_times(registry, "loop_timer_delay_seconds", "How late timers were", timer_delays);
  registry.add_readings("alarms_active", "What grows that should not", {"alarm"}, [this] {
    std::lock_guard lock(mutex_);
    return std::vector<telemetry::Reading>{
        {{"tasks"}, alarms_.tasks_active() ? 1.0 : 0.0},
        {{"connections"}, static_cast<double>(alarms_.connections_active())},
        {{"memory"}, alarms_.memory_active() ? 1.0 : 0.0}};
  });
}

void add_build_info(telemetry::Registry& registry, std::string_view program,
                    std::string_view version) {
  registry.gauges("build_info", "1, and what runs here", {"program", "version", "kit", "compiler"})
      .with({program, version, KIT_VERSION, __VERSION__})
      .set(1);
}

Result<> Diagnostics::add_routes(http::Router& router) {
  return router.add(http::Method::get, "/debug/tasks", [this](http::Request& request) {
    return list_tasks_as(pool_, prefers_text(request.header("Accept").value_or("")));
  });
}

Task<> Diagnostics::watch() {
  while (true) {
    look();
    co_await sleep_for(interval);
  }
}

void Diagnostics::look() {
  AlarmSample sample = sample_();
  sample.at = Loop::current().now();
  std::vector<AlarmChange> changes;
  {
    std::lock_guard lock(mutex_);
    changes = alarms_.add(sample);
  }
  for (const AlarmChange& change : changes) {
    log::write(diagnostics_log, change.begins ? log::Level::warn : log::Level::info,
               change.begins ? "alarm begins" : "alarm ends",
               {{"alarm", change.alarm},
                {"of", change.of},
                {"value", change.value},
                {"limit", change.limit}});
  }
}

}  // namespace kit::app
