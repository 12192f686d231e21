// SPDX-License-Identifier: Apache-2.0
#include "kit/app/requests_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kit/app/detail/requests_html.hpp"
#include "kit/app/tracing.hpp"
#include "kit/async/run.hpp"
#include "kit/http/router.hpp"
#include "kit/json/value.hpp"
#include "kit/log/log.hpp"
#include "kit/net/connector.hpp"
#include "kit/telemetry/registry.hpp"
#include "kit/telemetry/span.hpp"
#include "kit/telemetry/tracer.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

log::Module page_log{"page"};

class NullSink final : public log::Sink {
 public:
  bool write(std::string_view) override { return true; }
};

class RequestsPageTest : public ::testing::Test {
 protected:
  RequestsPageTest() {
    telemetry::TracerOptions options;
    options.sampling.ratio = 1;
    tracer_ = *telemetry::Tracer::make(std::move(options));
    page_ = std::make_unique<RequestsPage>(tracer_->processor(), lines_.get(), pool_);
    EXPECT_TRUE(page_->add_routes(router_).ok());
    log::Options to;
    to.format = log::Format::json;
    to.sink = lines_;
    log::configure(to);
  }
  ~RequestsPageTest() override { log::configure({}); }

  /// A request that took a while and asked a database.
  LogContext request(std::string_view name, Clock::duration took) {
    LogContext log;
    tracer_->identify(log, {});
    tracer_->decide(log, "/", {});
    current_log_context = &log;
    telemetry::Span statement("SELECT <tracks>", telemetry::SpanKind::client);
    statement.set(telemetry::attribute::db_query_text, "SELECT a FROM tracks WHERE b = ?");
    statement.end();
    log::warn(page_log, "slow <statement>");
    current_log_context = nullptr;
    const auto now = Clock::now();
    telemetry::Span::entry(log, name, telemetry::SpanKind::server, {}, now - took).end_at(now);
    return log;
  }
  http::Response get(std::string path, std::string accept = "text/html") {
    std::vector<std::string_view> parameters;
    std::string scratch;
    const auto match = router_.match(http::Method::get, path, parameters, scratch);
    http::Request request;
    const std::array<http::Header, 1> headers{{{"Accept", accept}}};
    request.headers = headers;
    request.path_parameters = parameters;
    return *run(loop_, match.route->handler(request));
  }

  testing::VirtualLoop loop_;
  BlockingPool pool_{{.threads = 0}};
  std::shared_ptr<RecentLines> lines_ = std::make_shared<RecentLines>(std::make_shared<NullSink>());
  std::unique_ptr<telemetry::Tracer> tracer_;
  std::unique_ptr<RequestsPage> page_;
  http::Router router_;
};

TEST_F(RequestsPageTest, LeadsFromABucketToATraceAndItsLines) {
  request("GET /quick", 1ms);
  const LogContext slow = request("GET /slow", 700ms);
  const std::string id(telemetry::view(slow.trace_id));
  const http::Response list = get("/debug/requests");
  EXPECT_EQ(list.status, 200);
  EXPECT_THAT(list.body, HasSubstr("<a href=\"/debug/requests/" + id + "\">1</a>"));
  EXPECT_THAT(list.body, HasSubstr("data-name=\"&lt;= 1 s\""));
  const http::Response trace = get("/debug/requests/" + id);
  EXPECT_THAT(trace.body, HasSubstr("GET /slow"));
  EXPECT_THAT(trace.body, HasSubstr("SELECT &lt;tracks&gt;"));
  EXPECT_THAT(trace.body, HasSubstr("SELECT a FROM tracks WHERE b = ?"));
  EXPECT_THAT(trace.body, HasSubstr("slow &lt;statement&gt;"));
  EXPECT_THAT(trace.body, Not(HasSubstr("<script")));
  bool has_policy = false;
  for (const auto& [name, value] : trace.headers) {
    has_policy |= name == "Content-Security-Policy" && value.starts_with("default-src 'none'");
  }
  EXPECT_TRUE(has_policy);
}

TEST_F(RequestsPageTest, SaysTheSameInJson) {
  const LogContext slow = request("GET /slow", 700ms);
  const std::string id(telemetry::view(slow.trace_id));
  const http::Response list = get("/debug/requests", "application/json");
  EXPECT_EQ(list.content_type, "application/json");
  EXPECT_TRUE(json::Value::parse(list.body).ok());
  EXPECT_THAT(list.body, HasSubstr("\"trace_id\":\"" + id + "\""));
  const http::Response trace = get("/debug/requests/" + id, "application/json");
  EXPECT_TRUE(json::Value::parse(trace.body).ok());
  EXPECT_THAT(trace.body, HasSubstr("\"name\":\"SELECT <tracks>\""));
  EXPECT_THAT(trace.body, HasSubstr("slow <statement>"));
}

TEST_F(RequestsPageTest, HostileNamesAreText) {
  const LogContext evil = request("GET <script>alert(1)</script>\"'&\x01\xff", 1ms);
  for (const std::string& path :
       {std::string("/debug/requests"),
        "/debug/requests/" + std::string(telemetry::view(evil.trace_id)),
        std::string("/debug/requests/%3Cscript%3Ealert(1)%3C%2Fscript%3E")}) {
    EXPECT_THAT(get(path).body, Not(HasSubstr("<script>"))) << path;
  }
}

TEST_F(RequestsPageTest, WhatIsNotKeptIsNotFound) {
  EXPECT_THAT(get("/debug/requests").body, HasSubstr("None yet"));
  for (const char* id : {"4bf92f3577b34da6a3ce929d0e0e4736", "x", "%00"}) {
    EXPECT_EQ(get("/debug/requests/" + std::string(id)).status, 404) << id;
    EXPECT_EQ(get("/debug/requests/" + std::string(id), "application/json").status, 404) << id;
  }
}

TEST(RequestsHtml, PlacesChildrenBelowTheirParents) {
  telemetry::KeptTrace trace;
  const auto add = [&](char id, char parent, std::chrono::seconds at) {
    telemetry::SpanRecord span;
    span.span_id.fill(id);
    if (parent != ' ') span.parent_id.fill(parent);
    span.name = std::string(1, id);
    span.started = Clock::time_point(at);
    trace.spans.push_back(span);
  };
  add('a', ' ', 0s);
  add('b', 'a', 1s);
  add('c', 'a', 2s);
  add('d', 'b', 3s);
  add('e', '9', 4s);  // whose parent is not here
  add('f', 'f', 5s);  // its own parent
  std::string order;
  for (const auto& [span, depth] : detail::placed(trace)) {
    order += span->name + std::to_string(depth) + " ";
  }
  EXPECT_EQ(order, "a0 b1 d2 c1 e0 f0 ");
  // A ring has no beginning, and no end that anybody would wait for.
  trace.spans[0].parent_id.fill('d');
  EXPECT_EQ(detail::placed(trace).size(), 2U);
}

TEST(RequestsHtml, SaysHowLong) {
  EXPECT_EQ(detail::readable(480us), "480 us");
  EXPECT_EQ(detail::readable(1'250us), "1.25 ms");
  EXPECT_EQ(detail::readable(1'250ms), "1.25 s");
  EXPECT_EQ(detail::bucket_name(0), "<= 5 ms");
  EXPECT_EQ(detail::bucket_name(telemetry::TraceTable::bounds.size()), "> 5 s");
  EXPECT_EQ(detail::bucket_name(telemetry::TraceTable::failed_bucket), "failed");
}

TEST(RequestsPage, JsonIsForWhoAsksForIt) {
  EXPECT_TRUE(wants_json("application/json"));
  EXPECT_FALSE(wants_json("text/html,application/xhtml+xml,*/*;q=0.8"));
  EXPECT_FALSE(wants_json("text/html, application/json"));
  EXPECT_FALSE(wants_json(""));
}

TEST(RecentLines, KeepsTheLastOnes) {
  RecentLines lines(std::make_shared<NullSink>(), 1'000);
  const std::string line = "{\"trace_id\":\"aaaa\",\"n\":1}\n";
  EXPECT_TRUE(lines.write(line + "{\"trace_id\":\"bbbb\"}\n" + line));
  EXPECT_EQ(lines.of_trace("aaaa").size(), 2U);
  EXPECT_EQ(lines.of_trace("aaaa").front(), line.substr(0, line.size() - 1));
  EXPECT_EQ(lines.of_trace("bbbb").size(), 1U);
  EXPECT_TRUE(lines.of_trace("cccc").empty());
  EXPECT_TRUE(lines.of_trace("").empty());
  EXPECT_EQ(lines.of_trace("aaaa", 1).size(), 1U);
  for (int i = 0; i < 100; ++i) lines.write("{\"trace_id\":\"dddd\"}\n");
  EXPECT_TRUE(lines.of_trace("aaaa").empty());
  const std::size_t kept = lines.of_trace("dddd").size();
  EXPECT_GE(kept, 1'000U / 2 / 20);
  EXPECT_LE(kept, 1'000U / 20);
  EXPECT_TRUE(lines.write(std::string(5'000, 'x') + " eeee\n"));  // more than there is room for
  EXPECT_TRUE(lines.of_trace("eeee").empty());
}

TEST(RecentLines, ShowsNoColours) {
  RecentLines lines(std::make_shared<NullSink>());
  lines.write("\x1b[90m12:00\x1b[0m info \x1b[90mtrace_id=\x1b[0maaaa\n");
  ASSERT_EQ(lines.of_trace("aaaa").size(), 1U);
  EXPECT_EQ(lines.of_trace("aaaa").front(), "12:00 info trace_id=aaaa");
}

class NoConnector final : public net::Connector {
 public:
  Task<std::unique_ptr<net::Stream>> connect(net::Endpoint) override {
    co_return Error(Code::unavailable, "nobody is there");
  }
};

TEST(Tracing, SaysWhatIsWrong) {
  NoConnector connector;
  TracingOptions options;
  options.rules.trusted_peers = {"everybody"};
  EXPECT_FALSE(Tracing::make(options, connector, nullptr).ok());
  options.rules.trusted_peers = {"private"};
  options.rules.sampling.ratio = 2;
  EXPECT_FALSE(Tracing::make(options, connector, nullptr).ok());
  options.rules.sampling.ratio = 0.5;
  options.has_exporter = true;
  options.exporter.traces_url = "collector";
  EXPECT_FALSE(Tracing::make(options, connector, nullptr).ok());
  options.exporter.traces_url = "http://collector:4318/v1/traces";
  const auto tracing = Tracing::make(options, connector, nullptr);
  ASSERT_TRUE(tracing.ok());
  TracingRules rules;
  rules.trusted_peers = {"none"};
  EXPECT_TRUE((*tracing)->tracer().trusts("10.0.0.1"));
  EXPECT_TRUE((*tracing)->apply(rules).ok());
  EXPECT_FALSE((*tracing)->tracer().trusts("10.0.0.1"));
  rules.trusted_peers = {"x"};
  EXPECT_FALSE((*tracing)->apply(rules).ok());
}

}  // namespace
}  // namespace kit::app
