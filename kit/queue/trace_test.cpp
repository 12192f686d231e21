// SPDX-License-Identifier: Apache-2.0
#include "kit/queue/trace.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "kit/async/run.hpp"
#include "kit/telemetry/tracer.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::queue {
namespace {

using telemetry::SpanRecord;

class KeepingPublisher final : public Publisher {
 public:
  Task<> publish(std::span<const Message> messages) override {
    kept.assign(messages.begin(), messages.end());
    if (fails) co_await Error(Code::unavailable, "away");
    co_return;
  }
  std::vector<Message> kept;
  bool fails = false;
};

class QueueTraceTest : public ::testing::Test {
 protected:
  QueueTraceTest() { begin(1); }
  ~QueueTraceTest() override { current_log_context = nullptr; }
  void begin(double ratio) {
    telemetry::TracerOptions options;
    options.sampling.ratio = ratio;
    tracer = *telemetry::Tracer::make(std::move(options));
    tracer->identify(work, {});
    tracer->decide(work, "/", {});
  }
  static Task<> publish_under(const LogContext* log, Publisher* to, Message message) {
    Context context;
    context.set_log_context(log);
    Context::Scope scope(context);
    const std::array<Message, 1> messages{std::move(message)};
    Task<> publishing = to->publish(messages);
    co_await std::move(publishing);
  }
  Result<> publish(Message message = {}) {
    message.topic = "moves";
    message.id = "m-1";
    TracedPublisher traced(inner, tracer.get());
    return run(loop, publish_under(&work, &traced, std::move(message)));
  }
  std::vector<SpanRecord> spans() {
    tracer->processor().collect();
    auto kept = tracer->processor().table().find(telemetry::view(work.trace_id));
    return kept ? std::move(kept->spans) : std::vector<SpanRecord>();
  }
  testing::VirtualLoop loop;
  std::unique_ptr<telemetry::Tracer> tracer;
  LogContext work;
  KeepingPublisher inner;
};

Task<> handle(telemetry::Tracer* tracer, const Message* message, LogContext* seen) {
  telemetry::SpanScope scope = message_scope(tracer, *message);
  *seen = *current_log_context;
  scope.end();
  co_return;
}

TEST_F(QueueTraceTest, ATraceGoesThroughAMessage) {
  ASSERT_TRUE(publish().ok());
  ASSERT_EQ(inner.kept.size(), 1U);
  LogContext seen;
  ASSERT_TRUE(run(loop, handle(tracer.get(), &inner.kept.front(), &seen)).ok());
  EXPECT_EQ(seen.trace_id, work.trace_id);
  EXPECT_TRUE(seen.sampled);
  const auto all = spans();
  ASSERT_EQ(all.size(), 2U);
  const SpanRecord& sent = all[0].kind == telemetry::SpanKind::producer ? all[0] : all[1];
  const SpanRecord& taken = all[0].kind == telemetry::SpanKind::producer ? all[1] : all[0];
  EXPECT_EQ(sent.name, "send moves");
  EXPECT_EQ(sent.parent_id, work.span_id);
  EXPECT_EQ(sent.value_of("messaging.message.id"), "m-1");
  EXPECT_EQ(taken.name, "process moves");
  EXPECT_EQ(taken.kind, telemetry::SpanKind::consumer);
  EXPECT_EQ(taken.parent_id, sent.span_id);
}

TEST_F(QueueTraceTest, WhatIsNotSampledIsToldSo) {
  begin(0);
  ASSERT_TRUE(publish().ok());
  const std::string parent(header(inner.kept.front(), "traceparent"));
  EXPECT_EQ(parent, telemetry::trace_parent(work, work.span_id));
  EXPECT_TRUE(parent.ends_with("-02"));
  LogContext seen;
  ASSERT_TRUE(run(loop, handle(tracer.get(), &inner.kept.front(), &seen)).ok());
  EXPECT_EQ(seen.trace_id, work.trace_id);
  EXPECT_FALSE(seen.sampled);
  EXPECT_TRUE(spans().empty());
}

TEST_F(QueueTraceTest, AHeaderOfItsOwnCounts) {
  const std::string own = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
  Message message;
  message.headers = {{"traceparent", own}};
  ASSERT_TRUE(publish(message).ok());
  EXPECT_EQ(header(inner.kept.front(), "traceparent"), own);
  EXPECT_TRUE(spans().empty());
  message.headers = {{"traceparent", "garbage"}};
  ASSERT_TRUE(publish(message).ok());
  EXPECT_EQ(spans().size(), 1U);
}

TEST_F(QueueTraceTest, WhatIsNotPublishedIsAnError) {
  inner.fails = true;
  EXPECT_FALSE(publish().ok());
  const auto all = spans();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].value_of("error.type"), "UNAVAILABLE");
}

}  // namespace
}  // namespace kit::queue
