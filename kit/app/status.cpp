// SPDX-License-Identifier: Apache-2.0
#include "kit/app/status.hpp"

#include <utility>

#include "kit/http/router.hpp"
#include "kit/json/writer.hpp"

namespace kit::app {

void Status::import_progress(ImportProgress progress) {
  const std::lock_guard lock(mutex_);
  progress_ = std::move(progress);
}

void Status::import_finished(std::string problem) {
  {
    const std::lock_guard lock(mutex_);
    progress_.reset();
    import_problem_ = std::move(problem);
  }
  started_.store(true);
}

std::optional<ImportProgress> Status::importing() const {
  const std::lock_guard lock(mutex_);
  return progress_;
}

std::string Status::import_problem() const {
  const std::lock_guard lock(mutex_);
  return import_problem_;
}

std::string Status::database_problem() const {
  const Result<> health = database_health_();
  if (health) return {};
  return health.error().reason().empty() ? std::string(kit::name(health.error().code()))
                                         : health.error().reason();
}

bool Status::ready() const {
  return started() && !is_draining() && import_problem().empty() && database_problem().empty();
}

std::string_view Status::name() const {
  if (is_draining()) return "draining";
  if (!started()) return "starting";
  return ready() ? "ready" : "unhealthy";
}

std::string Status::detail() const {
  if (is_draining()) return "the server was asked to stop";
  if (const auto progress = importing()) {
    return "importing " + progress->file + ", " + std::to_string(progress->percent) + " %";
  }
  if (!started()) return "the data is not in yet";
  if (std::string problem = import_problem(); !problem.empty()) return problem;
  if (std::string problem = database_problem(); !problem.empty()) return "database: " + problem;
  return {};
}

namespace {

http::Response json_answer(int status, std::string body) {
  http::Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  return response;
}

http::Response readiness(const Status& status) {
  const bool ready = status.ready();
  const auto or_ok = [](const std::string& problem) { return problem.empty() ? "ok" : problem; };
  const std::string import =
      status.started() ? or_ok(status.import_problem()) : "running: " + status.detail();
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.member("ready", ready);
  writer.member("checks");
  writer.begin_object();
  writer.member("migrations", "ok");  // the server listens only after they were applied
  writer.member("import", import);
  writer.member("database", or_ok(status.database_problem()));
  writer.member("accepting", status.is_draining() ? "draining" : "ok");
  writer.end_object();
  writer.end_object();
  return json_answer(ready ? 200 : 503, std::move(body));
}

http::Response startup(const Status& status) {
  const bool started = status.started();
  std::string body;
  json::Writer writer(body);
  writer.begin_object();
  writer.member("started", started);
  if (!started) writer.member("detail", status.detail());
  writer.end_object();
  return json_answer(started ? 200 : 503, std::move(body));
}

}  // namespace

Result<> add_probes(http::Router& router, const Status& status) {
  http::RouteOptions probe;
  probe.is_public = true;
  probe.priority = http::Priority::critical;
  const auto add = [&](std::string_view path, http::Handler handler) {
    return router.add(http::Method::get, path, std::move(handler), probe);
  };
  KIT_TRY(add("/healthz", [](http::Request&) {
    return http::answered(json_answer(200, R"({"alive":true})"));
  }));
  KIT_TRY(add("/readyz", [&status](http::Request&) { return http::answered(readiness(status)); }));
  return add("/startupz", [&status](http::Request&) { return http::answered(startup(status)); });
}

}  // namespace kit::app
