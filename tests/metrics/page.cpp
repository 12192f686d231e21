// SPDX-License-Identifier: Apache-2.0
// Prints what a program shows at /metrics: page <prometheus|openmetrics> <file>. Some requests have
// a trace that is recorded.
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "kit/app/access_log.hpp"
#include "kit/app/connection_metrics.hpp"
#include "kit/app/database.hpp"
#include "kit/app/diagnostics.hpp"
#include "kit/base/context.hpp"
#include "kit/db/observed_database.hpp"

namespace {

using kit::telemetry::Format;

void finish(kit::app::AccessLog& log, std::string_view route, std::chrono::milliseconds duration) {
  kit::LogContext context;
  context.trace_id.fill('a');
  context.span_id.fill('b');
  context.sampled = true;
  kit::current_log_context = &context;
  kit::http::Request request;
  request.route = route;
  log.on_finished({.request = request,
                   .status = 200,
                   .response_bytes = 100,
                   .duration = duration,
                   .error = nullptr,
                   .request_bytes = 10});
  log.registry().counter("page_refusals_total", "A counter with an exemplar").add_with_exemplar();
  kit::current_log_context = nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: page <prometheus|openmetrics> <file of a database>\n", stderr);
    return 2;
  }
  const std::string_view wanted = argv[1];
  kit::app::AccessLog log(false);
  kit::app::Settings::Database settings;
  settings.sqlite.path = argv[2];
  const auto opened = kit::app::open_by_url(settings);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().describe().c_str());
    return 1;
  }
  (*opened)->add_metrics(log.registry());
  const kit::db::ObservedDatabase observed((*opened)->database(), log.registry());
  kit::app::Diagnostics diagnostics;
  diagnostics.add_metrics(log.registry());
  kit::app::add_build_info(log.registry(), "page", "v1");
  kit::app::add_connection_metrics(
      log.registry(), std::make_shared<kit::http::ConnectionTable>(kit::http::Limits()), nullptr);
  finish(log, "/api/v1/tracks/{id}", std::chrono::milliseconds(3));
  finish(log, "/a \"quoted\" \\ route\n", std::chrono::milliseconds(700));
  std::string text;
  log.registry().write(text, wanted == "openmetrics" ? Format::open_metrics : Format::prometheus);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}
