// SPDX-License-Identifier: Apache-2.0
// The HTTP client beside an upstream that is in trouble, on real sockets and a real clock. Prints
// one line of JSON.
//
//   clients dead SECONDS OPEN_MS     # the upstream is gone for so long, and comes back
//   clients storm SECONDS            # it answers 503 and asks to come back at once
//   clients storm SECONDS --without  # the same with a client that obeys and has no budget
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/http/client/client.hpp"
#include "kit/http/client/statistics.hpp"
#include "kit/http/server.hpp"
#include "kit/net/connect.hpp"
#include "kit/net/listen.hpp"
#include "kit/resilience/dependency.hpp"

namespace {

using namespace std::chrono_literals;
using kit::Clock;
using kit::Task;
using kit::http::Client;
using kit::http::ClientOptions;
using kit::http::Request;
using kit::http::Response;

constexpr auto between = 10ms;  // requests, whatever became of the one before

struct Upstream {
  explicit Upstream(kit::http::Handler handler) {
    ok = router.add(kit::http::Method::get, "/", std::move(handler)).ok();
  }
  kit::Result<> listen() {
    kit::http::ServerOptions options;
    options.limits.requests_per_connection = 1'000'000'000;
    server.emplace(router, options);
    kit::net::ListenOptions where;
    where.port = port;
    auto made = kit::net::listen_tcp(where, *server);
    if (!made) return std::move(made).error();
    listener = std::move(*made);
    port = listener->port();
    return {};
  }
  /// As when its process dies.
  void die() {
    listener.reset();
    server.reset();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port) + "/"; }

  kit::http::Router router;
  std::optional<kit::http::Server> server;
  std::unique_ptr<kit::net::Listener> listener;
  int port = 0;
  bool ok = false;
};

double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Task<> call(Client* client, std::string url, std::uint64_t* answered) {
  Task<Response> getting = client->get(std::move(url));
  const kit::Result<Response> response = co_await as_result(std::move(getting));
  if (response.ok() && response->status == 200) ++*answered;
}

Task<Response> answer_ok(std::uint64_t* reached) {
  ++*reached;
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = "ok";
  co_return std::move(response);
}

Task<Response> answer_busy(std::uint64_t* reached) {
  ++*reached;
  Response response;
  response.status = 503;
  response.headers.emplace_back("Retry-After", "0");
  co_return std::move(response);
}

/// Calls for a time, one each `between`; how long until the breaker was in `state`, or less than 0.
Task<double> call_for(Client* client, Upstream* upstream, Clock::duration time,
                      kit::resilience::Breaker* breaker, kit::resilience::BreakerState state,
                      std::uint64_t* answered) {
  kit::TaskGroup group("calls");
  const auto began = Clock::now();
  double reached = -1;
  while (Clock::now() < began + time) {
    group.spawn("call", call(client, upstream->url(), answered));
    co_await kit::sleep_for(between);
    if (reached < 0 && breaker->state() == state) reached = seconds(Clock::now() - began);
  }
  Task<> joined = group.join();
  co_await std::move(joined);
  co_return reached;
}

Task<> dead(Clock::duration time, std::chrono::milliseconds open_time) {
  std::uint64_t reached = 0;
  std::uint64_t answered = 0;
  Upstream upstream([&reached](Request&) { return answer_ok(&reached); });
  co_await upstream.listen();
  kit::net::Resolver resolver;
  const auto connector = kit::net::make_connector(resolver, nullptr);
  ClientOptions options;
  kit::resilience::DependencyOptions guard;
  guard.breaker.open_time = open_time;
  options.breakers = std::make_shared<kit::resilience::Breakers>(guard);
  const auto breakers = options.breakers;
  Client client(*connector, std::move(options));
  std::string origin = upstream.url();
  origin.pop_back();
  kit::resilience::Breaker& breaker = breakers->at("http", origin)->breaker();
  using State = kit::resilience::BreakerState;
  Task<double> healthy = call_for(&client, &upstream, 1s, &breaker, State::open, &answered);
  const double opened_healthy = co_await std::move(healthy);
  const std::uint64_t answered_before = answered;
  upstream.die();
  Task<double> dying = call_for(&client, &upstream, time, &breaker, State::open, &answered);
  const double opened = co_await std::move(dying);
  const auto tries = breaker.read(Clock::now()).failures;
  co_await upstream.listen();
  Task<double> healing =
      call_for(&client, &upstream, 2 * open_time + 1s, &breaker, State::closed, &answered);
  const double closed = co_await std::move(healing);
  std::printf(
      "{\"opened_while_healthy\": %s, \"answered_before\": %llu, \"opened_s\": %.3f, "
      "\"tries_while_dead\": %llu, \"closed_s\": %.3f, \"answered_after\": %llu}\n",
      opened_healthy >= 0 ? "true" : "false", static_cast<unsigned long long>(answered_before),
      opened, static_cast<unsigned long long>(tries), closed,
      static_cast<unsigned long long>(answered - answered_before));
}

Task<> storm(Clock::duration time, bool without) {
  std::uint64_t reached = 0;
  std::uint64_t answered = 0;
  Upstream upstream([&reached](Request&) { return answer_busy(&reached); });
  co_await upstream.listen();
  kit::net::Resolver resolver;
  const auto connector = kit::net::make_connector(resolver, nullptr);
  ClientOptions options;
  // The budget alone has to do; with its breaker hardly anything would be sent.
  options.breaker.enabled = false;
  if (without) options.retry.tokens = 1e9;
  Client client(*connector, std::move(options));
  kit::TaskGroup group("calls");
  std::uint64_t requests = 0;
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
    ++requests;
    group.spawn("call", call(&client, upstream.url(), &answered));
    co_await kit::sleep_for(between);
  }
  Task<> joined = group.join();
  co_await std::move(joined);
  std::printf("{\"requests\": %llu, \"tries\": %llu}\n", static_cast<unsigned long long>(requests),
              static_cast<unsigned long long>(reached));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 2 ? argv[1] : "";
  if (what != "storm" && (what != "dead" || argc < 4)) {
    std::fputs("usage: clients dead SECONDS OPEN_MS | storm SECONDS [--without]\n", stderr);
    return 2;
  }
  const auto time = std::chrono::milliseconds(static_cast<long>(std::atof(argv[2]) * 1'000));
  auto loop = kit::make_epoll_loop();
  if (!loop) return 1;
  const bool without = argc > 3 && std::string_view(argv[3]) == "--without";
  const auto ended =
      what == "storm" ? kit::run(**loop, storm(time, without))
                      : kit::run(**loop, dead(time, std::chrono::milliseconds(std::atoi(argv[3]))));
  if (ended) return 0;
  std::fprintf(stderr, "%s\n", ended.error().describe().c_str());
  return 1;
}
