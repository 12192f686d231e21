// SPDX-License-Identifier: Apache-2.0
// The client and a server on real sockets: loopback, epoll, one loop.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "kit/http/client/client.hpp"
#include "kit/http/client/statistics.hpp"
#include "kit/http/server.hpp"
#include "kit/net/connect.hpp"

namespace kit::http {
namespace {

Task<Response> length(Request& request) {
  Response response;
  response.body = std::to_string(request.body.size()) + std::string(1'000'000, 'x');
  co_return response;
}

Task<std::string> talk(const Router& router) {
  Server server(router, {});
  net::ListenOptions listen;
  auto listener = co_await net::listen_tcp(listen, server);
  const std::string origin = "http://127.0.0.1:" + std::to_string(listener->port());
  net::Resolver resolver;
  const auto connector = net::make_connector(resolver, nullptr);
  Client client(*connector, {});
  std::string seen;
  for (int i = 0; i < 3; ++i) {
    ClientRequest request;
    request.method = Method::post;
    request.url = origin + "/length";
    request.headers = {{"Content-Type", "text/plain"}};
    request.body = std::string(500'000, 'y');
    const Response response = co_await client.send(std::move(request));
    seen += std::to_string(response.status) + " " + std::to_string(response.body.size()) + ";";
  }
  // Closed by the server meanwhile: noticed before a byte is sent.
  server.close_after_answers();
  const Response last = co_await client.get(origin + "/length");
  const Response after = co_await client.get(origin + "/length");
  const ClientNumbers numbers = client.statistics()->total();
  co_return seen + std::to_string(last.status) + " " + std::to_string(after.status) + " opened " +
      std::to_string(numbers.opened) + " reused " + std::to_string(numbers.reused);
}

TEST(ClientOnSockets, TalksToAServer) {
  Router router;
  RouteOptions route;
  route.consumes = {"text/plain"};
  ASSERT_TRUE(router.add(Method::post, "/length", length, std::move(route)).ok());
  ASSERT_TRUE(router.add(Method::get, "/length", length).ok());
  auto loop = std::move(*make_epoll_loop());
  auto seen = run(*loop, talk(router));
  ASSERT_TRUE(seen.ok()) << seen.error().describe();
  EXPECT_EQ(*seen, "200 1000006;200 1000006;200 1000006;200 200 opened 2 reused 3");
}

}  // namespace
}  // namespace kit::http
