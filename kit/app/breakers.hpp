// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/base/result.hpp"
#include "kit/http/router.hpp"
#include "kit/resilience/dependency.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::app {

/// For the admin port. GET /debug/breakers: each outside system, what its breaker does and why, and
/// its options; JSON, or a page when Accept prefers text/html. POST /debug/breakers forces one:
/// {"kind": "http", "name": "http://stock", "state": "open" | "closed" | "automatic", "who": "ada",
/// "why": "..."}; it is written to the log (module "audit") and counted. Only JSON is taken, which
/// a page of another site cannot make a browser send.
Result<> add_breaker_routes(http::Router& router, std::shared_ptr<resilience::Breakers> breakers,
                            telemetry::Registry& registry);

/// Declares breaker_state (0 closed, 1 half open, 2 open), breaker_calls_total by outcome and
/// breaker_opened_total, by kind and name. Once a registry.
void add_breaker_metrics(telemetry::Registry& registry,
                         std::shared_ptr<const resilience::Breakers> breakers);

}  // namespace kit::app
