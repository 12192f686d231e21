// SPDX-License-Identifier: Apache-2.0
#include "kit/app/serve.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <utility>

#include "kit/app/caches.hpp"
#include "kit/app/detail/process.hpp"
#include "kit/app/events.hpp"
#include "kit/app/imports.hpp"
#include "kit/app/settings.hpp"
#include "kit/app/signals.hpp"
#include "kit/app/terminal.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/db/migrations.hpp"
#include "kit/jobs/scheduler.hpp"
#include "kit/log/log.hpp"
#include "kit/outbox/relay.hpp"
#include "kit/record/row_caches.hpp"
#include "kit/rest/backend.hpp"
#include "kit/rest/idempotency.hpp"

namespace kit::app {
namespace {

log::Module app_log{"app"};

/// Between two looks for idempotency keys that are no longer kept.
constexpr auto expiry_interval = std::chrono::minutes{1};

// Set when the disk failed to keep what it had taken: the process ends, and not with success.
std::atomic<bool> storage_failed{false};

Task<std::string> import_on_start(detail::Process& process, Terminal& terminal) {
  ImportRun run;
  run.directory = process.settings.import.directory;
  run.skip_known = true;
  run.progress = [&](const ImportProgress& progress) {
    process.status->import_progress(progress);
    terminal.progress(progress);
  };
  record::RowCaches* const caches = process.service->row_caches();
  db::Database& database = caches != nullptr ? caches->database() : *process.database;
  Task<ImportSummary> importing =
      import_files(database, process.service->imports(), std::move(run));
  Result<ImportSummary> imported = co_await as_result(std::move(importing));
  terminal.progress_done();
  if (!imported) {
    if (imported.error().code() != Code::cancelled) {
      log::error(app_log, "the import failed", {{"error", imported.error()}});
    }
    co_return "the import failed: " + imported.error().message();
  }
  for (const db::ImportReport& report : imported->reports) {
    if (!report.skipped) {
      log::info(app_log, "imported",
                {{"target", report.target},
                 {"inserted", report.inserted},
                 {"updated", report.updated},
                 {"unchanged", report.unchanged},
                 {"refused_rows", report.problems.size()}});
    }
    for (const db::RowProblem& problem : report.problems) {
      log::error(app_log, "refused row",
                 {{"target", report.target},
                  {"line", problem.line},
                  {"column", problem.column},
                  {"reason", problem.description}});
    }
    if (!report.problems.empty()) {
      co_return report.target + ": nothing was imported, " +
          std::to_string(report.problems.size()) + " bad rows (see the log)";
    }
  }
  co_return std::string();
}

Task<> print_ready(detail::Process& process, Terminal& terminal) {
  ReadyFigures figures;
  figures.title = process.application.title;
  figures.version = process.application.version;
  figures.url = process.url();
  figures.pages = process.settings.app.pages;
  figures.database = process.settings.database.shown();
  figures.problem = process.status->detail();
  figures.metrics = process.metrics_url();
  const auto entities = process.service->entities();
  std::int64_t most = -1;
  for (std::size_t index = 0; index < entities.size(); ++index) {
    const std::int64_t rows = co_await process.service->count(index);
    figures.rows += rows;
    ++figures.entities;
    if (rows > most) figures.example_path = entities[index].path;
    most = std::max(most, rows);
  }
  terminal.ready(figures);
}

/// What happens between listening and the signal.
Task<> become_ready(detail::Process& process, Terminal& terminal) {
  std::string problem;
  if (process.settings.import.on_start) problem = co_await import_on_start(process, terminal);
  if (Signals::received() != 0) co_return;  // asked to stop meanwhile
  process.status->import_finished(std::move(problem));
  log::info(app_log, "ready",
            {{"state", process.status->name()}, {"after", process.status->uptime()}});
  Task<> printing = print_ready(process, terminal);
  // The figures are for a person; a server that can't count still serves.
  Result<> printed = co_await as_result(std::move(printing));
  if (!printed) log::warn(app_log, "rows could not be counted", {{"error", printed.error()}});
}

Task<> reload_on_hangup(detail::Process& process, LoadedSettings& settings, LoadAgain& load) {
  while (true) {
    auto hangup = Signals::hangup();
    co_await hangup;
    const Result<> reloaded =
        reload(settings, load, process.tls.get(),
               [&process](const Settings& fresh) { return detail::apply_bundle(process, fresh); });
    if (!reloaded) {
      log::error(app_log, "the configuration stays as it was", {{"error", reloaded.error()}});
    }
  }
}

Task<> stop(detail::Process& process, Terminal& terminal) {
  const Settings::App& app = process.settings.app;
  process.status->draining();
  terminal.stopping(Signals::received());
  log::info(app_log, "stopping",
            {{"signal", Signals::received()},
             {"drain_interval", app.drain_interval},
             {"limit", app.drain_timeout}});
  process.workers->close_after_answers();
  // Whoever sends requests here sees that it is not ready, and goes elsewhere meanwhile.
  if (app.drain_interval.count() > 0) {
    Sleep interval(app.drain_interval);
    co_await interval;
  }
  co_await process.workers->drain(app.drain_timeout);
  if (process.admin) co_await process.admin->drain(Clock::duration::zero());
}

}  // namespace

Task<std::unique_ptr<OpenDatabase>> open_database(const Application& application,
                                                  const Settings& settings,
                                                  std::function<void(const Error&)> on_fatal) {
  std::unique_ptr<OpenDatabase> opened =
      co_await open_by_url(settings.database, std::move(on_fatal));
  db::Migrator migrator(opened->database(), application.migrations);
  if (settings.migrate_on_start) {
    db::MigrationOptions up;
    up.allow_destructive = settings.allow_destructive;
    up.lock_timeout = settings.migration_lock_timeout;
    up.table_wait = settings.migration_table_wait;
    up.on_wait = [] { log::info(app_log, "waiting for another instance that migrates"); };
    const std::vector<db::MigrationStatus> applied = co_await migrator.up(std::move(up));
    for (const db::MigrationStatus& step : applied) {
      log::info(app_log, "migration applied", {{"number", step.number}, {"name", step.name}});
    }
    co_return opened;
  }
  const std::vector<db::Migration> pending = co_await migrator.plan();
  if (!pending.empty()) {
    co_return Error(Code::failed_precondition,
                    std::to_string(pending.size()) + " migrations of " + settings.database.shown() +
                        " are pending: run `" + std::string(application.name) +
                        " migrate up`, or set database.migrate_on_start");
  }
  co_return opened;
}

Task<std::unique_ptr<OpenDatabase>> open_as_it_is(const Application& application,
                                                  Settings settings) {
  settings.migrate_on_start = false;
  std::unique_ptr<OpenDatabase> opened = co_await open_database(application, settings);
  co_return opened;
}

Task<> serve(Application& application, LoadedSettings& loaded, LoadAgain& load) {
  const Settings& settings = loaded.settings;
  detail::Sockets inherited = co_await detail::adopt_sockets();
  detail::Process process(application, settings, std::move(inherited));
  // Before the database is touched: a bad certificate is a bad configuration, and so is a bad URL.
  auto context = co_await make_tls(settings.http.tls, nullptr);
  if (context) process.tls = std::make_shared<net::TlsStore>(std::move(context));
  process.access_log = std::make_unique<AccessLog>(settings.log.access);
  detail::keep_lines(process);
  co_await detail::open_tracing(process);
  co_await detail::open_bundle(process);
  co_await detail::open_outside(process);
  Terminal terminal(settings.app.environment == "dev");
  co_await Signals::install();
  // On the thread of the database.
  std::function<void(const Error&)> on_fatal = [](const Error& why) {
    log::error(app_log, "the storage failed; stopping", {{"error", why}});
    storage_failed.store(true);
    Signals::request_stop();
  };
  process.opened = co_await open_database(application, settings, std::move(on_fatal));
  process.observe();
  process.service = application.make_service(*process.database);
  rest::Backend* const backend = process.service->backend();
  if (backend != nullptr) backend->limits = settings.api;
  queue::Publisher* publisher = application.publisher;
  if (publisher == nullptr) publisher = process.queue.queue.get();
  telemetry::Tracer* const tracer = &process.tracing->tracer();
  process.relay =
      make_relay(application, *process.service, *process.database, publisher, settings, tracer);
  cache::Shared* const shared = shared_cache(application, process.shared_cache);
  co_await detail::open_guarded(process, shared);
  co_await detail::build_routes(process);
  co_await detail::listen_admin(process);
  co_await detail::listen(process);
  terminal.listening(process.url());

  record::RowCaches* const caches = process.service->row_caches();
  if (caches != nullptr) caches->add_metrics(process.access_log->registry());
  jobs::SchedulerOptions schedule;
  schedule.tracer = tracer;
  jobs::Scheduler scheduler(*process.database, process.access_log->registry(),
                            process.service->jobs(), std::move(schedule));
  TaskGroup background("background");
  background.spawn("alarms", process.diagnostics.watch());
  background.spawn("load", process.bundle->watch());
  background.spawn("tracing", process.tracing->run());
  background.spawn("database", process.opened->watch());
  if (backend != nullptr) {
    background.spawn("idempotency keys", rest::expire_keys(*backend, expiry_interval));
  }
  if (process.revocations) background.spawn("revocations", process.revocations->follow());
  if (process.issuer_keys) background.spawn("issuer keys", process.issuer_keys->run());
  if (caches != nullptr && shared != nullptr) {
    background.spawn("row caches", caches->follow(*shared));
  }
  if (settings.jobs.enabled && !process.service->jobs().empty()) {
    background.spawn("jobs", scheduler.run());
  }
  TaskGroup relaying("events");
  if (process.relay) relaying.spawn("relay", process.relay->run());
  TaskGroup starting("start");
  starting.spawn("become ready", become_ready(process, terminal));
  TaskGroup reloading("reload");
  reloading.spawn("reload", reload_on_hangup(process, loaded, load));
  auto signal = Signals::wait();
  co_await signal;
  reloading.cancel();
  starting.cancel();
  Task<> ended = starting.join();
  // A start that was cut short by the signal is no failure.
  const Result<> how = co_await as_result(std::move(ended));
  if (!how) log::debug(app_log, "start was cut short", {{"why", how.error()}});
  const auto end = Clock::now() + settings.app.drain_interval + settings.app.drain_timeout;
  co_await stop(process, terminal);
  // After the last request, so that what it told of is delivered now and not after the next start;
  // in the time that the requests have left.
  if (process.relay) process.relay->stop();
  const auto left = std::max<Clock::duration>(end - Clock::now(), Clock::duration::zero());
  Task<> relayed = with_deadline(left, relaying.join());
  const Result<> how_relayed = co_await as_result(std::move(relayed));
  if (!how_relayed) log::debug(app_log, "the relay was cut short", {{"why", how_relayed.error()}});
  background.cancel();
  Task<> background_ended = background.join();
  const Result<> how_ended = co_await as_result(std::move(background_ended));
  if (!how_ended) log::debug(app_log, "background tasks ended", {{"why", how_ended.error()}});
  if (storage_failed.load()) co_await Error(Code::data_loss, "the storage failed");
}

}  // namespace kit::app
