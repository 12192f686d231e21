// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/context.hpp"
#include "kit/base/result.hpp"
#include "kit/telemetry/sampler.hpp"
#include "kit/telemetry/span_processor.hpp"
#include "kit/telemetry/trace_context.hpp"

namespace kit::telemetry {

struct TracerOptions {
  SamplerOptions sampling;
  /// Whether the trace of a peer (`http::Request::peer`) goes on here, and its baggage. Of others
  /// nothing is believed: a trace of ours begins, with a link to theirs. Called on any thread.
  /// Null: nobody is.
  std::function<bool(std::string_view peer)> trusts = nullptr;
  /// A field of a request of a trusted peer that makes its trace sampled, whatever it says; empty:
  /// there is none. Lower case.
  std::string force_header = {};
  /// A request or job that takes longer, or fails, is kept for /debug/requests also when it was not
  /// sampled; 0: only sampled ones are.
  std::chrono::milliseconds slow{250};
};

/// What came in with a request or a message. Lifetime: borrowed.
struct IncomingTrace {
  std::string_view trace_parent;
  std::string_view trace_state = {};
  std::string_view baggage = {};
  /// Whoever sent it may say what trace it belongs to: a peer that `Tracer::trusts`, a message of
  /// one's own queue.
  bool is_trusted = false;
  bool is_forced = false;  ///< It has the force header.
};

/// Decides which traces are recorded, and takes their spans. One per process; work knows it by
/// `LogContext::tracer`. Thread safety: any thread. Lifetime: longer than all work that knows it.
class Tracer {
 public:
  /// Fails like `apply`.
  static Result<std::unique_ptr<Tracer>> make(TracerOptions options,
                                              SpanProcessorOptions processor = {},
                                              TraceTableOptions table = {});
  ~Tracer();
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  /// Replaces the options while work goes on; what has begun keeps its decision. Fails with
  /// `invalid_argument` for a ratio that is none and a rule without a route; the options stay as
  /// they are then.
  Result<> apply(TracerOptions options);

  /// Where `log` gets its trace id from, which is either that of `incoming` or a new one; sets all
  /// of its fields about traces but `sampled` and `threshold`. Cost: some 60 instructions.
  void identify(LogContext& log, const IncomingTrace& incoming);
  /// Whether the trace is recorded; once, when `route` is known. `incoming` as in `identify`.
  void decide(LogContext& log, std::string_view route, const IncomingTrace& incoming);

  /// What the options in force say of a peer. Cost: as what `TracerOptions::trusts` does.
  bool trusts(std::string_view peer);
  /// Good until this thread's next call of the tracer; empty: there is none.
  std::string_view force_header();
  std::chrono::milliseconds slow();

  SpanProcessor& processor() { return processor_; }

 private:
  friend class Span;
  struct Current;
  struct ThreadState;
  Tracer(SpanProcessorOptions processor, TraceTableOptions table);
  ThreadState& here();
  const Current& current();
  std::unique_ptr<SpanRecord> acquire();
  void submit(std::unique_ptr<SpanRecord> record);
  void reuse(std::unique_ptr<SpanRecord> record);

  const std::uint64_t id_;  // tells this one from another that lived at the same address
  SpanProcessor processor_;
  std::mutex mutex_;
  std::shared_ptr<const Current> current_;  // under mutex_
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace kit::telemetry
