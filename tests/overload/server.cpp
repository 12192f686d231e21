// SPDX-License-Identifier: Apache-2.0
// A server on one loop whose requests cost CPU, with the bundle before its handlers.
//
//   server PORT WORK_US [--without]    # --without: nobody is refused
//
// GET /work: WORK_US of CPU. GET /healthz: a probe, the last to be refused. GET /shedder: what it
// does.
#include "kit/http/server.hpp"

#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/middleware/bundle.hpp"
#include "kit/net/listen.hpp"
#include "kit/resilience/load_shedder.hpp"

namespace {

using namespace std::chrono_literals;
using kit::Clock;
using kit::Task;
using kit::http::Request;
using kit::http::Response;

void burn(Clock::duration time) {
  // CPU time of this thread, whatever else runs on the machine.
  timespec start{};
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
  do {
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  } while (std::chrono::seconds(now.tv_sec - start.tv_sec) +
               std::chrono::nanoseconds(now.tv_nsec - start.tv_nsec) <
           time);
}

Task<Response> text(std::string body) {
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  co_return std::move(response);
}

std::string shown(const kit::resilience::LoadReading& reading) {
  return "overloaded " + std::to_string(reading.overloaded) + " cpu " +
         std::to_string(reading.cpu) + " queue_delay_us " +
         std::to_string(reading.queue_delay.count()) + " request_cpu_us " +
         std::to_string(reading.request_cpu.count()) + " limit " + std::to_string(reading.limit) +
         " best_rate " + std::to_string(reading.best_rate) + " refused " +
         std::to_string(reading.refused[1]) + "\n";
}

Task<> serve(const kit::http::Router* router, int port, kit::MiddlewareBundle* bundle) {
  kit::http::ServerOptions options;
  options.limits.requests_per_connection = 1'000'000'000;
  options.limits.connections_per_peer = 10'000;
  bundle->protect(options, *router);
  kit::http::Server server(*router, options);
  kit::net::ListenOptions where;
  where.port = port;
  auto listener = co_await kit::net::listen_tcp(where, server);
  kit::TaskGroup background("background");
  background.spawn("load", bundle->watch());
  std::printf("ready\n");
  std::fflush(stdout);
  co_await kit::sleep_for(24h);
}

int run_server(int port, Clock::duration work, bool enabled) {
  auto bundle = kit::MiddlewareBundle::builder().with_load_shedding({.enabled = enabled}).build();
  if (!bundle) return 1;
  kit::http::Router router;
  const auto add = [&](std::string_view path, kit::http::Handler handler,
                       const kit::http::RouteOptions& route) {
    return router.add(kit::http::Method::get, path, std::move(handler), route).ok();
  };
  kit::http::RouteOptions probe;
  probe.is_public = true;
  probe.priority = kit::http::Priority::critical;
  const auto& shedder = bundle->shedder();
  const bool added =
      add("/work",
          [work](Request&) {
            burn(work);
            return text("done\n");
          },
          {}) &&
      add(
          "/healthz", [](Request&) { return text("alive\n"); }, probe) &&
      add(
          "/shedder", [&shedder](Request&) { return text(shown(shedder.read(Clock::now()))); },
          probe);
  if (!added) return 1;
  auto loop = kit::make_epoll_loop();
  if (!loop) return 1;
  const auto ended = kit::run(**loop, serve(&router, port, &*bundle));
  if (!ended) std::fprintf(stderr, "%s\n", ended.error().describe().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: server PORT WORK_US [--without]\n", stderr);
    return 2;
  }
  const bool without = argc > 3 && std::string_view(argv[3]) == "--without";
  return run_server(std::atoi(argv[1]), std::chrono::microseconds(std::atoi(argv[2])), !without);
}
