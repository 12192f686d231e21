// SPDX-License-Identifier: Apache-2.0
// What docs/guide/http.md shows of the client.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/http/client/client.hpp"
#include "kit/http/client/statistics.hpp"
#include "kit/http/server.hpp"
#include "kit/net/connect.hpp"
#include "kit/testing/memory_network.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

// snippet: upstream
/// Asks the stock service; who answers in fact is the business of whoever makes this.
class Stock {
 public:
  explicit Stock(Handler upstream) : upstream_(std::move(upstream)) {}

  Task<int> count(std::int64_t track) const {
    const std::string target = "/api/v1/stock/" + std::to_string(track);
    Request request;
    request.target = target;
    const Response response = co_await upstream_(request);
    if (response.status == 404) co_return 0;
    if (response.status != 200) co_return Error(Code::unavailable, "the stock is closed");
    co_return std::stoi(response.body);
  }

 private:
  Handler upstream_;
};
// end snippet: upstream

// snippet: upstream-tests
TEST(HttpClientGuide, ALambdaAnswers) {
  testing::VirtualLoop loop;
  Stock stock([](Request& request) {
    Response response;
    response.body = request.target == "/api/v1/stock/7" ? "42" : "0";
    return answered(std::move(response));
  });
  EXPECT_EQ(*run(loop, stock.count(7)), 42);
}

TEST(HttpClientGuide, TheRoutesOfTheOtherServiceAnswer) {
  testing::VirtualLoop loop;
  Router router;  // of the stock service itself, without a server
  ASSERT_TRUE(router
                  .add(Method::get, "/api/v1/stock/{track:int64}",
                       [](Request&) {
                         Response response;
                         response.body = "3";
                         return answered(std::move(response));
                       })
                  .ok());
  Stock stock(serve_locally(router));
  EXPECT_EQ(*run(loop, stock.count(7)), 3);
}
// end snippet: upstream-tests

// snippet: client
Task<std::string> talk(std::string origin) {
  net::Resolver resolver;  // these three live as long as the loop: one of each per thread
  const auto connector = net::make_connector(resolver, nullptr);
  Client client(*connector);

  Task<Response> asking = client.get(origin + "/api/v1/stock/7");
  const Response found = co_await std::move(asking);

  ClientRequest move;
  move.method = Method::post;
  move.url = origin + "/api/v1/moves";
  move.headers = {{"Content-Type", "application/json"}, {"Idempotency-Key", "a1b2"}};
  move.body = R"({"track": 7, "count": -1})";
  SendOptions once_is_enough;
  once_is_enough.idempotent = true;  // the server knows the key: may be tried again like a GET
  const Response moved = co_await client.send(std::move(move), once_is_enough);

  Result<Handler> upstream = client.handler(origin);
  const Stock stock(co_await std::move(upstream));
  const int left = co_await stock.count(7);
  co_return found.body + " " + std::to_string(moved.status) + " " + std::to_string(left);
}
// end snippet: client

Result<> add_stock(Router& router) {
  RouteOptions json;
  json.consumes = {"application/json"};
  KIT_TRY(router.add(
      Method::post, "/api/v1/moves",
      [](Request&) {
        Response response;
        response.status = 201;
        return answered(std::move(response));
      },
      json));
  return router.add(Method::get, "/api/v1/stock/{track:int64}", [](Request&) {
    Response response;
    response.body = "5";
    return answered(std::move(response));
  });
}

Task<std::string> talk_over_sockets(const Router& router) {
  Server server(router, {});
  net::ListenOptions listen;
  const auto listener = co_await net::listen_tcp(listen, server);
  const std::string said = co_await talk("http://127.0.0.1:" + std::to_string(listener->port()));
  co_return said;
}

TEST(HttpClientGuide, TalksOverSockets) {
  Router router;
  ASSERT_TRUE(add_stock(router).ok());
  auto loop = std::move(*make_epoll_loop());
  EXPECT_EQ(*run(*loop, talk_over_sockets(router)), "5 201 5");
}

// snippet: memory-connector
/// Connects in memory to a server of the test, whatever name is asked for.
class MemoryConnector final : public net::Connector {
 public:
  MemoryConnector(testing::VirtualLoop& loop, Server& server) : loop_(loop), server_(server) {}
  Task<std::unique_ptr<net::Stream>> connect(net::Endpoint) override {
    testing::MemoryPair ends = testing::make_memory_pair(loop_);
    server_.on_accept(std::move(ends.first));
    co_return std::move(ends.second);
  }

 private:
  testing::VirtualLoop& loop_;
  Server& server_;
};
// end snippet: memory-connector

// snippet: download
Task<std::size_t> download(Client* client, std::string url) {
  SendOptions options;
  options.stream = true;  // ends with the head; the body comes as it is read
  options.redirects = 3;  // without it a redirect is the answer
  const Response response = co_await client->get(std::move(url), options);
  if (response.status != 200) co_return Error(Code::unavailable, "there is no such file");
  std::size_t bytes = 0;
  while (true) {
    const std::string_view piece = co_await response.stream->read();
    if (piece.empty()) co_return bytes;
    bytes += piece.size();  // who reads slowly slows the server down
  }
}
// end snippet: download

TEST(HttpClientGuide, Downloads) {
  testing::VirtualLoop loop;
  Router router;
  ASSERT_TRUE(router
                  .add(Method::get, "/old",
                       [](Request&) {
                         Response response;
                         response.status = 302;
                         response.headers.emplace_back("Location", "/new");
                         return answered(std::move(response));
                       })
                  .ok());
  ASSERT_TRUE(router
                  .add(Method::get, "/new",
                       [](Request&) {
                         Response response;
                         response.body = std::string(100'000, 'x');
                         return answered(std::move(response));
                       })
                  .ok());
  Server server(router, {});
  MemoryConnector connector(loop, server);
  Client client(connector);
  EXPECT_EQ(*run(loop, download(&client, "http://files/old")), 100'000U);
  EXPECT_EQ(client.statistics()->total().opened, 1U);
  client.close_idle();
  loop.advance(1s);
}

// snippet: client-deadline
Task<Response> ask_in_time(Client* client) {
  Task<Response> asking = client->get("http://stock/slow");
  co_return co_await with_deadline(2s, std::move(asking));
}
// end snippet: client-deadline

Task<Response> answer_late(Request&) {
  co_await sleep_for(1min);
  co_return Response{};
}

TEST(HttpClientGuide, KeepsDeadlines) {
  testing::VirtualLoop loop;
  Router router;
  std::string told;
  Handler slow = [&told](Request& request) {
    told = request.header("Request-Timeout-Ms").value_or("nothing");
    return answer_late(request);
  };
  ASSERT_TRUE(router.add(Method::get, "/slow", std::move(slow)).ok());
  Server server(router, {});
  MemoryConnector connector(loop, server);
  Client client(connector);
  const Result<Response> late = run(loop, ask_in_time(&client));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), Code::deadline_exceeded);
  EXPECT_EQ(told, "2000");
  client.close_idle();
  loop.advance(1min);
}

// snippet: client-options
ClientOptions for_the_outside() {
  ClientOptions options;
  options.proxy.url = "http://proxy.example:3128";  // never from the environment
  options.retry.attempts = 0;
  options.pool.per_host = 20;  // others wait in line
  options.body_bytes = 1024 * 1024;
  options.timeout = 10s;
  return options;
}
// end snippet: client-options

TEST(HttpClientGuide, GoesThroughAProxy) {
  testing::VirtualLoop loop;
  Router router;
  ASSERT_TRUE(router
                  .add(Method::get, "/x",
                       [](Request& request) {
                         Response response;
                         response.body = request.target;
                         return answered(std::move(response));
                       })
                  .ok());
  Server server(router, {});
  MemoryConnector connector(loop, server);
  Client client(connector, for_the_outside());
  EXPECT_EQ((*run(loop, client.get("http://far.example/x"))).body, "http://far.example/x");
  client.close_idle();
  loop.advance(1s);
}

}  // namespace
}  // namespace kit::http
