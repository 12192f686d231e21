// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "kit/adapters/otlp/exporter_options.hpp"
#include "kit/async/task.hpp"
#include "kit/telemetry/sampler.hpp"
#include "kit/telemetry/span_processor.hpp"

namespace kit::http {
class Router;  // kit/http/router.hpp
}
namespace kit::net {
class Connector;  // kit/net/connector.hpp
}
namespace kit::otlp {
class Exporter;  // kit/adapters/otlp/exporter.hpp
}
namespace kit::telemetry {
class Registry;  // kit/telemetry/registry.hpp
class Tracer;    // kit/telemetry/tracer.hpp
}  // namespace kit::telemetry

namespace kit::app {

class RecentLines;   // kit/app/recent_lines.hpp
class RequestsPage;  // kit/app/requests_page.hpp

/// What may change while the process runs.
struct TracingRules {
  telemetry::SamplerOptions sampling{.ratio = 0.01,
                                     .rules = {{"/healthz", telemetry::SamplingMode::never, 0},
                                               {"/readyz", telemetry::SamplingMode::never, 0},
                                               {"/startupz", telemetry::SamplingMode::never, 0}}};
  /// Whose traces go on here (`http::TrustedPeers`). Those of others begin anew, with a link.
  std::vector<std::string> trusted_peers{"private"};
  std::string force_header = {};        ///< See `telemetry::TracerOptions`.
  std::chrono::milliseconds slow{250};  ///< The same.
};

struct TracingOptions {
  TracingRules rules;
  /// Spans are sent to a collector; else they are on /debug/requests only.
  bool has_exporter = false;
  otlp::ExporterOptions exporter;
  telemetry::SpanProcessorOptions processor;
  telemetry::TraceTableOptions table;
};

/// The tracing of a process: its tracer, its exporter, its pages. Thread safety: any thread, but
/// `run`. Lifetime: longer than servers, routers and registries that it was given to.
class Tracing {
 public:
  /// `connector`: to the collector; outlives this. `lines`: for /debug/requests; may be null.
  /// Fails with `invalid_argument` for options that can't be.
  static Result<std::unique_ptr<Tracing>> make(TracingOptions options, net::Connector& connector,
                                               std::shared_ptr<const RecentLines> lines);

  ~Tracing();
  /// What servers, jobs and relays are given.
  telemetry::Tracer& tracer() { return *tracer_; }
  /// Replaces the rules. Fails like `make`; they stay as they are then.
  Result<> apply(const TracingRules& rules);
  /// GET /debug/requests, for the admin port.
  Result<> add_routes(http::Router& router);
  void add_metrics(telemetry::Registry& registry) const;
  /// Exports, and keeps the page up to date, until it is cancelled.
  Task<> run();

 private:
  Tracing();

  std::shared_ptr<const RecentLines> lines_;
  std::unique_ptr<telemetry::Tracer> tracer_;
  std::unique_ptr<otlp::Exporter> exporter_;  // null: nobody collects
  std::unique_ptr<RequestsPage> page_;
};

}  // namespace kit::app
