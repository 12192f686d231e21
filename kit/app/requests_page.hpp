// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kit/app/recent_lines.hpp"
#include "kit/async/blocking.hpp"
#include "kit/base/result.hpp"
#include "kit/http/router.hpp"
#include "kit/telemetry/span_processor.hpp"

namespace kit::app {

/// What became of requests, with no outside system: /debug/requests lists those that are kept, by
/// their route and how long they took, and /debug/requests/{trace} shows one, its spans and its log
/// lines. Pages for a browser, JSON for who asks for it. For the admin port: paths, users and log
/// lines are on it. Lifetime: longer than the router; what it is made with outlives it.
class RequestsPage {
 public:
  /// `lines` null: no log lines are shown.
  RequestsPage(telemetry::SpanProcessor& spans, const RecentLines* lines,
               BlockingPool& pool = BlockingPool::shared());

  Result<> add_routes(http::Router& router);

 private:
  Task<http::Response> list(bool as_json);
  Task<http::Response> trace(std::string id, bool as_json);

  telemetry::SpanProcessor& spans_;
  const RecentLines* lines_;
  BlockingPool& pool_;
};

/// Whether an Accept header asks for JSON and not for a page.
bool wants_json(std::string_view accept);

}  // namespace kit::app
