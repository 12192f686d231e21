// SPDX-License-Identifier: Apache-2.0
#include "kit/app/diagnostics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kit/async/live.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/async/task_list.hpp"
#include "kit/json/value.hpp"
#include "kit/log/capture.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::app {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

Task<> waits() {
  co_await sleep_for(1h);
}

/// Asks while a task of the group is at work.
Task<> ask(http::Router* router, std::string accept, http::Response* response) {
  TaskGroup group("mail");
  group.spawn("sender", waits());
  co_await sleep_for(1500ms);
  std::vector<std::string_view> parameters;
  std::string scratch;
  const auto match = router->match(http::Method::get, "/debug/tasks", parameters, scratch);
  http::Request request;
  const std::array<http::Header, 1> headers{{{"Accept", accept}}};
  request.headers = headers;
  *response = co_await match.route->handler(request);
}

class DiagnosticsTest : public ::testing::Test {
 protected:
  DiagnosticsTest() {
    EXPECT_TRUE(diagnostics_.add_routes(router_));
    diagnostics_.add_metrics(registry_);
  }
  http::Response tasks(std::string accept = "") {
    http::Response response;
    EXPECT_TRUE(run(loop_, ask(&router_, std::move(accept), &response)));
    return response;
  }
  std::string metrics() const {
    std::string text;
    registry_.write_text(text);
    return text;
  }

  testing::VirtualLoop loop_;
  BlockingPool pool_{{.threads = 0}};
  AlarmSample sample_;
  Diagnostics diagnostics_{pool_, [this] { return sample_; }};
  telemetry::Registry registry_;
  http::Router router_;
};

TEST_F(DiagnosticsTest, ListsTasksAndCountsAsJson) {
  ListedCounter pool("http_client_connections", "api.example.com:443");
  pool.add();
  const http::Response response = tasks("*/*");
  EXPECT_EQ(response.content_type, "application/json");
  const json::Value body = *json::Value::parse(response.body);
  const json::Value* sender = nullptr;
  for (const json::Value& task : *body["tasks"].array()) {
    if (*task["name"].string() == "mail: sender") sender = &task;
  }
  ASSERT_NE(sender, nullptr) << response.body;
  EXPECT_EQ(*(*sender)["age"].string(), "1.5s");
  EXPECT_EQ(*(*sender)["state"].string(), "waiting");
  EXPECT_EQ(*(*sender)["waits_for"].string(), "kit::Sleep");
  EXPECT_GT((*sender)["created"].array()->size(), 2U);
  EXPECT_EQ(*body["counts"][0]["name"].string(), "tasks");
  EXPECT_GE(*body["counts"][0]["live"].int64(), 2);
  EXPECT_THAT(response.body, HasSubstr("{\"name\":\"http_client_connections\","
                                       "\"of\":\"api.example.com:443\",\"live\":1,\"total\":1}"));
  pool.remove();
}

TEST_F(DiagnosticsTest, ListsThemAsATableForPeople) {
  const http::Response response = tasks("text/plain");
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  EXPECT_THAT(response.body, HasSubstr("1.500s  mail: sender: waits for kit::Sleep\n"));
  EXPECT_THAT(response.body, HasSubstr(" in all  timers\n"));
}

Task<> hold(std::size_t count) {
  TaskGroup group("many");
  for (std::size_t i = 0; i < count; ++i) group.spawn("one", waits());
  co_await group.join();
}

TEST_F(DiagnosticsTest, ListsSoManyAtMost) {
  set_task_sampling(1'000'000);
  const std::size_t others = list_tasks().size() + 2;  // the two of `ask`
  for (std::size_t more : {0U, 1U}) {
    Task<> holding = hold(Diagnostics::most_tasks - others - 1 + more);
    loop_.post([&] {
      EXPECT_FALSE(holding.start(nullptr, nullptr));
      holding.list_as("hold");
    });
    const json::Value body = *json::Value::parse(tasks().body);
    EXPECT_EQ(body["tasks"].array()->size(), Diagnostics::most_tasks);
    EXPECT_EQ(*body["omitted"].int64(), static_cast<std::int64_t>(more));
  }
  set_task_sampling(1);
}

TEST(Diagnostics, AcceptDecidesTheForm) {
  EXPECT_TRUE(prefers_text("text/plain"));
  EXPECT_TRUE(prefers_text("application/json;q=0.5, text/*"));
  EXPECT_TRUE(prefers_text("TEXT/plain; q=0.2"));
  EXPECT_FALSE(prefers_text(""));
  EXPECT_FALSE(prefers_text("*/*"));
  EXPECT_FALSE(prefers_text("text/html, */*;q=0.8"));
  EXPECT_FALSE(prefers_text("text/plain;q=0.5, application/json"));
  EXPECT_FALSE(prefers_text("text/plain;q=x"));
  EXPECT_FALSE(prefers_text(",;,;;q=1"));
}

Task<> stop_after(Clock::duration time, Task<> task) {
  Result<> ended = co_await as_result(with_deadline(time, std::move(task)));
  EXPECT_EQ(ended.error().code(), Code::deadline_exceeded);
}

TEST_F(DiagnosticsTest, LogsAnAlarmOnceWhenItBeginsAndOnceWhenItEnds) {
  log::Capture capture;
  sample_.tasks = 5'000;
  sample_.hosts = {{"api:443", 301}};
  EXPECT_TRUE(run(loop_, stop_after(15s, diagnostics_.watch())));
  EXPECT_THAT(metrics(), HasSubstr("alarms_active{alarm=\"tasks\"} 0\n"));
  EXPECT_THAT(metrics(), HasSubstr("alarms_active{alarm=\"connections\"} 1\n"));
  sample_.tasks = 5'001;
  sample_.hosts.clear();
  EXPECT_TRUE(run(loop_, stop_after(1min, diagnostics_.watch())));
  EXPECT_THAT(metrics(), HasSubstr("alarms_active{alarm=\"tasks\"} 1\n"));
  sample_.tasks = 10;
  EXPECT_TRUE(run(loop_, stop_after(1min, diagnostics_.watch())));
  std::vector<std::string> lines = capture.lines();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[0], HasSubstr("\"alarm begins\""));
  EXPECT_THAT(lines[0], HasSubstr("\"of\":\"api:443\",\"value\":301,\"limit\":300"));
  EXPECT_THAT(lines[0], HasSubstr("\"warn\""));
  const auto tasks_begin = [](const std::string& line) {
    return line.find("alarm begins") != std::string::npos &&
           line.find("\"alarm\":\"tasks\"") != std::string::npos;
  };
  EXPECT_EQ(std::ranges::count_if(lines, tasks_begin), 1);
  EXPECT_THAT(lines[3], HasSubstr("\"alarm ends\""));
  EXPECT_THAT(lines[3], HasSubstr("\"value\":10,\"limit\":5000"));
}

TEST_F(DiagnosticsTest, CountsAndMemoryAreMetrics) {
  ListedCounter pool("db_connections", "primary");
  pool.add();
  const std::string text = metrics();
  EXPECT_THAT(text, HasSubstr("process_live_objects{kind=\"tasks\",of=\"\"} "));
  EXPECT_THAT(text, HasSubstr("process_live_objects{kind=\"db_connections\",of=\"primary\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE process_live_objects_total counter\n"));
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes "));
  pool.remove();
}

TEST(Diagnostics, SamplesThisProcess) {
  ListedCounter pool("test_connections", "host:1");
  ListedCounter other("test_jobs", "host:1");
  pool.add();
  other.add();
  const AlarmSample sample = sample_process();
  EXPECT_GT(sample.resident_bytes, 1024U * 1024);
  ASSERT_EQ(sample.hosts.size(), 1U);
  EXPECT_EQ(sample.hosts[0].name, "host:1");
  EXPECT_EQ(sample.hosts[0].connections, 1);
  pool.remove();
  other.remove();
}

}  // namespace
}  // namespace kit::app
