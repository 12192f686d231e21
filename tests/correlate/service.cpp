// SPDX-License-Identifier: Apache-2.0
// A service with a slow statement, wired as a program is: correlate_service <folder> <collector's
// URL> <ratio>. Prints its two ports; its log goes to standard error. Ends at SIGTERM.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "kit/adapters/sqlite/sqlite.hpp"
#include "kit/app/access_log.hpp"
#include "kit/app/recent_lines.hpp"
#include "kit/app/signals.hpp"
#include "kit/app/tracing.hpp"
#include "kit/app/workers.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/db/observed_database.hpp"
#include "kit/log/log.hpp"
#include "kit/net/connect.hpp"
#include "kit/telemetry/tracer.hpp"

namespace {

using namespace std::chrono_literals;

kit::log::Module shop_log{"shop"};

kit::Task<kit::http::Response> count_to(kit::db::Database& database, std::int64_t rows) {
  kit::log::info(shop_log, "counting", {{"rows", rows}});
  std::int64_t counted = 0;
  const std::array<kit::db::Parameter, 1> parameters{rows};
  auto keep = [&](const kit::db::Row& row) -> kit::Result<> {
    counted = row.int64(0);
    return {};
  };
  kit::Task<> counting = database.query(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) "
      "SELECT count(*) FROM n",
      parameters, keep);
  co_await std::move(counting);
  kit::http::Response response;
  response.content_type = "text/plain";
  response.body = std::to_string(counted);
  co_return response;
}

struct Service {
  std::unique_ptr<kit::db::Database> inner;
  std::unique_ptr<kit::db::ObservedDatabase> database;
  kit::app::AccessLog access_log{true};
  kit::net::Resolver resolver;
  std::unique_ptr<kit::net::Connector> connector;
  std::unique_ptr<kit::app::Tracing> tracing;
  kit::http::Router router, admin_router;
  std::unique_ptr<kit::app::Workers> workers, admin;
};

kit::Result<> wire(Service& service, const std::string& folder, const std::string& collector,
                   double ratio, std::shared_ptr<const kit::app::RecentLines> lines) {
  kit::sqlite::SqliteOptions file;
  file.path = folder + "/shop.db";
  auto opened = kit::sqlite::open(file);
  if (!opened) return std::move(opened).error();
  service.inner = std::move(*opened);
  service.database = std::make_unique<kit::db::ObservedDatabase>(
      *service.inner, service.access_log.registry(),
      kit::db::ObservedDatabaseOptions{.slow_statement = 100ms});
  service.connector = kit::net::make_connector(service.resolver, nullptr);
  kit::app::TracingOptions options;
  options.rules.sampling.ratio = ratio;
  options.has_exporter = true;
  options.exporter.traces_url = collector;
  options.exporter.resource.service_name = "shop";
  options.processor.delay = 500ms;
  auto tracing = kit::app::Tracing::make(std::move(options), *service.connector, std::move(lines));
  if (!tracing) return std::move(tracing).error();
  service.tracing = std::move(*tracing);
  service.tracing->add_metrics(service.access_log.registry());
  KIT_TRY(service.tracing->add_routes(service.admin_router));
  KIT_TRY(service.access_log.add_metrics(service.admin_router));
  const auto add = [&](std::string_view path, std::int64_t rows) {
    return service.router.add(kit::http::Method::get, path, [&service, rows](kit::http::Request&) {
      return count_to(*service.database, rows);
    });
  };
  KIT_TRY(add("/tracks/{id}", 10));
  return add("/reports/{name}", 3'000'000);
}

kit::Result<> listen(Service& service) {
  kit::app::Workers::Options options;
  options.address = "127.0.0.1";
  auto admin = kit::app::Workers::start(service.admin_router, options);
  if (!admin) return std::move(admin).error();
  service.admin = std::move(*admin);
  options.threads = 2;
  options.server.observer = &service.access_log;
  options.server.tracer = &service.tracing->tracer();
  options.server.limits.handler_timeout = 60s;
  auto workers = kit::app::Workers::start(service.router, options);
  if (!workers) return std::move(workers).error();
  service.workers = std::move(*workers);
  std::printf("%d %d\n", service.workers->port(), service.admin->port());
  std::fflush(stdout);
  return {};
}

kit::Task<> serve(char** arguments, std::shared_ptr<const kit::app::RecentLines> lines) {
  Service service;
  co_await wire(service, arguments[1], arguments[2], std::strtod(arguments[3], nullptr), lines);
  co_await kit::app::Signals::install();
  co_await listen(service);
  kit::TaskGroup background("background");
  background.spawn("tracing", service.tracing->run());
  auto signal = kit::app::Signals::wait();
  co_await signal;
  co_await service.workers->drain(2s);
  co_await service.admin->drain(0s);
  background.cancel();
  kit::Task<> ended = background.join();
  const kit::Result<> how = co_await kit::as_result(std::move(ended));
  if (!how) kit::log::debug(shop_log, "background tasks ended", {{"why", how.error()}});
  service.workers->stop();
  service.admin->stop();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: correlate_service <folder> <collector's URL> <ratio>\n", stderr);
    return 2;
  }
  const auto lines = std::make_shared<kit::app::RecentLines>(kit::log::fd_sink(2));
  kit::log::configure({.format = kit::log::Format::json, .sink = lines});
  auto loop = kit::make_epoll_loop();
  const kit::Result<> done = kit::run(**loop, serve(argv, lines));
  if (!done) std::fprintf(stderr, "%s\n", done.error().describe().c_str());
  return done ? 0 : 1;
}
