// SPDX-License-Identifier: Apache-2.0
#include "kit/app/detail/process.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "kit/adapters/otlp/exporter_options.hpp"
#include "kit/adapters/redis/metrics.hpp"
#include "kit/app/breakers.hpp"
#include "kit/app/callers.hpp"
#include "kit/app/connection_metrics.hpp"
#include "kit/app/events.hpp"
#include "kit/app/log_levels.hpp"
#include "kit/base/uuid.hpp"
#include "kit/http/server.hpp"
#include "kit/log/log.hpp"
#include "kit/log/sink.hpp"
#include "kit/net/connect.hpp"
#include "kit/telemetry/sampler.hpp"
#include "kit/telemetry/tracer.hpp"

namespace kit::app::detail {
namespace {

log::Module app_log{"app"};

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

/// What is not said to be for keeping may be about somebody, and is what its type says.
std::vector<std::pair<std::string, std::string>> default_headers() {
  return {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}};
}

middleware::Options bundle_options(const Settings& settings, const Application& application) {
  middleware::Options options = settings.middleware;
  options.auth.policy = application.access_policy;
  return options;
}

Result<TracingRules> tracing_rules(const middleware::Tracing& settings) {
  auto sampling = settings.sampling();
  if (!sampling) return std::move(sampling).error();
  TracingRules rules;
  // What the settings say of a route counts before what is usual.
  for (const telemetry::SamplingRule& usual : rules.sampling.rules) {
    const auto said =
        std::ranges::find(sampling->rules, usual.route, &telemetry::SamplingRule::route);
    if (said == sampling->rules.end()) sampling->rules.push_back(usual);
  }
  rules.sampling = std::move(*sampling);
  rules.trusted_peers = settings.trusted_peers;
  rules.force_header = settings.force_header;
  rules.slow = settings.slow;
  return rules;
}

/// Where spans go: what the settings say, else what the environment says in OpenTelemetry's names.
Result<> read_exporter(TracingOptions& options, const Process& process) {
  const middleware::Tracing& settings = process.settings.middleware.tracing;
  options.exporter.resource.service_name = process.application.name;
  options.exporter.resource.service_version = process.application.version;
  options.exporter.resource.service_instance_id = Uuid::make_v7().to_string();
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
  }
  auto named = otlp::apply_environment(options.exporter, variables);
  if (!named) return std::move(named).error();
  options.has_exporter = *named || !settings.endpoint.empty();
  if (!settings.endpoint.empty()) options.exporter.traces_url = settings.endpoint;
  options.exporter.gzip |= settings.gzip;
  return {};
}

/// Null: nobody is asked over TLS. Reading the authorities of the system takes its time.
Result<std::shared_ptr<net::TlsStore>> outgoing_tls(std::string_view collector,
                                                    const middleware::JwtAuth& auth) {
  if (!collector.starts_with("https:") && !auth.keys_are_remote()) {
    return std::shared_ptr<net::TlsStore>();
  }
  net::TlsClientOptions options;
  // Not every issuer speaks more.
  options.min_version = net::TlsVersion::tls_1_2;
  auto context = net::TlsContext::make_client(options);
  if (!context) return std::move(context).error();
  return std::make_shared<net::TlsStore>(std::move(*context));
}

}  // namespace

std::string Process::url() const {
  return detail::url(address, workers->port(), tls != nullptr);
}

std::string Process::metrics_url() const {
  return admin ? detail::url(settings.admin.address, admin->port()) + "/metrics" : std::string();
}

void Process::observe() {
  db::ObservedDatabase::Options options;
  options.slow_statement = settings.database.slow_statement;
  database =
      std::make_unique<db::ObservedDatabase>(opened->database(), access_log->registry(), options);
}

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

void keep_lines(Process& process) {
  if (process.settings.admin.port == 0 && !process.sockets.admin) return;
  process.lines = std::make_shared<RecentLines>(log::fd_sink(STDERR_FILENO));
  log::Options options;
  options.format = process.settings.log.format;
  options.sink = process.lines;
  log::configure(options);
}

Result<> open_tracing(Process& process) {
  TracingOptions options;
  auto rules = tracing_rules(process.settings.middleware.tracing);
  if (!rules) return std::move(rules).error();
  options.rules = std::move(*rules);
  KIT_TRY(read_exporter(options, process));
  auto tls = outgoing_tls(options.exporter.traces_url, process.settings.middleware.auth);
  if (!tls) return std::move(tls).error();
  process.connector = net::make_connector(process.resolver, std::move(*tls));
  auto made = Tracing::make(std::move(options), *process.connector, process.lines);
  if (!made) {
    return Error(Code::invalid_argument, "tracing: " + made.error().message());
  }
  process.tracing = std::move(*made);
  process.tracing->add_metrics(process.access_log->registry());
  return {};
}

Result<> apply_bundle(Process& process, const Settings& fresh) {
  auto rules = tracing_rules(fresh.middleware.tracing);
  if (!rules) return std::move(rules).error();
  auto before = tracing_rules(process.bundle->options().tracing);
  if (!before) return std::move(before).error();
  // All of it or nothing. Tracing is first: a sampler that changes for a moment refuses nobody, as
  // limits would.
  KIT_TRY(process.tracing->apply(*rules));
  Result<> applied = process.bundle->apply(bundle_options(fresh, process.application));
  if (!applied) KIT_TRY(process.tracing->apply(*before));
  return applied;
}

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
  process.profiling.apply(profiling_for(process.settings.app.environment,
                                        process.settings.admin.unsafe_debug,
                                        prod == nullptr ? "" : prod));
  KIT_TRY(process.profiling.add_routes(process.admin_router));
  KIT_TRY(process.tracing->add_routes(process.admin_router));
  KIT_TRY(add_breaker_routes(process.admin_router, process.bundle->breakers(),
                             process.access_log->registry()));
  add_connection_metrics(process.access_log->registry(), process.connections, process.tls);
  return process.access_log->add_metrics(process.admin_router);
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
  options.server.tracer = &process.tracing->tracer();
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

}  // namespace kit::app::detail
