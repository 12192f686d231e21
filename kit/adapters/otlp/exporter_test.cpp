// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/otlp/exporter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/http/router.hpp"
#include "kit/http/server.hpp"
#include "kit/log/capture.hpp"
#include "kit/telemetry/tracer.hpp"
#include "kit/testing/memory_network.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::otlp {
namespace {

using namespace std::chrono_literals;

class ServerConnector final : public net::Connector {
 public:
  ServerConnector(testing::VirtualLoop& loop, net::AcceptHandler& server)
      : loop_(loop), server_(server) {}
  Task<std::unique_ptr<net::Stream>> connect(net::Endpoint) override {
    if (is_away) co_return Error(Code::unavailable, "refused").with_reason("CONNECTION_REFUSED");
    auto pair = testing::make_memory_pair(loop_, {});
    server_.on_accept(std::move(pair.first));
    co_return std::move(pair.second);
  }
  bool is_away = false;

 private:
  testing::VirtualLoop& loop_;
  net::AcceptHandler& server_;
};

/// A collector that answers as the test says.
class ExporterTest : public ::testing::Test {
 protected:
  ExporterTest() {
    http::RouteOptions route;
    route.consumes = {"application/x-protobuf"};
    const auto collect = [this](http::Request& request) -> Task<http::Response> {
      bodies.emplace_back(request.body);
      fields.emplace_back(request.header("api-key").value_or("-"));
      has_trace |= request.header("traceparent").has_value();
      http::Response response;
      if (!answers.empty()) {
        response.status = answers.front().first;
        const std::string after = answers.front().second;
        if (!after.empty()) response.headers.emplace_back("Retry-After", after);
        answers.pop_front();
      }
      response.body = response.status == 200 ? answer : "";
      if (hangs) co_await sleep_for(1h);
      co_return response;
    };
    EXPECT_TRUE(router.add(http::Method::post, "/v1/traces", collect, route).ok());
    server = std::make_unique<http::Server>(router, http::ServerOptions());
    connector = std::make_unique<ServerConnector>(loop, *server);
    options.traces_url = "http://collector:4318/v1/traces";
  }
  Exporter::Numbers export_one() {
    if (!exporter) exporter = *Exporter::make(*connector, options);
    std::vector<std::unique_ptr<telemetry::SpanRecord>> spans;
    for (int i = 0; i < 3; ++i) {
      spans.push_back(std::make_unique<telemetry::SpanRecord>());
      spans.back()->trace_id = telemetry::new_trace_id();
      spans.back()->span_id = telemetry::new_span_id();
    }
    const auto before = loop.now();
    EXPECT_TRUE(kit::run(loop, exporter->export_spans(spans)).ok());
    took = loop.now() - before;
    return exporter->numbers();
  }

  testing::VirtualLoop loop;
  http::Router router;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<ServerConnector> connector;
  ExporterOptions options;
  std::unique_ptr<Exporter> exporter;
  std::deque<std::pair<int, std::string>> answers;  // status and Retry-After
  std::string answer;
  std::vector<std::string> bodies;
  std::vector<std::string> fields;
  bool has_trace = false;
  bool hangs = false;
  Clock::duration took{};
  log::Capture capture;
};

TEST_F(ExporterTest, PostsABatch) {
  options.headers.emplace_back("Api-Key", Secret<std::string>("canary"));
  const auto numbers = export_one();
  EXPECT_EQ(numbers.exported, 3U);
  EXPECT_EQ(bodies.size(), 1U);
  EXPECT_EQ(fields.front(), "canary");
  EXPECT_FALSE(has_trace);
  EXPECT_FALSE(capture.contains("canary"));
}

TEST_F(ExporterTest, WhatWasTakenInPartIsNotSentAgain) {
  answer = "\x0a\x06\x08\x02\x12\x02no";
  const auto numbers = export_one();
  EXPECT_EQ(numbers.exported, 1U);
  EXPECT_EQ(numbers.rejected, 2U);
  EXPECT_EQ(bodies.size(), 1U);
  EXPECT_TRUE(capture.contains("the collector refused some spans"));
  answer = "\x0a\x02\x08\x63";  // 99 of 3
  EXPECT_EQ(export_one().rejected, 5U);
}

TEST_F(ExporterTest, SendsAgainWhatMayBeTakenLater) {
  for (const int status : {429, 502, 503, 504}) answers.emplace_back(status, "");
  const auto numbers = export_one();
  EXPECT_EQ(numbers.exported, 3U);
  EXPECT_EQ(numbers.retries, 4U);
  ASSERT_EQ(bodies.size(), 5U);
  EXPECT_EQ(bodies.front(), bodies.back());
  EXPECT_GE(took, 7'500ms);  // a half of 1, 2, 4 and 8 s at least
  EXPECT_LE(took, 15'100ms);
}

TEST_F(ExporterTest, HonoursRetryAfter) {
  answers.emplace_back(503, "20");
  EXPECT_EQ(export_one().exported, 3U);
  EXPECT_GE(took, 20s);
  EXPECT_LE(took, 20'100ms);
  answers.emplace_back(503, "31");  // nobody waits so long
  EXPECT_EQ(export_one().lost, 3U);
}

TEST_F(ExporterTest, GivesUpWhatIsRefused) {
  for (const int status : {400, 401, 404, 413, 500, 501}) {
    answers.emplace_back(status, "1");
    const auto before = bodies.size();
    export_one();
    EXPECT_EQ(bodies.size(), before + 1) << status;
  }
  EXPECT_EQ(exporter->numbers().lost, 18U);
  EXPECT_EQ(exporter->numbers().exported, 0U);
}

TEST_F(ExporterTest, GivesUpAfterItsTriesAndSaysSoOnce) {
  connector->is_away = true;
  export_one();
  EXPECT_EQ(export_one().lost, 6U);
  EXPECT_EQ(exporter->numbers().retries, 8U);
  EXPECT_LE(took, 15'100ms);
  const auto lines = capture.lines();
  EXPECT_EQ(std::ranges::count_if(
                lines, [](const auto& line) { return line.contains("traces can't be exported"); }),
            1);
  connector->is_away = false;
  EXPECT_EQ(export_one().exported, 3U);
  EXPECT_TRUE(capture.contains("traces are exported again"));
}

TEST_F(ExporterTest, DoesNotWaitForEver) {
  hangs = true;
  options.retries = 0;
  EXPECT_EQ(export_one().lost, 3U);
  EXPECT_LE(took, 10'100ms);
}

TEST_F(ExporterTest, PacksWhatItSends) {
  options.gzip = true;
  export_one();
  // The server of kit takes no packed bodies: that it was told is what counts here.
  EXPECT_EQ(exporter->numbers().lost, 3U);
  EXPECT_TRUE(bodies.empty());
}

TEST_F(ExporterTest, RefusesAUrlThatIsNone) {
  options.traces_url = "collector:4318";
  EXPECT_FALSE(Exporter::make(*connector, options).ok());
}

}  // namespace
}  // namespace kit::otlp
