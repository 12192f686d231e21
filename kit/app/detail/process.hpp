// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "kit/adapters/redis/rate_limit.hpp"
#include "kit/app/access_log.hpp"
#include "kit/app/application.hpp"
#include "kit/app/caches.hpp"
#include "kit/app/database.hpp"
#include "kit/app/diagnostics.hpp"
#include "kit/app/pages.hpp"
#include "kit/app/profiling.hpp"
#include "kit/app/queues.hpp"
#include "kit/app/recent_lines.hpp"
#include "kit/app/settings.hpp"
#include "kit/app/status.hpp"
#include "kit/app/tracing.hpp"
#include "kit/app/workers.hpp"
#include "kit/credentials/api_keys.hpp"
#include "kit/credentials/client_certificates.hpp"
#include "kit/credentials/revocations.hpp"
#include "kit/db/observed_database.hpp"
#include "kit/http/client/client.hpp"
#include "kit/middleware/bundle.hpp"
#include "kit/net/connector.hpp"
#include "kit/net/listen.hpp"
#include "kit/net/resolver.hpp"
#include "kit/outbox/relay.hpp"
#include "kit/security/remote_keys.hpp"

namespace kit::app::detail {

/// What is listened on already, by the service manager or on a path.
struct Sockets {
  std::shared_ptr<const net::ListeningSocket> http, admin;
};

/// What the service manager handed over. A socket named "admin" is the metrics'; another one serves
/// the requests. Fails with `invalid_argument` for several of one kind.
Result<Sockets> adopt_sockets();

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

  /// Of the requests.
  std::string url() const;
  /// Where Prometheus finds the metrics; empty: nowhere.
  std::string metrics_url() const;
  /// Statements are counted from here on.
  void observe();

  Application& application;
  const Settings& settings;
  Sockets sockets;
  std::shared_ptr<RecentLines> lines;  // null: nobody looks at them
  net::Resolver resolver;              // to collectors
  std::unique_ptr<net::Connector> connector;
  std::unique_ptr<Tracing> tracing;
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
  // Null, both: the schema has no tables of them.
  std::unique_ptr<credentials::Revocations> revocations;
  std::unique_ptr<credentials::ApiKeys> api_keys;
  std::unique_ptr<credentials::ClientCertificates> certificates;  // null: none stands for a token
  std::unique_ptr<http::Client> issuer;                           // null, both: keys are our own
  std::unique_ptr<security::RemoteKeys> issuer_keys;
  std::unique_ptr<redis::RateLimits> shared_limits;  // null: each instance counts for itself
  std::unique_ptr<Service> service;
  std::unique_ptr<outbox::Relay> relay;  // null: no events, or not here
  std::unique_ptr<Status> status;
  std::unique_ptr<Pages> pages;
  Diagnostics diagnostics;
  Profiling profiling;
  http::Router router, admin_router;
};

/// Keeps what is logged from now on for /debug/requests too, where that is served.
void keep_lines(Process& process);
/// The tracer, and whoever its spans are sent to.
Result<> open_tracing(Process& process);
/// What stands before the service: the program's own with what the configuration says of it.
Result<> open_bundle(Process& process);
/// What settings name besides the database, where the program has not brought its own.
Result<> open_outside(Process& process);
Result<> build_routes(Process& process);
/// The port of metrics and debugging; that it is taken is no failure in the environment dev.
Result<> listen_admin(Process& process);
Result<> listen(Process& process);
/// What the bundle waits for: what of credentials is kept in the database, which is read before
/// anybody is served, whom certificates name, the keys of an issuer, limits in Redis. `shared` may
/// be null. Fails with `failed_precondition` where a table is missing, and with `invalid_argument`
/// for settings that can't be.
Task<> open_guarded(Process& process, cache::Shared* shared);
/// Takes over the sections of the bundle while requests are served. Fails with `invalid_argument`
/// and changes nothing then.
Result<> apply_bundle(Process& process, const Settings& fresh);

}  // namespace kit::app::detail
