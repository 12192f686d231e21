// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/queue/queue.hpp"
#include "kit/telemetry/span.hpp"

namespace kit::queue {

/// The value of a header of a message; empty when there is none.
std::string_view header(const Message& message, std::string_view name);

/// Spans of messages that are about to be published, each below the work that its header
/// traceparent names, or else below what this thread is doing. The header then names the span, so
/// that whoever gets the message goes on there. `tracer` null: nothing is recorded of messages with
/// a header of their own.
std::vector<telemetry::Span> trace_messages(std::span<Message> messages, telemetry::Tracer* tracer);
/// They were published, or not.
void end_spans(std::vector<telemetry::Span>& spans, const Result<>& how);

/// What the work on a message is done in: a span below the one that published it, and log lines
/// with its ids.
///
///     telemetry::SpanScope scope = queue::message_scope(tracer, delivery.message);
///     const Result<> done = co_await as_result(handle(delivery.message));
///     scope.end(done);
telemetry::SpanScope message_scope(telemetry::Tracer* tracer, const Message& message);

/// A publisher whose messages carry the trace of the work that publishes them. Thread safety: as
/// `inner`, which outlives it.
class TracedPublisher final : public Publisher {
 public:
  explicit TracedPublisher(Publisher& inner, telemetry::Tracer* tracer = nullptr)
      : inner_(inner), tracer_(tracer) {}
  Task<> publish(std::span<const Message> messages) override;

 private:
  Publisher& inner_;
  telemetry::Tracer* tracer_;
};

}  // namespace kit::queue
