// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/span.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/telemetry/tracer.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view incoming_id = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view incoming = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

std::unique_ptr<Tracer> tracer_of(double ratio) {
  TracerOptions options;
  options.sampling.ratio = ratio;
  return *Tracer::make(std::move(options));
}

/// The spans of the trace of `log` that have ended, by name.
std::vector<SpanRecord> spans_of(Tracer& tracer, const LogContext& log) {
  tracer.processor().collect();
  auto kept = tracer.processor().table().find(view(log.trace_id));
  return kept ? std::move(kept->spans) : std::vector<SpanRecord>();
}

const SpanRecord& named(const std::vector<SpanRecord>& spans, std::string_view name) {
  const auto found = std::ranges::find(spans, name, &SpanRecord::name);
  if (found == spans.end()) throw std::out_of_range("no span " + std::string(name));
  return *found;
}

class SpanTest : public ::testing::Test {
 protected:
  ~SpanTest() override { current_log_context = nullptr; }
  void begin(Tracer& tracer) {
    tracer.identify(log, {});
    tracer.decide(log, "/", {});
    current_log_context = &log;
  }
  LogContext log;
};

TEST_F(SpanTest, IsTheChildOfTheWorkAroundIt) {
  const auto tracer = tracer_of(1);
  begin(*tracer);
  Span span("GET", SpanKind::client);
  ASSERT_TRUE(span.is_recording());
  span.set(attribute::server_address, "stock");
  span.set(attribute::server_port, 8080);
  span.set("stock.shelf", "A7");
  span.set("stock.weight", 2.5);
  span.set("stock.fragile", true);
  span.set("stock.items", 3U);
  span.add_event("first byte");
  span.add_link(incoming_id, "00f067aa0ba902b7");
  span.add_link("not an id", "00f067aa0ba902b7");
  const SpanId id = span.id_or(log);
  span.end();
  EXPECT_FALSE(span.is_recording());
  const auto spans = spans_of(*tracer, log);
  ASSERT_EQ(spans.size(), 1U);
  const SpanRecord& record = spans.front();
  EXPECT_EQ(record.name, "GET");
  EXPECT_EQ(record.kind, SpanKind::client);
  EXPECT_EQ(record.trace_id, log.trace_id);
  EXPECT_EQ(record.parent_id, log.span_id);
  EXPECT_EQ(record.span_id, id);
  EXPECT_EQ(record.trace_state, "ot=th:0");
  EXPECT_TRUE(record.sampled && record.random && !record.is_entry && !record.parent_is_remote);
  EXPECT_EQ(record.value_of("server.address"), "stock");
  EXPECT_EQ(record.value_of("server.port"), "8080");
  EXPECT_EQ(record.value_of("stock.shelf"), "A7");
  EXPECT_EQ(record.value_of("stock.weight"), "2.5");
  EXPECT_EQ(record.value_of("stock.fragile"), "true");
  EXPECT_EQ(record.value_of("stock.items"), "3");
  EXPECT_EQ(record.events.size(), 1U);
  EXPECT_EQ(record.links.size(), 1U);
  EXPECT_GE(record.ended, record.started);
}

TEST_F(SpanTest, NothingIsRecordedOfWhatIsNotSampled) {
  const auto tracer = tracer_of(0);
  begin(*tracer);
  Span span("GET", SpanKind::client);
  EXPECT_FALSE(span.is_recording());
  EXPECT_EQ(span.id_or(log), log.span_id);
  span.set(attribute::server_address, "stock");
  span.fail(Error(Code::internal, "x"));
  span.end();
  EXPECT_TRUE(spans_of(*tracer, log).empty());
  current_log_context = nullptr;
  EXPECT_FALSE(Span("GET", SpanKind::client).is_recording());
}

TEST_F(SpanTest, LimitsHold) {
  const auto tracer = tracer_of(1);
  begin(*tracer);
  Span span(std::string(most_name_bytes + 1, 'n'), SpanKind::internal);
  for (std::size_t i = 0; i < most_attributes + 2; ++i) span.set("key" + std::to_string(i), i);
  for (std::size_t i = 0; i < most_events + 3; ++i) span.add_event("event");
  for (std::size_t i = 0; i < most_links + 4; ++i) span.add_link(incoming_id, "00f067aa0ba902b7");
  span.set("key0", std::string(most_text_bytes + 1, 'v'));
  span.end();
  const auto spans = spans_of(*tracer, log);
  ASSERT_EQ(spans.size(), 1U);
  const SpanRecord& record = spans.front();
  EXPECT_EQ(record.name.size(), most_name_bytes);
  EXPECT_EQ(record.attributes.size(), most_attributes);
  EXPECT_EQ(record.dropped_attributes, 2U);
  EXPECT_EQ(record.events.size(), most_events);
  EXPECT_EQ(record.dropped_events, 3U);
  EXPECT_EQ(record.links.size(), most_links);
  EXPECT_EQ(record.dropped_links, 4U);
  EXPECT_EQ(record.value_of("key0").size(), most_text_bytes);
}

TEST_F(SpanTest, ValuesThatAreSetAgainTakeBoundedMemory) {
  const auto tracer = tracer_of(1);
  begin(*tracer);
  Span span("loop", SpanKind::internal);
  const std::string value(most_text_bytes, 'v');
  for (int i = 0; i < 10'000; ++i) span.set("again", value);
  EXPECT_LE(span.record()->memory(), 512U << 10);
  EXPECT_GT(span.record()->dropped_attributes, 0U);
}

TEST_F(SpanTest, SecretsAreNotRecorded) {
  const auto tracer = tracer_of(1);
  begin(*tracer);
  Span span("login", SpanKind::internal);
  span.set("api_token", "canary");
  span.set("note", Secret<std::string>("canary"));
  span.fail(Error(Code::invalid_argument, "canary is no password").with_reason("BAD_PASSWORD"));
  span.end();
  const auto spans = spans_of(*tracer, log);
  const SpanRecord& record = spans.front();
  EXPECT_EQ(record.text.find("canary"), std::string::npos);
  EXPECT_EQ(record.status_message, "");
  EXPECT_EQ(record.value_of("error.type"), "BAD_PASSWORD");
  EXPECT_EQ(record.status, SpanStatus::error);
}

TEST_F(SpanTest, WhatIsDroppedEndsAsCancelled) {
  const auto tracer = tracer_of(1);
  begin(*tracer);
  {
    Span dropped("GET", SpanKind::client);
  }
  Span moved("first", SpanKind::client);
  Span to = std::move(moved);
  EXPECT_FALSE(moved.is_recording());  // NOLINT(bugprone-use-after-move): what it promises
  to = Span("second", SpanKind::client);
  to.end();
  const auto spans = spans_of(*tracer, log);
  ASSERT_EQ(spans.size(), 3U);
  EXPECT_EQ(named(spans, "GET").value_of("error.type"), "CANCELLED");
  EXPECT_EQ(named(spans, "first").value_of("error.type"), "CANCELLED");
  EXPECT_EQ(named(spans, "second").status, SpanStatus::unset);
}

Task<> inner(SpanId* parent_of_log) {
  co_await sleep_for(1ms);
  *parent_of_log = current_log_context->span_id;
  Span leaf("leaf", SpanKind::client);
  co_await sleep_for(1ms);
  leaf.end();
}

Task<> scoped(std::string_view name, SpanId* inside, SpanId* after) {
  SpanScope scope(name, SpanKind::internal);
  co_await inner(inside);
  scope.end();
  co_await sleep_for(1ms);
  *after = current_log_context->span_id;
}

Task<> two_at_once(SpanId* inside, SpanId* after) {
  TaskGroup group("two");
  group.spawn(scoped("a", &inside[0], &after[0]));
  group.spawn(scoped("b", &inside[1], &after[1]));
  co_await group.join();
}

Task<> under(const LogContext* log, Task<> task) {
  Context context;
  context.set_log_context(log);
  Context::Scope scope(context);
  co_await std::move(task);
}

TEST_F(SpanTest, AScopeIsTheParentAcrossAwaits) {
  testing::VirtualLoop loop;
  const auto tracer = tracer_of(1);
  begin(*tracer);
  current_log_context = nullptr;
  SpanId inside[2];
  SpanId after[2];
  ASSERT_TRUE(run(loop, under(&log, two_at_once(inside, after))).ok());
  const auto spans = spans_of(*tracer, log);
  ASSERT_EQ(spans.size(), 4U);
  for (const int i : {0, 1}) {
    const SpanRecord& scope = named(spans, i == 0 ? "a" : "b");
    EXPECT_EQ(scope.parent_id, log.span_id);
    EXPECT_EQ(inside[i], scope.span_id);
    EXPECT_EQ(after[i], log.span_id);
    EXPECT_EQ(std::ranges::count(spans, scope.span_id, &SpanRecord::parent_id), 1);
  }
}

Task<> dropped_scope(const LogContext* log) {
  Context context;
  context.set_log_context(log);
  Context::Scope outer(context);
  {
    SpanId inside;
    SpanId after;
    // Dropped in the middle: what was current before is so again.
    Task<> limited = with_deadline(Clock::duration(1ms), [](SpanId* at, SpanId* behind) -> Task<> {
      SpanScope scope("dropped", SpanKind::internal);
      co_await sleep_for(1h);
      *at = *behind = {};
    }(&inside, &after));
    const Result<> ended = co_await as_result(std::move(limited));
    EXPECT_EQ(ended.error().code(), Code::deadline_exceeded);
  }
  EXPECT_EQ(current_log_context, log);
  outer.leave();
}

TEST_F(SpanTest, AScopeThatIsDroppedLetsGo) {
  testing::VirtualLoop loop;
  const auto tracer = tracer_of(1);
  begin(*tracer);
  current_log_context = nullptr;
  ASSERT_TRUE(run(loop, dropped_scope(&log)).ok());
  const auto spans = spans_of(*tracer, log);
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].value_of("error.type"), "CANCELLED");
}

Task<> a_job(Tracer* tracer, std::string_view parent, LogContext* seen) {
  SpanScope scope(SpanScope::Begin{.tracer = tracer, .name = "job", .trace_parent = parent});
  *seen = *current_log_context;
  EXPECT_EQ(current_log_context->request_id, view(current_log_context->span_id));
  Span leaf("leaf", SpanKind::client);
  co_await sleep_for(1ms);
  leaf.end();
  scope.end();
  EXPECT_EQ(current_log_context, nullptr);
}

TEST_F(SpanTest, BeginsATrace) {
  testing::VirtualLoop loop;
  const auto tracer = tracer_of(1);
  ASSERT_TRUE(run(loop, a_job(tracer.get(), {}, &log)).ok());
  auto spans = spans_of(*tracer, log);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_FALSE(is_set(named(spans, "job").parent_id));
  EXPECT_TRUE(named(spans, "job").is_entry);
  EXPECT_EQ(named(spans, "leaf").parent_id, named(spans, "job").span_id);

  ASSERT_TRUE(run(loop, a_job(tracer.get(), incoming, &log)).ok());
  EXPECT_EQ(view(log.trace_id), incoming_id);
  spans = spans_of(*tracer, log);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(view(named(spans, "job").parent_id), "00f067aa0ba902b7");
  EXPECT_TRUE(named(spans, "job").parent_is_remote);
  // Without a tracer log lines have ids all the same.
  ASSERT_TRUE(run(loop, a_job(nullptr, {}, &log)).ok());
  EXPECT_TRUE(is_set(log.trace_id));
}

TEST_F(SpanTest, WhatIsSlowOrFailsIsKeptThoughNotSampled) {
  const auto tracer = tracer_of(0);
  const auto end_after = [&](Clock::duration took, bool fails) {
    begin(*tracer);
    const Clock::time_point started = Clock::now();
    Span span = Span::entry(log, "GET /", SpanKind::server, {}, started);
    if (fails) span.fail("500");
    span.end_at(started + took);
    return spans_of(*tracer, log).size();
  };
  EXPECT_EQ(end_after(249ms, false), 0U);
  EXPECT_EQ(end_after(250ms, false), 1U);
  EXPECT_EQ(end_after(1ms, true), 1U);
  TracerOptions off;
  off.sampling.ratio = 0;
  off.slow = 0ms;
  ASSERT_TRUE(tracer->apply(std::move(off)).ok());
  EXPECT_EQ(end_after(1h, true), 0U);
}

TEST_F(SpanTest, OnlyWhoIsTrustedIsBelieved) {
  TracerOptions options;
  options.sampling.ratio = 0;
  options.trusts = [](std::string_view peer) { return peer == "10.0.0.1"; };
  const auto tracer = *Tracer::make(std::move(options));
  EXPECT_TRUE(tracer->trusts("10.0.0.1"));
  EXPECT_FALSE(tracer->trusts("203.0.113.9"));
  IncomingTrace trace;
  trace.trace_parent = incoming;
  trace.trace_state = "a=1";
  trace.baggage = "b=2";
  trace.is_forced = true;
  tracer->identify(log, trace);
  tracer->decide(log, "/", trace);
  EXPECT_NE(view(log.trace_id), incoming_id);
  EXPECT_TRUE(log.random && !log.sampled && log.trace_state.empty() && log.baggage.empty());
  trace.is_trusted = true;
  tracer->identify(log, trace);
  tracer->decide(log, "/", trace);
  EXPECT_EQ(view(log.trace_id), incoming_id);
  EXPECT_TRUE(log.sampled && !log.random);
  EXPECT_EQ(log.trace_state, "a=1");
  EXPECT_EQ(log.baggage, "b=2");
  trace.trace_parent = "garbage";
  trace.is_forced = false;
  tracer->identify(log, trace);
  tracer->decide(log, "/", trace);
  EXPECT_TRUE(log.trace_state.empty());  // of no use without its parent
  EXPECT_FALSE(log.sampled);
}

TEST_F(SpanTest, OptionsAreReplacedLive) {
  const auto tracer = tracer_of(0);
  begin(*tracer);
  EXPECT_FALSE(log.sampled);
  TracerOptions all;
  all.sampling.ratio = 1;
  ASSERT_TRUE(tracer->apply(std::move(all)).ok());
  begin(*tracer);
  EXPECT_TRUE(log.sampled);
  TracerOptions bad;
  bad.sampling.ratio = 7;
  EXPECT_FALSE(tracer->apply(std::move(bad)).ok());
  begin(*tracer);
  EXPECT_TRUE(log.sampled);
}

}  // namespace
}  // namespace kit::telemetry
