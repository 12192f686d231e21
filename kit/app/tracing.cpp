// SPDX-License-Identifier: Apache-2.0
#include "kit/app/tracing.hpp"

#include <utility>

#include "kit/adapters/otlp/exporter.hpp"
#include "kit/app/requests_page.hpp"
#include "kit/base/text.hpp"
#include "kit/http/trusted_peers.hpp"
#include "kit/telemetry/tracer.hpp"

namespace kit::app {
namespace {

Result<telemetry::TracerOptions> tracer_options(const TracingRules& rules) {
  auto trusted = http::TrustedPeers::parse(rules.trusted_peers);
  if (!trusted) return std::move(trusted).error();
  telemetry::TracerOptions options;
  options.sampling = rules.sampling;
  options.force_header = to_lower(rules.force_header);
  options.slow = rules.slow;
  options.trusts = [peers = std::move(*trusted)](std::string_view peer) {
    return peers.contains(peer);
  };
  return options;
}

}  // namespace

Result<std::unique_ptr<Tracing>> Tracing::make(TracingOptions options, net::Connector& connector,
                                               std::shared_ptr<const RecentLines> lines) {
  std::unique_ptr<Tracing> made(new Tracing);
  auto rules = tracer_options(options.rules);
  if (!rules) return std::move(rules).error();
  auto tracer = telemetry::Tracer::make(std::move(*rules), options.processor, options.table);
  if (!tracer) return std::move(tracer).error();
  made->tracer_ = std::move(*tracer);
  if (options.has_exporter) {
    auto exporter = otlp::Exporter::make(connector, std::move(options.exporter));
    if (!exporter) return std::move(exporter).error();
    made->exporter_ = std::move(*exporter);
  }
  made->lines_ = std::move(lines);
  made->page_ = std::make_unique<RequestsPage>(made->tracer_->processor(), made->lines_.get());
  return made;
}

Tracing::Tracing() = default;
Tracing::~Tracing() = default;

Result<> Tracing::add_routes(http::Router& router) {
  return page_->add_routes(router);
}

Result<> Tracing::apply(const TracingRules& rules) {
  auto options = tracer_options(rules);
  if (!options) return std::move(options).error();
  return tracer_->apply(std::move(*options));
}

void Tracing::add_metrics(telemetry::Registry& registry) const {
  tracer_->processor().add_metrics(registry);
  if (exporter_) exporter_->add_metrics(registry);
}

Task<> Tracing::run() {
  return exporter_ ? tracer_->processor().run(*exporter_) : tracer_->processor().run();
}

}  // namespace kit::app
