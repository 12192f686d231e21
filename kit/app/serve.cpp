// SPDX-License-Identifier: Apache-2.0
#include "kit/app/serve.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "kit/adapters/redis/metrics.hpp"
#include "kit/app/access_log.hpp"
#include "kit/app/caches.hpp"
#include "kit/app/callers.hpp"
#include "kit/app/connection_metrics.hpp"
#include "kit/app/diagnostics.hpp"
#include "kit/app/events.hpp"
#include "kit/app/imports.hpp"
#include "kit/app/log_levels.hpp"
#include "kit/app/pages.hpp"
#include "kit/app/profiling.hpp"
#include "kit/app/signals.hpp"
#include "kit/app/status.hpp"
#include "kit/app/terminal.hpp"
#include "kit/app/workers.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/db/migrations.hpp"
#include "kit/db/observed_database.hpp"
#include "kit/jobs/scheduler.hpp"
#include "kit/log/log.hpp"
#include "kit/middleware/bundle.hpp"
#include "kit/net/listen.hpp"
#include "kit/record/row_caches.hpp"
#include "kit/rest/idempotency.hpp"

namespace kit::app {
namespace {

log::Module app_log{"app"};

/// Between two looks for idempotency keys that are no longer kept.
constexpr auto expiry_interval = std::chrono::minutes{1};

// Set when the disk failed to keep what it had taken: the process ends, and not with success.
std::atomic<bool> storage_failed{false};

/// Says what to do about it. `section`: whose address and port, "http" or "admin".
Error cannot_listen(Error why, const std::string& section, std::string_view other_port) {
  std::string text = section + ": " + why.message();
  if (why.reason() == "ADDRESS_IN_USE") {
    text.append(". Choose another port with --").append(section).append(".port=");
    text.append(other_port).append(", or stop the program that uses this one");
  } else if (why.reason() == "ADDRESS_NOT_AVAILABLE") {
    text.append(". This machine has no such address: try --").append(section);
    text.append(".address=127.0.0.1, or 0.0.0.0 for every network");
  } else if (why.reason() == "PORT_NOT_PERMITTED") {
    text.append(". Ports below 1024 are for privileged users: try --").append(section);
    text.append(".port=").append(other_port);
  } else {
    text.append(" (the settings ").append(section).append(".address and ").append(section);
    text.append(".port)");
  }
  return Error(why.code(), std::move(text)).with_cause(std::move(why));
}

std::string url(const std::string& address, int port, bool tls = false) {
  if (!unix_path(address).empty()) return address;
  const bool v6 = address.find(':') != std::string::npos;
  const std::string host = address == "0.0.0.0" || address == "::" ? "127.0.0.1"
                           : v6                                    ? '[' + address + ']'
                                                                   : address;
  return (tls ? "https://" : "http://") + host + ':' + std::to_string(port);
}

/// What is listened on already, by the service manager or on a path.
struct Sockets {
  std::shared_ptr<const net::ListeningSocket> http, admin;
};

/// A socket named "admin" is the metrics'; another one serves the requests.
Result<Sockets> adopt_sockets() {
  Sockets sockets;
  auto inherited = net::inherited_sockets();
  if (!inherited) return std::move(inherited).error();
  for (const net::InheritedSocket& one : *inherited) {
    auto adopted = net::ListeningSocket::adopt(one.descriptor);
    if (!adopted) return std::move(adopted).error();
    auto& place = one.name == "admin" ? sockets.admin : sockets.http;
    if (place) {
      return Error(Code::invalid_argument,
                   "socket activation: one socket for requests, and one that is named admin");
    }
    place = std::move(*adopted);
  }
  return sockets;
}

/// Everything that lives while the server does; what is later in the list goes first, but for the
/// threads, which use all of it.
struct Process {
  Process(Application& made_from, const Settings& all, Sockets inherited)
      : application(made_from), settings(all), sockets(std::move(inherited)) {}
  ~Process() {
    if (workers) workers->stop();
    if (admin) admin->stop();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  std::string url() const { return app::url(address, workers->port(), tls != nullptr); }
  /// Statements are counted from here on.
  void observe() {
    db::ObservedDatabase::Options options;
    options.slow_statement = settings.database.slow_statement;
    database =
        std::make_unique<db::ObservedDatabase>(opened->database(), access_log->registry(), options);
  }

  Application& application;
  const Settings& settings;
  Sockets sockets;
  std::optional<MiddlewareBundle> own_bundle;
  MiddlewareBundle* bundle = nullptr;  // the program's, or the one above
  std::shared_ptr<http::ConnectionTable> connections;
  std::string address;                 // of the socket that serves requests
  std::shared_ptr<net::TlsStore> tls;  // null: not encrypted
  std::unique_ptr<Workers> workers,
      admin;  // their loops outlive the database, which may post to them
  std::unique_ptr<AccessLog> access_log;  // has the metrics of the database too
  OpenQueue queue;                        // nothing: nobody outside listens
  OpenCache shared_cache;                 // nothing: no other instance is told
  std::unique_ptr<OpenDatabase> opened;
  std::unique_ptr<db::ObservedDatabase> database;
  std::unique_ptr<Service> service;
  std::unique_ptr<outbox::Relay> relay;  // null: no events, or not here
  std::unique_ptr<Status> status;
  std::unique_ptr<Pages> pages;
  Diagnostics diagnostics;
  Profiling profiling;
  http::Router router, admin_router;
};

middleware::Options bundle_options(const Settings& settings, const Application& application) {
  middleware::Options options = settings.middleware;
  options.auth.policy = application.access_policy;
  return options;
}

/// What settings name besides the database, where the program has not brought its own.
Result<> open_outside(Process& process) {
  const Settings& settings = process.settings;
  if (process.application.publisher == nullptr && settings.queue.url.reveal() != "memory:") {
    auto queue = open_queue(settings.queue);
    if (!queue) return std::move(queue).error();
    process.queue = std::move(*queue);
    if (process.queue.add_metrics) process.queue.add_metrics(process.access_log->registry());
  }
  auto cache = open_cache(settings.cache, process.application.name);
  if (!cache) return std::move(cache).error();
  process.shared_cache = std::move(*cache);
  std::vector<redis::NamedClient> clients;
  if (process.shared_cache.client) clients.push_back({"cache", process.shared_cache.client});
  if (process.queue.client) clients.push_back({"queue", process.queue.client});
  if (!clients.empty()) redis::add_metrics(process.access_log->registry(), std::move(clients));
  return {};
}

/// What stands before the service: the program's own with what the configuration says of it.
Result<> open_bundle(Process& process) {
  process.bundle = process.application.bundle;
  if (process.bundle == nullptr) {
    auto made = MiddlewareBundle::make({});
    if (!made) return std::move(made).error();
    process.own_bundle.emplace(std::move(*made));
    process.bundle = &*process.own_bundle;
  }
  KIT_TRY(process.bundle->apply(bundle_options(process.settings, process.application)));
  process.bundle->add_metrics(process.access_log->registry());
  return {};
}

Result<> build_routes(Process& process) {
  process.status =
      std::make_unique<Status>([opened = process.opened.get()] { return opened->health(); });
  process.connections = std::make_shared<http::ConnectionTable>(process.settings.http.limits);
  KIT_TRY(add_service(process.router, process.application, *process.service,
                      process.settings.app.environment, process.settings.middleware.auth.is_on()));
  KIT_TRY(add_probes(process.router, *process.status));
  if (process.settings.app.pages) {
    process.pages = std::make_unique<Pages>(process.application, *process.service, *process.status,
                                            process.settings.app.environment);
    KIT_TRY(process.pages->add_routes(process.router));
  }
  if (process.relay) {
    process.relay->add_metrics(process.access_log->registry());
    KIT_TRY(add_event_routes(process.admin_router, *process.relay, *process.database));
  }
  process.diagnostics.add_metrics(process.access_log->registry());
  add_build_info(process.access_log->registry(), process.application.name,
                 process.application.version);
  process.opened->add_metrics(process.access_log->registry());
  KIT_TRY(process.diagnostics.add_routes(process.admin_router));
  KIT_TRY(add_log_routes(process.admin_router));
  const char* const prod = std::getenv("PROD");
  process.profiling.apply(
      profiling_for(process.settings.app.environment, false, prod == nullptr ? "" : prod));
  KIT_TRY(process.profiling.add_routes(process.admin_router));
  add_connection_metrics(process.access_log->registry(), process.connections, process.tls);
  return process.access_log->add_metrics(process.admin_router);
}

/// What is not said to be for keeping may be about somebody, and is what its type says.
std::vector<std::pair<std::string, std::string>> default_headers() {
  return {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}};
}

Result<> listen_admin(Process& process) {
  const Settings& settings = process.settings;
  if (settings.admin.port == 0 && !process.sockets.admin) return {};
  Workers::Options options;
  options.address = settings.admin.address;
  options.port = settings.admin.port;
  options.socket = std::move(process.sockets.admin);
  options.server.default_headers = default_headers();
  auto admin = Workers::start(process.admin_router, options);
  if (admin) {
    process.admin = std::move(*admin);
    return {};
  }
  // Two examples at once on a desk are fine; a pod without its metrics is not.
  if (settings.app.environment != "dev") {
    return cannot_listen(std::move(admin).error(), "admin", "0");
  }
  log::warn(app_log, "no metrics: can't listen on the admin port",
            {{"admin.port", settings.admin.port}, {"error", admin.error()}});
  return {};
}

Result<> listen(Process& process) {
  const Settings& settings = process.settings;
  Workers::Options options;
  options.address = settings.http.address;
  options.port = settings.http.port;
  options.threads = settings.http.threads > 0
                        ? settings.http.threads
                        : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  options.server.limits = settings.http.limits;
  options.server.connections = process.connections;
  options.server.observer = process.access_log.get();
  options.server.guard = process.application.guard;
  process.bundle->protect(options.server, process.router);
  options.server.refuse_cross_site = settings.http.refuse_cross_site;
  options.server.default_headers = default_headers();
  options.tls = process.tls;
  options.socket = std::move(process.sockets.http);
  if (const std::string path = unix_path(settings.http.address); !options.socket && !path.empty()) {
    auto socket = net::ListeningSocket::open_unix(path, *parse_mode(settings.http.unix_mode));
    if (!socket) return cannot_listen(std::move(socket).error(), "http", "8080");
    options.socket = std::move(*socket);
  }
  process.address = options.socket ? options.socket->address() : options.address;
  auto workers = Workers::start(process.router, options);
  if (!workers) {
    return cannot_listen(
        std::move(workers).error(), "http",
        std::to_string(settings.http.port < 65'000 ? settings.http.port + 1000 : 8080));
  }
  process.workers = std::move(*workers);
  log::info(app_log, "listening",
            {{"address", process.address},
             {"port", process.workers->port()},
             {"tls", process.tls != nullptr},
             {"threads", options.threads}});
  return {};
}

Task<std::string> import_on_start(Process& process, Terminal& terminal) {
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

Task<> print_ready(Process& process, Terminal& terminal) {
  ReadyFigures figures;
  figures.title = process.application.title;
  figures.version = process.application.version;
  figures.url = process.url();
  figures.pages = process.settings.app.pages;
  figures.database = process.settings.database.shown();
  figures.problem = process.status->detail();
  if (process.admin)
    figures.metrics = url(process.settings.admin.address, process.admin->port()) + "/metrics";
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
Task<> become_ready(Process& process, Terminal& terminal) {
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

Task<> reload_on_hangup(Process& process, LoadedSettings& settings, LoadAgain& load) {
  while (true) {
    auto hangup = Signals::hangup();
    co_await hangup;
    const Result<> reloaded =
        reload(settings, load, process.tls.get(), [&process](const Settings& fresh) {
          return process.bundle->apply(bundle_options(fresh, process.application));
        });
    if (!reloaded) {
      log::error(app_log, "the configuration stays as it was", {{"error", reloaded.error()}});
    }
  }
}

Task<> stop(Process& process, Terminal& terminal) {
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

Task<> serve(Application& application, LoadedSettings& loaded, LoadAgain& load) {
  const Settings& settings = loaded.settings;
  Sockets inherited = co_await adopt_sockets();
  Process process(application, settings, std::move(inherited));
  // Before the database is touched: a bad certificate is a bad configuration, and so is a bad URL.
  auto context = co_await make_tls(settings.http.tls, nullptr);
  if (context) process.tls = std::make_shared<net::TlsStore>(std::move(context));
  process.access_log = std::make_unique<AccessLog>(settings.log.access);
  co_await open_bundle(process);
  co_await open_outside(process);
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
  process.relay = make_relay(application, *process.service, *process.database, publisher, settings);
  co_await build_routes(process);
  co_await listen_admin(process);
  co_await listen(process);
  terminal.listening(process.url());

  record::RowCaches* const caches = process.service->row_caches();
  if (caches != nullptr) caches->add_metrics(process.access_log->registry());
  jobs::Scheduler scheduler(*process.database, process.access_log->registry(),
                            process.service->jobs());
  TaskGroup background("background");
  background.spawn("alarms", process.diagnostics.watch());
  background.spawn("load", process.bundle->watch());
  background.spawn("database", process.opened->watch());
  if (backend != nullptr) {
    background.spawn("idempotency keys", rest::expire_keys(*backend, expiry_interval));
  }
  cache::Shared* const shared = shared_cache(application, process.shared_cache);
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
