// SPDX-License-Identifier: Apache-2.0
// The HTTP server alone: one loop, one route that answers a fixed body. What `make bench` calls the
// bare route.
//
//   bare_server PORT
#include <cstdio>
#include <cstdlib>

#include "kit/async/epoll_loop.hpp"
#include "kit/http/server.hpp"
#include "kit/net/stream.hpp"

namespace {

constexpr std::string_view body =
    R"({"id":42,"name":"user-42","email":"user-42@example.com","status":"active"})";

kit::Task<kit::http::Response> answer(kit::http::Request&) {
  kit::http::Response response;
  response.content_type = "application/json";
  response.static_body = body;
  co_return response;
}

int serve(int port) {
  auto loop = kit::make_epoll_loop();
  if (!loop) return std::fprintf(stderr, "%s\n", loop.error().message().c_str()), 1;
  kit::http::Router router;
  if (auto added = router.add(kit::http::Method::get, "/", answer); !added) return 1;
  kit::http::Server::Options options;
  options.limits.requests_per_connection =
      1'000'000'000;  // the load generator keeps its connections for a whole run
  kit::http::Server server(router, options);
  std::unique_ptr<kit::net::Listener> listener;
  kit::Function<void()> begin = [&] {
    kit::net::ListenOptions where;
    where.port = port;
    auto made = kit::net::listen_tcp(where, server);
    if (!made) {
      std::fprintf(stderr, "%s\n", made.error().message().c_str());
      std::exit(1);
    }
    listener = std::move(*made);
  };
  (*loop)->post(std::move(begin));
  (*loop)->run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return serve(argc > 1 ? std::atoi(argv[1]) : 18081);
}
