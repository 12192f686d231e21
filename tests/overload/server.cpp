// SPDX-License-Identifier: Apache-2.0
// A server on one loop whose requests cost CPU, with a load shedder before its handlers.
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
#include "kit/net/listen.hpp"
#include "kit/resilience/cpu_meter.hpp"
#include "kit/resilience/load_shedder.hpp"

namespace {

using namespace std::chrono_literals;
using kit::Clock;
using kit::Task;
using kit::http::Request;
using kit::http::Response;
using kit::resilience::LoadShedder;
using kit::resilience::Priority;

/// What the server's guard and observer are until the server has a place of its own for a shedder.
class Shedding final : public kit::http::RequestGuard, public kit::http::RequestObserver {
 public:
  explicit Shedding(LoadShedder& shedder) : shedder_(shedder) {}

  std::optional<kit::Error> refuse(const Request& request) const override {
    const Priority priority = request.path == "/work" ? Priority::normal : Priority::critical;
    if (shedder_.admit(priority, Clock::now(), kit::resilience::waited_in_turn())) {
      return std::nullopt;
    }
    return shedder_.refusal();
  }
  void on_finished(const Finished& finished) override {
    if (finished.error != nullptr && finished.error->reason() == "OVERLOADED") return;
    // Garbage never came to the guard; this server's clients send none.
    shedder_.finish(Clock::now(), finished.duration);
  }

 private:
  LoadShedder& shedder_;
};

Task<> tell_cpu(LoadShedder* shedder) {
  kit::resilience::CpuMeter meter;
  while (true) {
    co_await kit::sleep_for(100ms);
    const auto use = meter.read(Clock::now());
    shedder->add_cpu(use.used, use.possible, Clock::now());
  }
}

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

Task<> serve(const kit::http::Router* router, int port, Shedding* shedding, LoadShedder* shedder) {
  kit::http::ServerOptions options;
  options.limits.requests_per_connection = 1'000'000'000;
  options.limits.connections_per_peer = 10'000;
  options.guard = shedding;
  options.observer = shedding;
  kit::http::Server server(*router, options);
  kit::net::ListenOptions where;
  where.port = port;
  auto listener = co_await kit::net::listen_tcp(where, server);
  kit::TaskGroup background("background");
  background.spawn("cpu", tell_cpu(shedder));
  std::printf("ready\n");
  std::fflush(stdout);
  co_await kit::sleep_for(24h);
}

int run_server(int port, Clock::duration work, bool enabled) {
  LoadShedder shedder({.enabled = enabled});
  Shedding shedding(shedder);
  kit::http::Router router;
  const auto add = [&](std::string_view path, kit::http::Handler handler) {
    return router.add(kit::http::Method::get, path, std::move(handler)).ok();
  };
  const bool added =
      add("/work",
          [work](Request&) {
            burn(work);
            return text("done\n");
          }) &&
      add("/healthz", [](Request&) { return text("alive\n"); }) &&
      add("/shedder", [&shedder](Request&) { return text(shown(shedder.read(Clock::now()))); });
  if (!added) return 1;
  auto loop = kit::make_epoll_loop();
  if (!loop) return 1;
  const auto ended = kit::run(**loop, serve(&router, port, &shedding, &shedder));
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
