// SPDX-License-Identifier: Apache-2.0
// Spans of requests that are sent, and what travels with them.
#include <algorithm>
#include <memory>

#include "kit/http/client/client_test_support.hpp"
#include "kit/telemetry/tracer.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;
using telemetry::SpanRecord;

class ClientTraceTest : public ClientTest {
 protected:
  ClientTraceTest() { use(1); }
  void use(double ratio) {
    telemetry::TracerOptions tracing;
    tracing.sampling.ratio = ratio;
    tracer = *telemetry::Tracer::make(std::move(tracing));
    tracer->identify(log, {});
    tracer->decide(log, "/", {});
    log.request_id = "r-1";
  }
  Running<Response> call(std::string url, SendOptions send = {}) {
    auto task = [](Client& to, const LogContext& context, std::string target,
                   SendOptions how) -> Task<Response> {
      Context own;
      own.set_log_context(&context);
      Context::Scope scope(own);
      auto sending = to.get(std::move(target), how);
      co_return co_await std::move(sending);
    };
    return begin(task(client(), log, std::move(url), send));
  }
  SpanRecord span() {
    tracer->processor().collect();
    const auto kept = tracer->processor().table().find(telemetry::view(log.trace_id));
    EXPECT_TRUE(kept && kept->spans.size() == 1);
    return kept && !kept->spans.empty() ? kept->spans.front() : SpanRecord();
  }
  std::unique_ptr<telemetry::Tracer> tracer;
  LogContext log;
};

TEST_F(ClientTraceTest, ARequestIsASpanAndTheServersParent) {
  log.trace_state = "a=1";
  log.baggage = "user=ann , no value,tier=gold";
  auto running = call("http://stock:8080/moves?key=secret");
  const std::string request = peer().take();
  answer(ok_hello);
  ASSERT_TRUE(running.done());
  const SpanRecord sent = span();
  EXPECT_EQ(sent.name, "GET");
  EXPECT_EQ(sent.kind, telemetry::SpanKind::client);
  EXPECT_EQ(sent.parent_id, log.span_id);
  EXPECT_EQ(sent.value_of("server.address"), "stock");
  EXPECT_EQ(sent.value_of("server.port"), "8080");
  EXPECT_EQ(sent.value_of("url.full"), "http://stock:8080/moves");
  EXPECT_EQ(sent.value_of("http.response.status_code"), "200");
  EXPECT_EQ(sent.status, telemetry::SpanStatus::unset);
  const std::string parent = "traceparent: 00-" + std::string(telemetry::view(log.trace_id)) + "-" +
                             std::string(telemetry::view(sent.span_id)) + "-03\r\n";
  EXPECT_TRUE(contains(request, parent)) << request;
  EXPECT_TRUE(contains(request, "tracestate: ot=th:0,a=1\r\n")) << request;
  EXPECT_TRUE(contains(request, "baggage: user=ann,tier=gold\r\n")) << request;
}

TEST_F(ClientTraceTest, WhatIsNotSampledIsToldSo) {
  use(0);
  auto running = call("http://stock/");
  const std::string request = peer().take();
  answer(ok_hello);
  const std::string parent = "traceparent: 00-" + std::string(telemetry::view(log.trace_id)) + "-" +
                             std::string(telemetry::view(log.span_id)) + "-02\r\n";
  EXPECT_TRUE(contains(request, parent)) << request;
  EXPECT_FALSE(contains(request, "tracestate")) << request;
  EXPECT_FALSE(contains(request, "baggage")) << request;
}

TEST_F(ClientTraceTest, AnswersFrom400OnAreErrors) {
  auto running = call("http://stock/");
  answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(running.done());
  EXPECT_EQ(span().status, telemetry::SpanStatus::error);
  EXPECT_EQ(span().value_of("error.type"), "404");
}

TEST_F(ClientTraceTest, SoIsNoAnswer) {
  connector.refusals = 10;
  options.retry.attempts = 1;
  auto running = call("http://stock/");
  loop.advance(5s);
  ASSERT_TRUE(running.done());
  EXPECT_EQ(span().status, telemetry::SpanStatus::error);
  EXPECT_EQ(span().value_of("http.request.resend_count"), "1");
  EXPECT_FALSE(span().value_of("error.type").empty());
}

TEST_F(ClientTraceTest, SoIsOneThatWasGivenUp) {
  auto running = call("http://stock/");
  running.cancel();
  ASSERT_TRUE(running.done());
  EXPECT_EQ(span().value_of("error.type"), "CANCELLED");
}

TEST_F(ClientTraceTest, BaggageIsNotToldToAnotherOrigin) {
  log.baggage = "user=ann";
  auto running = call("http://stock/", {.redirects = 1});
  EXPECT_TRUE(contains(peer(0).take(), "baggage: user=ann"));
  answer("HTTP/1.1 302 Found\r\nLocation: http://stranger/\r\nContent-Length: 0\r\n\r\n", 0);
  const std::string request = peer(1).take();
  EXPECT_FALSE(contains(request, "user=ann")) << request;
  EXPECT_TRUE(contains(request, "traceparent: 00-")) << request;
  answer(ok_hello, 1);
  EXPECT_EQ(span().value_of("http.request.resend_count"), "1");
}

}  // namespace
}  // namespace kit::http
