// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/async/task.hpp"
#include "kit/base/result.hpp"

namespace kit::db {
class Database;  // kit/db/database.hpp
}
namespace kit::http {
class Router;  // kit/http/router.hpp
}
namespace kit::outbox {
class Relay;  // kit/outbox/relay.hpp
}
namespace kit::queue {
class Publisher;  // kit/queue/queue.hpp
}
namespace kit::telemetry {
class Tracer;  // kit/telemetry/tracer.hpp
}

namespace kit::app {

struct Application;  // kit/app/application.hpp
class Service;
struct CommandLine;  // kit/app/command_line.hpp
struct Settings;     // kit/app/settings.hpp

/// The relay of a service that has events; null for others, and where events.relay is off.
/// `publisher`: takes events to those outside; null: nobody listens there. `tracer` may be null.
/// Lifetime: `database`, `publisher` and `tracer` outlive it.
std::unique_ptr<outbox::Relay> make_relay(const Application& application, Service& service,
                                          db::Database& database, queue::Publisher* publisher,
                                          const Settings& settings, telemetry::Tracer* tracer);

/// GET /events (what waits) and /events/dead (the oldest 100 dead letters), JSON, for the admin
/// port. Lifetime: both outlive the router.
Result<> add_event_routes(http::Router& router, const outbox::Relay& relay, db::Database& database);

/// status, dead, retry [NUMBER | all], drop NUMBER.
Task<> events_command(Application& application, const Settings& settings, const CommandLine& line);

}  // namespace kit::app
