// SPDX-License-Identifier: Apache-2.0
#include "kit/http/server.hpp"

#include "kit/async/run.hpp"
#include "kit/http/server_test_support.hpp"
#include "kit/log/capture.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view get_root = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

std::string post(std::string_view path, std::string_view body, std::string_view extra = "") {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json; charset=utf-8\r\n" +
         std::string(extra) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

std::string get(std::string_view target, std::string_view extra = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n" + std::string(extra) + "\r\n";
}

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  auto client = connect();
  client->send(get_root);
  run();
  const std::string answer = client->take();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
  EXPECT_TRUE(has(answer, "\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-Request-Id: "));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhello"));
  EXPECT_FALSE(has(answer, "Connection"));
  EXPECT_FALSE(has(answer, "Server"));
  client->send(get_root);
  run();
  EXPECT_TRUE(client->take().ends_with("hello"));
  EXPECT_FALSE(client->closed());
  EXPECT_EQ(recorder.lines, (std::vector<std::string>{"GET / 200", "GET / 200"}));
  EXPECT_TRUE(recorder.has_log_context);
}

TEST_F(ServerTest, HandsTheRequestToTheHandler) {
  EXPECT_TRUE(
      exchange(get("/echo/a%2Fb?x=%20", "X-Test:  y \r\n"))
          .ends_with("GET /echo/a/b q=x=%20 body= peer=192.0.2.1 route=/echo/{id} p=a/b x=y"));
  EXPECT_TRUE(exchange(post("/echo", "{\"a\":1}"))
                  .ends_with("POST /echo q= body={\"a\":1} peer=192.0.2.1 route=/echo"));
}

TEST_F(ServerTest, ServesEveryCutOfARequestAlike) {
  const std::string request = post("/echo", "0123456789");
  for (std::size_t at = 1; at < request.size(); ++at) {
    auto client = connect();
    client->send(request.substr(0, at));
    run();
    EXPECT_EQ(client->received(), "");
    client->send(request.substr(at));
    run();
    EXPECT_TRUE(client->take().ends_with("body=0123456789 peer=192.0.2.1 route=/echo")) << at;
  }
}

TEST_F(ServerTest, ServesByteByByte) {
  const std::string answer =
      exchange(std::string(get_root) + post("/echo", "abc") + get("/slow"), 2s, {.one_byte = true});
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200 OK"), 3U);
  EXPECT_TRUE(answer.ends_with("slow /slow  a"));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  std::string requests;
  for (int i = 0; i < 20; ++i) {
    requests += i % 5 == 4 ? get("/slow?" + std::to_string(i)) : get("/echo/" + std::to_string(i));
  }
  const std::string answer = exchange(requests, 10s);
  std::size_t at = 0;
  for (int i = 0; i < 20; ++i) {
    at = answer.find(
        i % 5 == 4 ? "slow /slow?" + std::to_string(i) + " " : " p=" + std::to_string(i), at);
    ASSERT_NE(at, answer.npos) << i;
  }
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200 OK"), 20U);
}

TEST_F(ServerTest, ClosesWhenAsked) {
  const std::string answer =
      exchange(get("/", "Connection: close\r\n") + std::string(get_root), 3s);
  EXPECT_TRUE(has(answer, "Connection: close\r\n"));
  EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1U);
  EXPECT_TRUE(last_closed);
  EXPECT_EQ(server->connections(), 0U);
}

TEST_F(ServerTest, SpeaksHttp10) {
  EXPECT_TRUE(has(exchange("GET / HTTP/1.0\r\n\r\n"), "Connection: close\r\n"));
  EXPECT_TRUE(last_closed);
  EXPECT_TRUE(has(exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
                  "Connection: keep-alive\r\n"));
  EXPECT_FALSE(last_closed);
}

TEST_F(ServerTest, AnswersHeadWithoutBody) {
  const std::string answer = exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(has(answer, "Content-Length: 5\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, AnswersOptions) {
  std::string answer = exchange("OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 204 No Content\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Allow: GET, HEAD, OPTIONS\r\n"));
  EXPECT_FALSE(has(answer, "Content-Length"));
  answer = exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 204")) << answer;
  EXPECT_TRUE(exchange("OPTIONS /nothing HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 404"));
}

TEST_F(ServerTest, RefusesUnknownPathsAndMethods) {
  std::string answer = exchange(get("/nothing"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_TRUE(
      has(answer, R"("code":5,"message":"there is nothing at this path","status":"NOT_FOUND")"))
      << answer;
  EXPECT_FALSE(last_closed);
  answer = exchange("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
  EXPECT_TRUE(has(answer, "Allow: GET, HEAD, OPTIONS\r\n"));
  EXPECT_TRUE(exchange("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 405"));
  EXPECT_TRUE(exchange("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n").starts_with("HTTP/1.1 405"));
}

TEST_F(ServerTest, GoesOnAfterTheSmallBodyOfARefusedRequest) {
  const std::string answer = exchange(post("/nothing", "abc") + std::string(get_root));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(answer.ends_with("hello"));
  EXPECT_TRUE(
      exchange(post("/nothing", std::string(65 * 1024, 'a')), 3s).starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(last_closed);
}

TEST_F(ServerTest, RefusesMalformedRequestsAndCloses) {
  const std::string answer =
      exchange("GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n" + std::string(get_root), 3s);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(has(answer, "Connection: close\r\n"));
  EXPECT_TRUE(has(answer, "MALFORMED_REQUEST"));
  EXPECT_EQ(count_of(answer, "HTTP/1.1"), 1U);
  EXPECT_TRUE(last_closed);
  EXPECT_EQ(recorder.lines, std::vector<std::string>{"OTHER  400"});
  EXPECT_TRUE(exchange("GET / HTTP/2.0\r\n\r\n", 3s).starts_with("HTTP/1.1 505"));
  EXPECT_TRUE(exchange("GET /" + std::string(9000, 'a')).starts_with("HTTP/1.1 414"));
  EXPECT_TRUE(
      exchange(get("/", "X: " + std::string(17'000, 'a') + "\r\n")).starts_with("HTTP/1.1 431"));
}

TEST_F(ServerTest, HoldsTheBodyLimit) {
  EXPECT_TRUE(exchange(post("/small", "0123456789")).starts_with("HTTP/1.1 200"));
  const std::string headers_only = post("/small", "0123456789a");
  std::string answer = exchange(headers_only.substr(0, headers_only.size() - 11), 3s);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 Content Too Large\r\n")) << answer;
  EXPECT_TRUE(last_closed);
  const std::string whole(options.limits.body_bytes, 'x');
  EXPECT_TRUE(exchange(post("/echo", whole)).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(exchange(post("/echo", whole + "x"), 3s).starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(
      exchange(post("/large", std::string(8 * 1024 * 1024, 'x'))).ends_with("\r\n\r\n8388608"));
}

TEST_F(ServerTest, DecodesChunkedBodies) {
  const std::string head =
      "POST /small HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: "
      "chunked\r\n\r\n";
  EXPECT_TRUE(has(
      exchange(head + "5\r\nhello\r\n5;x\r\nworld\r\n0\r\nT: 1\r\n\r\n" + std::string(get_root)),
      "body=helloworld "));
  EXPECT_TRUE(
      exchange(head + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(exchange(head + "5\r\nhellox").starts_with("HTTP/1.1 400"));
  EXPECT_TRUE(exchange(head + "0\r\n\r\n").starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, ChecksTheMediaType) {
  auto with = [&](std::string_view type, std::string_view body) {
    return exchange("POST /echo HTTP/1.1\r\nHost: a\r\n" + std::string(type) + "Content-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  };
  EXPECT_TRUE(with("Content-Type: Application/JSON ; x=y\r\n", "1").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(with("Content-Type: text/html\r\n", "1").starts_with("HTTP/1.1 415"));
  EXPECT_TRUE(with("", "1").starts_with("HTTP/1.1 415"));
  EXPECT_TRUE(with("", "").starts_with("HTTP/1.1 200"));
  EXPECT_FALSE(last_closed);
  EXPECT_TRUE(exchange("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
                  .starts_with("HTTP/1.1 415"));
  EXPECT_TRUE(
      exchange("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
          .starts_with("HTTP/1.1 415"));
  EXPECT_TRUE(exchange("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                  .starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, ContinuesOnlyWhereTheBodyIsWanted) {
  auto client = connect();
  const std::string request = post("/echo", "hello", "Expect: 100-continue\r\n");
  client->send(request.substr(0, request.size() - 5));
  run();
  EXPECT_EQ(client->take(), "HTTP/1.1 100 Continue\r\n\r\n");
  client->send("hello");
  run();
  EXPECT_TRUE(has(client->take(), "body=hello "));
  client->send(request);  // the body comes at once: nobody waits
  run();
  EXPECT_TRUE(client->take().starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(exchange(post("/nothing", "hello", "Expect: 100-continue\r\n"), 3s)
                  .starts_with("HTTP/1.1 404"));
  EXPECT_TRUE(last_closed);
  EXPECT_TRUE(exchange(get("/", "Expect: the best\r\n")).starts_with("HTTP/1.1 417"));
}

TEST_F(ServerTest, TurnsErrorsIntoAnswers) {
  std::string answer = exchange(get("/fails?invalid"));
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"));
  EXPECT_TRUE(has(answer, "EMAIL_INVALID"));
  EXPECT_TRUE(has(
      answer, R"("fieldViolations":[{"field":"email","description":"is not an e-mail address"}])"));
  EXPECT_TRUE(exchange(get("/fails?conflict")).starts_with("HTTP/1.1 409 Conflict\r\n"));
  for (const char* path : {"/fails", "/fails?throw", "/fails?late", "/throws"}) {
    answer = exchange(get(path), 1s);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n")) << path;
    EXPECT_FALSE(has(answer, "secret")) << answer;
    EXPECT_FALSE(has(answer, "SECRET")) << answer;
    EXPECT_TRUE(has(answer, "requestId")) << answer;
    EXPECT_FALSE(last_closed);
  }
  EXPECT_TRUE(has(recorder.errors.back(), "secret logic"));
}

TEST_F(ServerTest, LogsAServerErrorOnceWhereNobodyObserves) {
  log::Capture capture;
  server = std::make_unique<Server>(router, options);
  exchange(get("/fails", "X-Request-Id: my-id\r\n"));
  exchange(get("/fails?invalid"));
  const auto lines = capture.lines();
  ASSERT_EQ(lines.size(), 1U);
  for (const char* part : {"secret message", "my-id", "/fails", "trace_id"})
    EXPECT_TRUE(has(lines[0], part)) << lines[0];
}

TEST_F(ServerTest, KeepsControlCharactersOutOfHeaders) {
  const std::string answer = exchange(get("/headers"));
  EXPECT_TRUE(has(answer, "Location: /a  Set-Cookie: evil=1\r\n")) << answer;
  EXPECT_FALSE(has(answer, "\r\nSet-Cookie"));
  EXPECT_FALSE(has(answer, "Bad Name"));
  EXPECT_EQ(count_of(answer, "Content-Length"), 1U);
  EXPECT_TRUE(has(answer, "X-Ok: a\tb\r\n"));
}

TEST_F(ServerTest, SendsNoBodyWhereThereIsNone) {
  for (const char* query : {"204", "304"}) {
    const std::string answer =
        exchange(get("/empty?" + std::string(query)) + std::string(get_root));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::string(query)));
    EXPECT_FALSE(has(answer, "must not"));
    EXPECT_EQ(count_of(answer, "Content-Length"), 1U);
  }
  EXPECT_TRUE(exchange(get("/empty?99")).starts_with("HTTP/1.1 500"));
}

TEST_F(ServerTest, TakesOverIdsThatAreSafe) {
  EXPECT_TRUE(has(exchange(get("/", "X-Request-Id: abc-123\r\n")), "X-Request-Id: abc-123\r\n"));
  const std::string longest(128, 'i');
  EXPECT_TRUE(has(exchange(get("/", "X-Request-Id: " + longest + "\r\n")), longest + "\r\n"));
  EXPECT_FALSE(has(exchange(get("/", "X-Request-Id: " + longest + "i\r\n")), longest));
  EXPECT_FALSE(has(exchange(get("/", "X-Request-Id: a\"b\r\n")), "a\"b"));
  EXPECT_FALSE(has(exchange(get("/", "X-Request-Id: \r\n")), "X-Request-Id: \r\n"));
}

TEST_F(ServerTest, SendsLargeBodiesToSlowReaders) {
  for (const char* path : {"/big", "/static"}) {
    auto client = connect({.capacity = 5000});
    client->pause_reading(true);
    client->send(get(path) + std::string(get_root));
    loop.advance(10s);
    client->pause_reading(false);
    run();
    const std::string answer = client->take();
    EXPECT_EQ(count_of(answer, big), 1U);
    EXPECT_TRUE(answer.ends_with("hello"));
  }
}

TEST_F(ServerTest, StopsReadingWhileAnswersWait) {
  auto client = connect({.capacity = 100'000});
  client->pause_reading(true);
  for (int i = 0; i < 100; ++i) client->send(get("/big"));
  loop.advance(1s);
  const auto served = recorder.lines.size();
  EXPECT_LE(served, 2U);  // not all hundred: 30 MB would wait here
  client->pause_reading(false);
  loop.advance(1s);
  EXPECT_EQ(recorder.lines.size(), 100U);
  EXPECT_EQ(count_of(client->take(), big), 100U);
}

TEST_F(ServerTest, CancelsWhenTheClientLeaves) {
  auto client = connect();
  client->send(get("/stuck"));
  run();
  EXPECT_EQ(started, 1);
  EXPECT_EQ(handler_budget, 5s);
  client->reset();
  run();
  EXPECT_EQ(finished, 1);
  EXPECT_EQ(cancelled_with, "CANCELLED");
  EXPECT_EQ(server->connections(), 0U);
  EXPECT_EQ(recorder.lines, std::vector<std::string>{"GET /stuck 499"});
}

TEST_F(ServerTest, AnswersAClientThatHalfClosedWithItsRequest) {
  auto client = connect();
  client->send(get("/slow"));
  client->half_close();
  loop.advance(2s);
  EXPECT_TRUE(client->take().ends_with("slow /slow  a"));
  EXPECT_TRUE(client->closed());
}

TEST_F(ServerTest, LimitsRequestsPerConnection) {
  options.limits.requests_per_connection = 2;
  const std::string answer =
      exchange(std::string(get_root) + std::string(get_root) + std::string(get_root), 3s);
  EXPECT_EQ(count_of(answer, "HTTP/1.1 200"), 2U);
  EXPECT_EQ(count_of(answer, "Connection: close"), 1U);
  EXPECT_TRUE(last_closed);
}

TEST_F(ServerTest, LeavesServerErrorsToTheObserver) {
  log::Capture capture;
  exchange(get("/fails"));
  EXPECT_EQ(recorder.errors.size(), 1U);
  EXPECT_TRUE(capture.lines().empty());
}

TEST_F(ServerTest, RefusesWhatAPageOfAnotherSiteSends) {
  options.refuse_cross_site = true;
  auto status = [&](std::string_view method, std::string_view extra) {
    return exchange(std::string(method) + " /echo HTTP/1.1\r\nHost: a:8080\r\n" +
                    std::string(extra) + "Content-Length: 0\r\n\r\n")
        .substr(9, 3);
  };
  EXPECT_EQ(status("POST", ""), "200");
  EXPECT_EQ(status("POST", "Sec-Fetch-Site: same-origin\r\n"), "200");
  EXPECT_EQ(status("POST", "Sec-Fetch-Site: none\r\nOrigin: http://evil\r\n"), "200");
  EXPECT_EQ(status("POST", "Sec-Fetch-Site: cross-site\r\n"), "403");
  EXPECT_EQ(status("POST", "Sec-Fetch-Site: same-site\r\nOrigin: http://a:8080\r\n"), "403");
  EXPECT_EQ(status("POST", "Origin: http://A:8080\r\n"), "200");
  for (const char* origin : {"http://a", "http://evil", "null", "http://a:80801", "a:8080", ""})
    EXPECT_EQ(status("POST", "Origin: " + std::string(origin) + "\r\n"), "403") << origin;
  EXPECT_TRUE(has(exchange(get("/", "Sec-Fetch-Site: cross-site\r\n")), "200 OK"));
  options.refuse_cross_site = false;
  server.reset();
  EXPECT_EQ(status("POST", "Origin: http://evil\r\n"), "200");
}

TEST_F(ServerTest, RefusesCompressedBodies) {
  EXPECT_TRUE(has(exchange(post("/echo", "{}", "Content-Encoding: gzip\r\n")), " 415 "));
  EXPECT_TRUE(has(exchange(post("/echo", "{}", "Content-Encoding: Identity\r\n")), " 200 "));
}

TEST_F(ServerTest, AnswersARefusedRequestThoughItsChunksAreTooMany) {
  std::string chunks;
  for (int i = 0; i < 100; ++i) chunks += "400\r\n" + std::string(1024, 'x') + "\r\n";
  const std::string answer =
      exchange("POST /nothing HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks +
                   "0\r\n\r\n",
               3s);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << answer.substr(0, 200);
  EXPECT_TRUE(has(answer, "Connection: close"));
  EXPECT_TRUE(last_closed);
}

TEST_F(ServerTest, ClosesAfterAnswersOnceToldTo) {
  auto before = connect();
  server->close_after_answers();
  auto after = connect();
  for (auto* client : {before.get(), after.get()}) {
    client->send(get_root);
    run();
    const std::string answer = client->take();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200")) << answer;
    EXPECT_TRUE(has(answer, "Connection: close\r\n"));
    EXPECT_TRUE(client->closed());
  }
}

TEST_F(ServerTest, ServersThatShareATableShareItsLimits) {
  options.limits.connections = 3;
  options.limits.connections_per_peer = 2;
  options.connections = std::make_shared<ConnectionTable>(options.limits);
  Server second(router, options);
  auto first = connect();
  testing::MemoryClient there(loop, second, {});
  run();
  auto third = connect();
  EXPECT_TRUE(third->received().starts_with("HTTP/1.1 503"));
  auto other = connect({.peer = "192.0.2.2"});
  testing::MemoryClient fourth(loop, second, {.peer = "192.0.2.3"});
  run();
  EXPECT_TRUE(fourth.received().starts_with("HTTP/1.1 503"));
  EXPECT_EQ(options.connections->connections(), 3U);
  first.reset();
  other.reset();
  run();
  EXPECT_EQ(options.connections->connections(), 1U);
}

TEST_F(ServerTest, CountsANetworkOfIpv6AsOnePeer) {
  options.limits.connections_per_peer = 2;
  auto first = connect({.peer = "2001:db8::1"});
  auto second = connect({.peer = "2001:db8::ffff:2"});
  auto third = connect({.peer = "2001:db8::3"});
  EXPECT_TRUE(third->received().starts_with("HTTP/1.1 503"));
  auto neighbour = connect({.peer = "2001:db8:0:1::1"});
  neighbour->send(get("/echo/a"));
  first->send(get("/echo/a"));
  run();
  EXPECT_TRUE(has(neighbour->take(), "peer=2001:db8:0:1::1 "));
  EXPECT_TRUE(has(first->take(), "peer=2001:db8::1 "));
}

TEST_F(ServerTest, LimitsConnections) {
  options.limits.connections = 3;
  options.limits.connections_per_peer = 2;
  auto first = connect();
  auto second = connect();
  auto third = connect();
  EXPECT_TRUE(third->received().starts_with("HTTP/1.1 503 Service Unavailable\r\n"))
      << third->received();
  EXPECT_TRUE(has(third->received(), "Connection: close\r\n"));
  auto other = connect({.peer = "192.0.2.2"});
  EXPECT_EQ(server->connections(), 3U);
  auto another = connect({.peer = "192.0.2.3"});
  EXPECT_TRUE(another->received().starts_with("HTTP/1.1 503"));
  first.reset();
  run();
  auto again = connect();
  again->send(get_root);
  run();
  EXPECT_TRUE(again->take().starts_with("HTTP/1.1 200"));
  loop.advance(3s);
  EXPECT_TRUE(third->closed());
}

TEST_F(ServerTest, EndsWhileHandlersWait) {
  auto busy = connect();
  busy->send(get("/stuck"));
  run();
  server.reset();
  run();
  EXPECT_TRUE(busy->closed());
  EXPECT_EQ(started, 1);
  EXPECT_EQ(finished, 0);
}

}  // namespace
}  // namespace kit::http
