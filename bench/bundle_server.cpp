// SPDX-License-Identifier: Apache-2.0
// The bare route behind the bundle: one loop, one route that answers a fixed body. What `make
// bench` calls the full bundle.
//
//   bundle_server PORT SECRET PARTS
//
// PARTS: those of tokens, limits, breaker, shedding, tracing, metrics, log that are on, with commas
// between them. The log goes to standard error.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "kit/app/access_log.hpp"
#include "kit/app/tracing.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/base/text.hpp"
#include "kit/http/server.hpp"
#include "kit/log/sink.hpp"
#include "kit/middleware/bundle.hpp"
#include "kit/net/connect.hpp"
#include "kit/net/listen.hpp"
#include "kit/telemetry/tracer.hpp"

namespace {

constexpr std::string_view body =
    R"({"id":42,"name":"user-42","email":"user-42@example.com","status":"active"})";

/// More than any load brings: what is measured is a request that passes.
constexpr std::uint32_t plenty = 10'000'000;

kit::Task<kit::http::Response> answer(kit::http::Request&) {
  kit::http::Response response;
  response.content_type = "application/json";
  response.static_body = body;
  co_return response;
}

struct Parts {
  explicit Parts(std::string_view list) {
    for (const std::string_view name : kit::split(list, ',')) {
      for (const auto& [known, on] : all()) {
        if (name == known) *on = true;
      }
    }
  }
  std::array<std::pair<std::string_view, bool*>, 7> all() {
    return {{{"tokens", &tokens},
             {"limits", &limits},
             {"breaker", &breaker},
             {"shedding", &shedding},
             {"tracing", &tracing},
             {"metrics", &metrics},
             {"log", &log}}};
  }
  bool has_guard() const { return tokens || limits || breaker || shedding; }
  bool tokens = false, limits = false, breaker = false, shedding = false;
  bool tracing = false, metrics = false, log = false;
};

kit::MiddlewareBundle::Builder builder(const Parts& parts, const std::string& secret) {
  auto made = kit::MiddlewareBundle::builder();
  if (parts.tokens) {
    kit::middleware::JwtAuth auth;
    auth.secret = kit::Secret<std::string>(secret);
    made.with_jwt_auth(std::move(auth));
  }
  if (parts.limits) made.with_rate_limit({.requests_per_second = plenty});
  made.with_circuit_breaker({.enabled = parts.breaker});
  made.with_load_shedding({.enabled = parts.shedding});
  return made;
}

kit::Task<> serve(int port, std::string secret, Parts parts) {
  kit::http::Router router;
  co_await router.add(kit::http::Method::get, "/", answer);
  kit::http::RouteOptions open;
  open.is_public = true;
  co_await router.add(kit::http::Method::get, "/ready", answer, open);
  kit::MiddlewareBundle bundle = co_await builder(parts, secret).build();
  kit::app::AccessLog access_log(parts.log);
  kit::net::Resolver resolver;
  const auto connector = kit::net::make_connector(resolver, nullptr);
  kit::app::TracingOptions traced;
  auto tracing = co_await kit::app::Tracing::make(std::move(traced), *connector, nullptr);
  kit::http::ServerOptions options;
  options.limits.requests_per_connection = 1'000'000'000;
  if (parts.has_guard()) bundle.protect(options, router);
  if (parts.metrics || parts.log) options.observer = &access_log;
  if (parts.tracing) options.tracer = &tracing->tracer();
  kit::http::Server server(router, options);
  kit::net::ListenOptions where;
  where.port = port;
  auto listener = co_await kit::net::listen_tcp(where, server);
  kit::TaskGroup background("background");
  background.spawn("load", bundle.watch());
  background.spawn("tracing", tracing->run());
  co_await kit::sleep_for(std::chrono::hours(24));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: bundle_server PORT SECRET PARTS\n", stderr);
    return 2;
  }
  kit::log::configure({.format = kit::log::Format::json, .sink = kit::log::fd_sink(STDERR_FILENO)});
  auto loop = kit::make_epoll_loop();
  if (!loop) return 1;
  const std::string secret = argv[2];
  const auto ended = kit::run(**loop, serve(std::atoi(argv[1]), secret, Parts(argv[3])));
  if (!ended) std::fprintf(stderr, "%s\n", ended.error().describe().c_str());
  return ended ? 0 : 1;
}
