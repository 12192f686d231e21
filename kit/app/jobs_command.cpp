// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "kit/app/application.hpp"
#include "kit/app/caches.hpp"
#include "kit/app/command_line.hpp"
#include "kit/app/commands.hpp"
#include "kit/app/serve.hpp"
#include "kit/app/settings.hpp"
#include "kit/base/text.hpp"
#include "kit/jobs/job_table.hpp"
#include "kit/jobs/scheduler.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::app {
namespace {

std::string shown(const std::optional<Timestamp>& time) {
  return time ? time->to_string() : "never";
}

/// A few lines about one job.
std::string describe(const jobs::Job& job, const jobs::JobState* state) {
  std::string text = job.name + "  " + job.schedule + '\n';
  if (!job.doc.empty()) text += "  " + job.doc + '\n';
  const Timestamp from = state != nullptr ? state->fire_at : Timestamp::now();
  text += "  next        " + shown(job.cron.next(from)) + '\n';
  if (state == nullptr) return text + "  no instance has served it yet\n";
  text += "  state       " + std::string(to_string(state->state));
  if (state->state == jobs::State::running) text += " on " + state->owner.value_or("?");
  text += "\n  started     " + shown(state->last_started) + "\n  finished    " +
          shown(state->last_finished) + "\n  runs        " + std::to_string(state->runs) + ", " +
          std::to_string(state->failures) + " failed, " + std::to_string(state->skipped) +
          " skipped\n";
  if (state->last_error) text += "  last error  " + *state->last_error + '\n';
  return text;
}

Task<> list_jobs(db::Database& database, std::span<const jobs::Job> all) {
  const std::vector<jobs::JobState> states = co_await jobs::read_jobs(database);
  for (const jobs::Job& job : all) {
    const auto found = std::ranges::find(states, job.name, &jobs::JobState::name);
    const std::string text = describe(job, found == states.end() ? nullptr : &*found);
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
}

Error no_such_job(std::string_view name, std::span<const jobs::Job> all) {
  std::vector<std::string_view> names;
  for (const jobs::Job& job : all) names.push_back(job.name);
  return Error(Code::invalid_argument,
               "there is no job '" + std::string(name) + "'" + did_you_mean(name, names));
}

}  // namespace

Task<> jobs_command(Application& application, const Settings& settings, const CommandLine& line) {
  const std::vector<std::string>& words = line.arguments;
  const bool lists = words.empty() || words.front() == "list";
  const bool is_whole = lists ? words.size() <= 1 : words.front() == "run" && words.size() == 2;
  if (!is_whole) {
    co_await Error(Code::invalid_argument, "jobs takes list, or run and the name of a job");
  }
  co_await refuse_missing_database(application, settings);
  // Before the database is opened: a URL may be wrong.
  const OpenCache cache = co_await open_cache(settings.cache, application.name);
  const std::unique_ptr<OpenDatabase> opened = co_await open_as_it_is(application, settings);
  db::Database& database = opened->database();
  const std::unique_ptr<Service> service = application.make_service(database);
  const std::span<const jobs::Job> all = service->jobs();
  if (all.empty() && !lists)
    co_await Error(Code::failed_precondition, "the schema of this program has no jobs");
  if (all.empty()) {
    std::puts("the schema of this program has no jobs");
    co_return;
  }
  if (lists) {
    co_await list_jobs(database, all);
    co_return;
  }
  if (std::ranges::find(all, words[1], &jobs::Job::name) == all.end()) {
    co_await no_such_job(words[1], all);
  }
  telemetry::Registry registry;
  jobs::Scheduler scheduler(database, registry, all);
  Task<> running = scheduler.run_now(words[1]);
  Task<> told =
      announcing(service->row_caches(), shared_cache(application, cache), std::move(running));
  co_await std::move(told);
  std::printf("%s has run\n", words[1].c_str());
}

}  // namespace kit::app
