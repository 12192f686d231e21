// SPDX-License-Identifier: Apache-2.0
// Spans of requests, through the server.
#include <algorithm>
#include <memory>

#include "kit/http/server_test_support.hpp"
#include "kit/telemetry/span.hpp"
#include "kit/telemetry/trace_context.hpp"
#include "kit/telemetry/tracer.hpp"

namespace kit::http {
namespace {

using namespace std::chrono_literals;
using telemetry::SpanRecord;

constexpr std::string_view theirs = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string parent = "traceparent: 00-" + std::string(theirs) + "-00f067aa0ba902b7-01\r\n";

std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

class ServerTraceTest : public ServerTest {
 protected:
  ServerTraceTest() { use(1); }
  void use(double ratio, bool trusts = true, std::string force_header = {}) {
    telemetry::TracerOptions tracing;
    tracing.sampling.ratio = ratio;
    tracing.sampling.rules = {{"/quiet", telemetry::SamplingMode::never, 0}};
    tracing.trusts = [trusts](std::string_view) { return trusts; };
    tracing.force_header = std::move(force_header);
    if (tracer) {
      EXPECT_TRUE(tracer->apply(std::move(tracing)).ok());
      return;
    }
    tracer = *telemetry::Tracer::make(std::move(tracing));
    options.tracer = tracer.get();
    const auto add = [this](std::string_view path, Handler handler) {
      EXPECT_TRUE(router.add(Method::get, path, std::move(handler)).ok());
    };
    add("/traced/{id}", [this](Request& request) -> Task<Response> {
      telemetry::Span span("SELECT a", telemetry::SpanKind::client);
      seen = *request.log_context;
      seen_state = telemetry::trace_state(seen);
      seen_baggage = std::string(seen.baggage);
      co_await sleep_for(10ms);
      span.end();
      co_return Response();
    });
    add("/quiet", [this](Request& request) {
      seen = *request.log_context;
      return answered(Response());
    });
    add("/broken", [](Request&) -> Task<Response> {
      co_return Error(Code::unavailable, "the shop's password is canary").with_reason("SHOP_AWAY");
    });
  }
  std::vector<SpanRecord> spans() {
    tracer->processor().collect();
    std::vector<SpanRecord> all;
    for (const auto& summary : tracer->processor().table().recent()) {
      auto kept = tracer->processor().table().find(telemetry::view(summary.trace_id));
      for (SpanRecord& span : kept->spans) all.push_back(std::move(span));
    }
    return all;
  }
  SpanRecord entry() {
    const auto all = spans();
    const auto found = std::ranges::find_if(all, &SpanRecord::is_entry);
    EXPECT_NE(found, all.end());
    return found != all.end() ? *found : SpanRecord();
  }
  std::unique_ptr<telemetry::Tracer> tracer;
  LogContext seen;
  std::string seen_state;
  std::string seen_baggage;
};

TEST_F(ServerTraceTest, ARequestIsASpanWithItsChildren) {
  exchange(get("/traced/7?q=secret", "User-Agent: test\r\n"), 20ms);
  const auto all = spans();
  ASSERT_EQ(all.size(), 2U);
  const SpanRecord request = entry();
  EXPECT_EQ(request.name, "GET /traced/{id}");
  EXPECT_EQ(request.kind, telemetry::SpanKind::server);
  EXPECT_EQ(request.value_of("http.request.method"), "GET");
  EXPECT_EQ(request.value_of("url.path"), "/traced/7");
  EXPECT_EQ(request.value_of("url.scheme"), "http");
  EXPECT_EQ(request.value_of("http.route"), "/traced/{id}");
  EXPECT_EQ(request.value_of("http.response.status_code"), "200");
  EXPECT_EQ(request.value_of("user_agent.original"), "test");
  EXPECT_EQ(request.text.find("secret"), std::string::npos);
  EXPECT_EQ(request.status, telemetry::SpanStatus::unset);
  EXPECT_FALSE(telemetry::is_set(request.parent_id));
  EXPECT_GE(request.ended - request.started, 10ms);
  const SpanRecord& child = all[0].is_entry ? all[1] : all[0];
  EXPECT_EQ(child.parent_id, request.span_id);
  EXPECT_EQ(child.trace_id, request.trace_id);
  EXPECT_EQ(request.trace_id, seen.trace_id);
  EXPECT_TRUE(seen.sampled);
  EXPECT_EQ(seen_state, "ot=th:0");
}

TEST_F(ServerTraceTest, GoesOnForWhoIsTrusted) {
  exchange(get("/traced/7", parent + "tracestate: a=1\r\nbaggage: user=ann\r\ntracestate: b=2\r\n"
                                     "Baggage: tier=gold\r\n"),
           20ms);
  const SpanRecord request = entry();
  EXPECT_EQ(telemetry::view(request.trace_id), theirs);
  EXPECT_EQ(telemetry::view(request.parent_id), "00f067aa0ba902b7");
  EXPECT_TRUE(request.parent_is_remote);
  EXPECT_EQ(seen_state, "a=1,b=2");
  EXPECT_EQ(seen_baggage, "user=ann,tier=gold");
  EXPECT_TRUE(request.links.empty());
}

TEST_F(ServerTraceTest, BeginsAnewForWhoIsNot) {
  use(1, false);
  exchange(get("/traced/7", parent + "tracestate: a=1\r\nbaggage: user=ann\r\n"), 20ms);
  const SpanRecord request = entry();
  EXPECT_NE(telemetry::view(request.trace_id), theirs);
  EXPECT_FALSE(telemetry::is_set(request.parent_id));
  ASSERT_EQ(request.links.size(), 1U);
  EXPECT_EQ(telemetry::view(request.links[0].trace_id), theirs);
  EXPECT_EQ(seen_baggage, "");
  EXPECT_EQ(seen_state, "ot=th:0");
}

TEST_F(ServerTraceTest, TwoTraceparentsAreNone) {
  exchange(get("/traced/7", parent + parent), 20ms);
  EXPECT_NE(telemetry::view(entry().trace_id), theirs);
}

TEST_F(ServerTraceTest, FollowsTheDecisionOfTheCaller) {
  use(0);
  exchange(get("/traced/7", parent), 20ms);
  EXPECT_TRUE(seen.sampled);
  exchange(get("/traced/7"), 20ms);
  EXPECT_FALSE(seen.sampled);
  exchange(get("/quiet", parent));
  EXPECT_FALSE(seen.sampled);
}

TEST_F(ServerTraceTest, AForceHeaderCountsForWhoIsTrusted) {
  use(0, true, "x-trace");
  exchange(get("/traced/7", "X-Trace: 1\r\n"), 20ms);
  EXPECT_TRUE(seen.sampled);
  use(0, false, "x-trace");
  exchange(get("/traced/7", "X-Trace: 1\r\n"), 20ms);
  EXPECT_FALSE(seen.sampled);
}

TEST_F(ServerTraceTest, OnlyServerErrorsAreErrors) {
  exchange(get("/nothing/here"));
  EXPECT_EQ(entry().name, "GET");
  EXPECT_EQ(entry().status, telemetry::SpanStatus::unset);
  EXPECT_EQ(entry().value_of("http.response.status_code"), "404");
  exchange(get("/broken"));
  const auto all = spans();
  const auto broken = std::ranges::find(all, "GET /broken", &SpanRecord::name);
  ASSERT_NE(broken, all.end());
  EXPECT_EQ(broken->status, telemetry::SpanStatus::error);
  EXPECT_EQ(broken->value_of("error.type"), "SHOP_AWAY");
  EXPECT_EQ(broken->text.find("canary"), std::string::npos);
}

TEST_F(ServerTraceTest, WhatFailsIsKeptThoughNotSampled) {
  use(0);
  exchange(get("/traced/7"), 20ms);
  EXPECT_TRUE(spans().empty());
  exchange(get("/broken"));
  const SpanRecord broken = entry();
  EXPECT_EQ(broken.name, "GET /broken");
  EXPECT_FALSE(broken.sampled);
}

TEST_F(ServerTraceTest, StrangeMethodsDoNotBecomeNames) {
  exchange("BREW /traced/7 HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(entry().name, "HTTP");
  EXPECT_EQ(entry().value_of("http.request.method"), "_OTHER");
  EXPECT_EQ(entry().value_of("http.request.method_original"), "BREW");
}

TEST_F(ServerTraceTest, WhatIsNoRequestIsHarmless) {
  exchange("\x16\x03\x01 garbage\r\n\r\n");
  for (const SpanRecord& span : spans()) EXPECT_EQ(span.name, "HTTP");
}

}  // namespace
}  // namespace kit::http
