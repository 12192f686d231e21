// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/client.hpp"

#include <array>
#include <chrono>

#include "kit/http/client/client_test_support.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

Task<Response> echo(Request& request) {
  Response response;
  response.content_type = "text/plain";
  response.body = std::string(request.method_name) + " " + std::string(request.path) + "?" +
                  std::string(request.query) + " " + std::string(request.body);
  for (const Header& header : request.headers) {
    response.body += "\n" + std::string(header.name) + ": " + std::string(header.value);
  }
  co_return response;
}

RouteOptions takes_text() {
  RouteOptions route;
  route.consumes = {"text/plain"};
  route.max_body_bytes = 8 * 1024 * 1024;
  return route;
}

class ClientCallTest : public ClientTest {
 protected:
  void SetUp() override {
    add(Method::get, "/echo/{x}", echo);
    add(Method::post, "/echo", echo, takes_text());
    add(Method::get, "/fails", [](Request&) -> Task<Response> {
      co_return Error(Code::not_found, "no such thing").with_reason("THING_MISSING");
    });
    add(Method::get, "/big", [](Request&) -> Task<Response> {
      Response response;
      response.body = std::string(30'000, 'b');
      co_return response;
    });
    add(Method::get, "/slow", [](Request&) -> Task<Response> {
      co_await sleep_for(3s);
      co_return Response{};
    });
  }
};

TEST_F(ClientCallTest, TalksToAServer) {
  serve();
  auto call = get("http://stock:8080/echo/7?q=1");
  ASSERT_TRUE(call.done());
  EXPECT_EQ(call.value().status, 200);
  EXPECT_EQ(header(call.value(), "Content-Type"), "text/plain");
  EXPECT_TRUE(call.value().body.starts_with("GET /echo/7?q=1 \nHost: stock:8080\n"))
      << call.value().body;
  EXPECT_EQ(header(call.value(), "connection"), std::nullopt);
  ASSERT_EQ(connector.endpoints.size(), 1U);
  EXPECT_EQ(connector.endpoints[0].host, "stock");
  EXPECT_EQ(connector.endpoints[0].port, 8080);
  EXPECT_FALSE(connector.endpoints[0].tls);
}

TEST_F(ClientCallTest, TakesTheWorstPackets) {
  connector.network.one_byte = true;
  serve();
  ClientRequest request;
  request.method = Method::post;
  request.url = "http://a/echo";
  request.headers = {{"Content-Type", "text/plain"}};
  request.body = "some text";
  auto call = begin(client().send(std::move(request)));
  EXPECT_TRUE(call.value().body.starts_with("POST /echo? some text\n")) << call.value().body;
  auto big = get("http://a/big");
  EXPECT_EQ(big.value().body, std::string(30'000, 'b'));
  EXPECT_EQ(numbers().opened, 1U);
  EXPECT_EQ(numbers().reused, 1U);
}

TEST_F(ClientCallTest, SendsLargeBodies) {
  serve();
  ClientRequest request;
  request.method = Method::post;
  request.url = "http://a/echo";
  request.headers = {{"Content-Type", "text/plain"}};
  request.body = std::string(1'000'000, 'p');
  auto call = begin(client().send(std::move(request)));
  EXPECT_EQ(call.value().status, 200);
  EXPECT_GT(call.value().body.size(), 1'000'000U);
  EXPECT_EQ(numbers().idle, 1);
}

TEST_F(ClientCallTest, EveryStatusIsAnAnswer) {
  serve();
  auto call = get("http://a/fails");
  EXPECT_EQ(call.value().status, 404);
  EXPECT_TRUE(contains(call.value().body, "THING_MISSING"));
}

TEST_F(ClientCallTest, ChecksWhatTheCallerGives) {
  auto error = [&](ClientRequest request) {
    return begin(client().send(std::move(request))).error();
  };
  auto with_header = [](std::string name, std::string value) {
    ClientRequest request;
    request.url = "http://a/";
    request.headers.emplace_back(std::move(name), std::move(value));
    return request;
  };
  EXPECT_EQ(get("ftp://a/").error(), "INVALID_ARGUMENT URL_INVALID");
  EXPECT_EQ(error(with_header("X", "a\r\nY: b")), "INVALID_ARGUMENT ");
  EXPECT_EQ(error(with_header("X", "a\nb")), "INVALID_ARGUMENT ");
  EXPECT_EQ(error(with_header("X", std::string("a\0b", 3))), "INVALID_ARGUMENT ");
  EXPECT_EQ(error(with_header("X\r\nY", "a")), "INVALID_ARGUMENT ");
  EXPECT_EQ(error(with_header("", "a")), "INVALID_ARGUMENT ");
  for (const char* name : {"Host", "content-length", "Transfer-Encoding", "CONNECTION", "TE",
                           "Upgrade", "Proxy-Authorization", "Request-Timeout-Ms", "Expect"}) {
    EXPECT_EQ(error(with_header(name, "1")), "INVALID_ARGUMENT ") << name;
  }
  ClientRequest two_bodies;
  two_bodies.url = "http://a/";
  two_bodies.body = "x";
  two_bodies.stream = stream_of("y");
  EXPECT_EQ(error(std::move(two_bodies)), "INVALID_ARGUMENT ");
  ClientRequest unknown;
  unknown.url = "http://a/";
  unknown.method = Method::other;
  EXPECT_EQ(error(std::move(unknown)), "INVALID_ARGUMENT ");
  EXPECT_TRUE(connector.endpoints.empty());
}

TEST_F(ClientCallTest, IsAHandlerLikeAnyOther) {
  serve();
  auto handler = client().handler("http://stock:8080");
  ASSERT_TRUE(handler.ok());
  EXPECT_FALSE(client().handler("http://stock/x").ok());
  EXPECT_FALSE(client().handler("stock").ok());

  const std::array<Header, 5> headers = {Header{"X-Mine", "1"}, Header{"Host", "evil"},
                                         Header{"Connection", "close, X-Hop"}, Header{"X-Hop", "2"},
                                         Header{"Content-Length", "99"}};
  Request request;
  request.method = Method::get;
  request.method_name = "GET";
  request.target = "/echo/7?q=1";
  request.headers = headers;
  auto remote = begin((*handler)(request));
  EXPECT_EQ(remote.value().body,
            "GET /echo/7?q=1 \nHost: stock:8080\nX-Mine: 1\n"
            "Request-Timeout-Ms: 30000");
  const Handler local = serve_locally(router);
  auto here = begin(local(request));
  EXPECT_TRUE(here.value().body.starts_with("GET /echo/7?q=1 \nX-Mine: 1\n"));
  EXPECT_EQ(header(here.value(), "content-type"), header(remote.value(), "content-type"));

  request.target = "http://stock:8080/echo/8";
  auto absolute = begin(client().handler()(request));
  EXPECT_TRUE(absolute.value().body.starts_with("GET /echo/8? \nHost: stock:8080\n"));
  EXPECT_EQ(begin((*handler)(request)).error(), "INVALID_ARGUMENT ");
  request.method = Method::other;
  request.method_name = "CONNECT";
  EXPECT_EQ(begin(client().send(request)).error(), "INVALID_ARGUMENT ");
}

TEST_F(ClientCallTest, LocalServiceAnswersLikeAServer) {
  const Handler local = serve_locally(router);
  auto call = [&](Method method, std::string_view target, std::string_view body = {}) {
    Request request;
    request.method = method;
    request.method_name = name(method);
    request.target = target;
    request.body = body;
    auto running = begin(local(request));
    return std::move(running.value());
  };
  EXPECT_EQ(call(Method::get, "/nothing").status, 404);
  const Response refused = call(Method::put, "/echo");
  EXPECT_EQ(refused.status, 405);
  EXPECT_TRUE(contains(header(refused, "Allow").value_or(""), "POST"));
  const Response failed = call(Method::get, "/fails");
  EXPECT_EQ(failed.status, 404);
  EXPECT_TRUE(contains(failed.body, "THING_MISSING"));
  EXPECT_EQ(call(Method::post, "/echo", "text").body, "POST /echo? text");
  EXPECT_EQ(call(Method::get, "http://x/echo/a%20b").body, "GET /echo/a b? ");
  EXPECT_EQ(call(Method::head, "/echo/1").body, "");
}

TEST_F(ClientCallTest, LocalServiceGivesBodiesAsTheyAreAskedFor) {
  RouteOptions streams = takes_text();
  streams.streams_body = true;
  add(
      Method::post, "/count",
      [](Request& request) -> Task<Response> {
        std::string all = co_await read_all(*request.stream, 100);
        Response response;
        response.stream = stream_of(std::to_string(all.size()));
        co_return response;
      },
      streams);
  auto call = [&](std::string_view target, std::string_view body, BodyReader* stream,
                  SendOptions send) {
    const Handler local = serve_locally(router, send);
    Request request;
    request.method = Method::post;
    request.method_name = "POST";
    request.target = target;
    request.body = body;
    request.stream = stream;
    auto running = begin(local(request));
    return std::move(running.value());
  };
  EXPECT_EQ(call("/count", "12345", nullptr, {}).body, "5");
  auto body = stream_of("123");
  EXPECT_EQ(call("/echo", {}, body.get(), {}).body, "POST /echo? 123");
  auto response = call("/echo", "x", nullptr, {.stream = true});
  ASSERT_NE(response.stream, nullptr);
  Running<std::string> all(loop, read_all(*response.stream, 100));
  EXPECT_EQ(all.value(), "POST /echo? x");
}

TEST_F(ClientCallTest, TellsTheServerHowMuchTimeIsLeft) {
  serve();
  auto own = get("http://a/echo/1");
  EXPECT_TRUE(contains(own.value().body, "Request-Timeout-Ms: 30000"));
  auto inherited = begin(client().get("http://a/echo/1"), 1500ms);
  EXPECT_TRUE(contains(inherited.value().body, "Request-Timeout-Ms: 1500"));
  auto shorter = get("http://a/echo/1", {.timeout = 20ms});
  EXPECT_TRUE(contains(shorter.value().body, "Request-Timeout-Ms: 20"));
}

TEST_F(ClientCallTest, SaysNothingOfTimeWithoutADeadline) {
  options.timeout = 0ms;
  serve();
  auto call = get("http://a/echo/1");
  EXPECT_FALSE(contains(call.value().body, "Request-Timeout-Ms"));
}

TEST_F(ClientCallTest, PassesIdsOn) {
  serve();
  LogContext log;
  std::string_view("0123456789abcdef0123456789abcdef").copy(log.trace_id.data(), 32);
  std::string_view("fedcba9876543210").copy(log.span_id.data(), 16);
  log.request_id = "r-1";
  auto call = [&](std::string url, std::vector<std::pair<std::string, std::string>> headers) {
    auto task = [](Client& to, const LogContext& context, ClientRequest request) -> Task<Response> {
      Context own;
      own.set_log_context(&context);
      Context::Scope scope(own);
      auto sending = to.send(std::move(request));
      co_return co_await std::move(sending);
    };
    ClientRequest request;
    request.url = std::move(url);
    request.headers = std::move(headers);
    auto running = begin(task(client(), log, std::move(request)));
    return running.value().body;
  };
  const std::string body = call("http://a/echo/1", {});
  EXPECT_TRUE(contains(body, "X-Request-Id: r-1"));
  EXPECT_TRUE(
      contains(body, "traceparent: 00-0123456789abcdef0123456789abcdef-fedcba9876543210-00"));
  const std::string own = call("http://a/echo/1", {{"x-request-id", "mine"}, {"Traceparent", "t"}});
  EXPECT_TRUE(contains(own, "x-request-id: mine"));
  EXPECT_FALSE(contains(own, "r-1"));
  EXPECT_FALSE(contains(own, "00-0123"));
}

TEST_F(ClientTest, NeverWritesAFieldThatTheLogCannotHold) {
  LogContext log;
  log.request_id = "x\r\nAuthorization: y";
  auto call = begin([](Client& client, LogContext& context) -> Task<Response> {
    Context own;
    own.set_log_context(&context);
    Context::Scope scope(own);
    auto response = co_await as_result(client.get("http://a/"));
    scope.leave();
    co_return std::move(response);
  }(client(), log));
  EXPECT_EQ(peer().take(), "GET / HTTP/1.1\r\nHost: a\r\nRequest-Timeout-Ms: 30000\r\n\r\n");
}

TEST_F(ClientTest, RefusesSecretsOfAProxyThatWouldAddAField) {
  options.proxy.url = "http://proxy:3128";
  options.proxy.authorization = Secret<std::string>("Basic eA==\r\nX: hush");
  auto call = get("http://a/");
  EXPECT_EQ(call.error(), "INVALID_ARGUMENT PROXY_AUTHORIZATION_INVALID");
  EXPECT_FALSE(contains(call.result().error().describe(), "hush"));
  EXPECT_TRUE(connector.endpoints.empty());
}

TEST_F(ClientCallTest, KeepsTheCallersDeadline) {
  serve();
  auto call = begin(client().get("http://a/slow"), 1s);
  EXPECT_FALSE(call.done());
  loop.advance(999ms);
  EXPECT_FALSE(call.done());
  loop.advance(1ms);
  EXPECT_EQ(call.error(), "DEADLINE_EXCEEDED ");
  EXPECT_EQ(numbers().idle + numbers().busy, 0);
}

TEST_F(ClientCallTest, ClosesTheConnectionOfACancelledRequest) {
  serve();
  auto call = get("http://a/slow");
  EXPECT_EQ(numbers().busy, 1);
  call.cancel();
  EXPECT_EQ(call.error(), "CANCELLED ");
  EXPECT_EQ(numbers().busy, 0);
  EXPECT_EQ(numbers().idle, 0);
  loop.advance(0ms);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ClientTest, LimitsEachStep) {
  options.timeout = 0ms;
  options.retry.attempts = 0;
  connector.delay = 3s;
  auto slow_connect = get("http://a/");
  loop.advance(1999ms);
  EXPECT_FALSE(slow_connect.done());
  loop.advance(1ms);
  EXPECT_EQ(slow_connect.error(), "UNAVAILABLE CONNECT_TIMEOUT");

  connector.delay = 8s;
  auto slow_handshake = get("https://a/");
  loop.advance(6999ms);
  EXPECT_FALSE(slow_handshake.done());
  loop.advance(1ms);
  EXPECT_EQ(slow_handshake.error(), "UNAVAILABLE CONNECT_TIMEOUT");

  connector.delay = 0s;
  auto silent = get("http://a/");
  loop.advance(9999ms);
  EXPECT_FALSE(silent.done());
  loop.advance(1ms);
  EXPECT_EQ(silent.error(), "DEADLINE_EXCEEDED RESPONSE_TIMEOUT");

  auto stuck = get("http://a/");
  answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na", 1);
  loop.advance(29999ms);
  answer("b", 1);
  loop.advance(29999ms);
  EXPECT_FALSE(stuck.done());
  loop.advance(1ms);
  EXPECT_EQ(stuck.error(), "DEADLINE_EXCEEDED RESPONSE_TIMEOUT");
  EXPECT_EQ(numbers().idle + numbers().busy, 0);
}

TEST_F(ClientTest, LimitsTheHeadAsAWhole) {
  options.retry.attempts = 0;
  options.timeout = 0ms;
  const std::string_view head = "HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 200 OK\r\n";
  auto call = get("http://a/");
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_FALSE(call.done());
    peer().send(head.substr(i, 1));
    loop.advance(i < 9 ? 1s : 999ms);
  }
  EXPECT_FALSE(call.done());
  loop.advance(1ms);
  EXPECT_EQ(call.error(), "DEADLINE_EXCEEDED RESPONSE_TIMEOUT");
}

TEST_F(ClientTest, HasATotalLimit) {
  auto call = get("http://a/", {.timeout = 5s});
  answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na");
  loop.advance(4999ms);
  EXPECT_FALSE(call.done());
  loop.advance(1ms);
  EXPECT_EQ(call.error(), "DEADLINE_EXCEEDED ");
  EXPECT_TRUE(peer().closed());
}

TEST_F(ClientTest, LimitsBodies) {
  options.body_bytes = 5;
  auto fits = get("http://a/");
  answer(ok_hello);
  EXPECT_EQ(fits.value().body, "hello");
  auto stated = get("http://a/");
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n");
  EXPECT_EQ(stated.error(), "RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE");
  auto chunked = get("http://a/");
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n", 1);
  EXPECT_EQ(chunked.error(), "RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE");
  auto until_close = get("http://a/");
  answer("HTTP/1.1 200 OK\r\n\r\nabcdef", 2);
  EXPECT_EQ(until_close.error(), "RESOURCE_EXHAUSTED RESPONSE_TOO_LARGE");
  auto more = get("http://a/", {.body_bytes = 6});
  answer("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabcdef", 3);
  EXPECT_EQ(more.value().body, "abcdef");
  auto exactly = get("http://a/");
  answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", 3);
  EXPECT_EQ(exactly.value().body, "abcde");
}

TEST_F(ClientTest, ReadsEveryKindOfBody) {
  auto chunked = get("http://a/");
  answer(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: "
      "1\r\n\r\n");
  EXPECT_EQ(chunked.value().body, "abcde");
  EXPECT_EQ(header(chunked.value(), "transfer-encoding"), std::nullopt);
  EXPECT_EQ(numbers().idle, 1);
  auto interim = get("http://a/");
  answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n");
  EXPECT_EQ(interim.value().status, 204);
  EXPECT_EQ(numbers().idle, 1);
  auto until_close = get("http://a/");
  answer("HTTP/1.1 200 OK\r\n\r\nall");
  EXPECT_FALSE(until_close.done());
  peer().half_close();
  run();
  EXPECT_EQ(until_close.value().body, "all");
  EXPECT_EQ(numbers().idle, 0);
  EXPECT_EQ(connector.endpoints.size(), 1U);
}

TEST_F(ClientTest, NeverTrustsWhatIsNotPartOfTheAnswer) {
  auto call = get("http://a/");
  answer(std::string(ok_hello) + "HTTP/1.1 200 OK\r\n");
  EXPECT_EQ(call.value().body, "hello");
  EXPECT_EQ(numbers().idle, 0);
  auto malformed = get("http://a/");
  answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 1);
  EXPECT_EQ(malformed.error(), "UNAVAILABLE MALFORMED_RESPONSE");
  EXPECT_EQ(malformed.result().error().http_status(), 502);
  EXPECT_EQ(numbers().retries, 0U);
  EXPECT_EQ(numbers().failures, 1U);
}

TEST_F(ClientTest, AsksForNoCompression) {
  auto call = get("http://a/x?y");
  EXPECT_EQ(peer().take(), "GET /x?y HTTP/1.1\r\nHost: a\r\nRequest-Timeout-Ms: 30000\r\n\r\n");
  answer(ok_hello);
  auto empty = post("");
  EXPECT_EQ(peer().take(),
            "POST / HTTP/1.1\r\nHost: a\r\nRequest-Timeout-Ms: 30000\r\n"
            "Content-Length: 0\r\n\r\n");
  answer(ok_hello);
  EXPECT_EQ(empty.value().status, 200);
}

TEST_F(ClientTest, GoesThroughAProxy) {
  options.proxy.url = "http://proxy:3128";
  options.proxy.authorization = Secret<std::string>("Basic eA==");
  auto call = get("http://a:8080/x");
  ASSERT_EQ(connector.endpoints.size(), 1U);
  EXPECT_EQ(connector.endpoints[0].host, "proxy");
  EXPECT_EQ(connector.endpoints[0].port, 3128);
  EXPECT_TRUE(peer().take().starts_with(
      "GET http://a:8080/x HTTP/1.1\r\nHost: a:8080\r\nProxy-Authorization: Basic eA==\r\n"));
  answer(ok_hello);
  EXPECT_EQ(call.value().body, "hello");
  ASSERT_EQ(client().statistics()->hosts().size(), 1U);
  EXPECT_EQ(client().statistics()->hosts()[0].name, "http://a:8080 via http://proxy:3128");
  EXPECT_EQ(get("https://a/").error(), "FAILED_PRECONDITION PROXY_TLS_MISSING");
}

TEST_F(ClientTest, RefusesAMalformedProxy) {
  options.proxy.url = "proxy:3128";
  EXPECT_EQ(get("http://a/").error(), "INVALID_ARGUMENT URL_INVALID");
}

}  // namespace
}  // namespace kit::http
