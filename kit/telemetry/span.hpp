// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "kit/async/context.hpp"
#include "kit/base/context.hpp"
#include "kit/base/error.hpp"
#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"
#include "kit/telemetry/attributes.hpp"
#include "kit/telemetry/span_record.hpp"

namespace kit::telemetry {

/// Whether what this thread is doing is recorded. Cost: 1 ns.
inline bool is_recorded() {
  const LogContext* const log = current_log_context;
  return log != nullptr && log->sampled && log->tracer != nullptr;
}

/// A piece of work and how long it took: the child of the work that this thread is doing when it is
/// made. Nothing is recorded, and nothing costs, where that is not sampled. It is not the parent of
/// what is called meanwhile: for that there is `SpanScope`.
///
///     telemetry::Span span("GET", telemetry::SpanKind::client);
///     span.set(telemetry::attribute::server_address, host);
///     ... co_await ...
///     if (!result) span.fail(result.error());
///     span.end();
///
/// One that is destroyed before `end` was dropped on its way: it ends as cancelled. Thread safety:
/// one thread. Lifetime: shorter than its tracer's. Cost: some 3 ns when nothing is recorded.
class Span {
 public:
  Span() = default;
  Span(std::string_view name, SpanKind kind) : Span(current_log_context, name, kind) {}
  Span(const LogContext* parent, std::string_view name, SpanKind kind) {
    if (parent != nullptr && parent->sampled && parent->tracer != nullptr) [[unlikely]] {
      begin(*parent, name, kind);
    }
  }
  /// The span whose ids `log` has: a request, a job. `parent`: in another process, or all zero
  /// bytes. Recorded also when it is not sampled, for the pages of this process.
  static Span entry(const LogContext& log, std::string_view name, SpanKind kind,
                    const SpanId& parent, Clock::time_point started);
  Span(Span&& other) noexcept
      : record_(std::move(other.record_)), tracer_(std::exchange(other.tracer_, nullptr)) {}
  Span& operator=(Span&& other) noexcept;
  ~Span() {
    if (record_) [[unlikely]]
      drop();
  }

  bool is_recording() const { return record_ != nullptr; }
  /// Its own id when it is recorded, else the one of the work around it: the parent of what is
  /// sent.
  SpanId id_or(const LogContext& around) const {
    return record_ ? record_->span_id : around.span_id;
  }
  const SpanRecord* record() const { return record_.get(); }

  void rename(std::string_view name) {
    if (record_) set_name(name);
  }
  void set(const TextKey& key, std::string_view value) {
    if (record_) add(key.name, value);
  }
  void set(const NumberKey& key, std::int64_t value) {
    if (record_) add(key.name, value);
  }
  void set(const FlagKey& key, bool value) {
    if (record_) add(key.name, value);
  }
  /// An attribute of the program's own. The value of one whose name says that it is a secret is
  /// left out, as in the log.
  void set(std::string_view name, std::string_view value) {
    if (record_) add_own(name, value);
  }
  template <class Number>
    requires std::is_arithmetic_v<Number>
  void set(std::string_view name, Number value) {
    if (!record_) return;
    if constexpr (std::same_as<Number, bool>) {
      add_own_flag(name, value);
    } else if constexpr (std::integral<Number>) {
      add_own_number(name, static_cast<std::int64_t>(value));
    } else {
      add_own_fraction(name, value);
    }
  }
  template <class T>
  void set(std::string_view name, const Secret<T>&) {
    if (record_) add_own(name, hidden_secret);
  }
  void add_event(std::string_view name) {
    if (record_) add_event_now(name);
  }
  void add_link(std::string_view trace_id, std::string_view span_id) {
    if (record_) add_link_to(trace_id, span_id);
  }
  /// It did not do what it was for: error.type is the reason of `why`, or its code. Its message is
  /// for the log only: it may quote what people sent.
  void fail(const Error& why) {
    if (record_) set_error(why);
  }
  /// The same where there is no error but an answer: "503".
  void fail(std::string_view type) {
    if (record_) set_error(type);
  }
  void end() {
    if (record_) finish();
  }
  /// The same at a time that is known.
  void end_at(Clock::time_point ended);

 private:
  void begin(const LogContext& parent, std::string_view name, SpanKind kind);
  void set_name(std::string_view name);
  SpanAttribute* add_attribute(std::string_view name);
  SpanAttribute* add_own_attribute(std::string_view name);
  void put_text(SpanAttribute& attribute, std::string_view value);
  void add(std::string_view name, std::string_view value);
  void add(std::string_view name, std::int64_t value);
  void add(std::string_view name, bool value);
  void add_own(std::string_view name, std::string_view value);
  void add_own_number(std::string_view name, std::int64_t value);
  void add_own_fraction(std::string_view name, double value);
  void add_own_flag(std::string_view name, bool value);
  void add_event_now(std::string_view name);
  void add_link_to(std::string_view trace_id, std::string_view span_id);
  void set_error(const Error& why);
  void set_error(std::string_view type);
  void finish();
  void drop();

  std::unique_ptr<SpanRecord> record_;
  Tracer* tracer_ = nullptr;
};

/// A span that is the parent of what the coroutine which has this calls until `end`, across its
/// awaits; log lines carry its id. Where nothing is recorded it does nothing. Lifetime: what was
/// started under it has ended before.
class SpanScope {
 public:
  SpanScope(std::string_view name, SpanKind kind);
  /// The beginning of a trace of its own, or of the part in this process of the one that
  /// `trace_parent` (W3C; may be empty) names: a message, a job, a turn of a worker. Log lines
  /// carry its ids, whether it is sampled or not. `tracer` null: only that. Lifetime: `request_id`
  /// is borrowed; empty: the id of the span.
  struct Begin {
    Tracer* tracer = nullptr;
    std::string_view name;
    SpanKind kind = SpanKind::internal;
    std::string_view trace_parent = {};
    std::string_view request_id = {};
  };
  explicit SpanScope(const Begin& begin);
  ~SpanScope() { leave(); }
  SpanScope(const SpanScope&) = delete;
  SpanScope& operator=(const SpanScope&) = delete;

  Span& span() { return span_; }
  /// The span ends, and the one around it is the current one again.
  void end();
  void end(const Result<>& how);

 private:
  struct Inside {
    explicit Inside(const LogContext& made) : log(made), scope(prepared()) {}
    Context& prepared() {
      context.set_log_context(&log);
      return context;
    }
    LogContext log;
    Context context;
    Context::Scope scope;
  };
  void leave();

  Span span_;
  std::optional<Inside> inside_;
};

}  // namespace kit::telemetry
