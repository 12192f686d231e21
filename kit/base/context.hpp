// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace kit::telemetry {
class Tracer;  // kit/telemetry/tracer.hpp
}

namespace kit {

/// What every log line of a piece of work says about it. Lives as long as the work; fixed size, no
/// allocation.
struct LogContext {
  std::array<char, 32> trace_id{};  ///< Lower-case hex, all zero bytes when there is none.
  std::array<char, 16> span_id{};   ///< Lower-case hex, all zero bytes when there is none.
  std::string_view request_id;      ///< Empty when there is none. Lifetime: the request's.
  std::string_view
      user;  ///< Subject of the caller; empty: nobody in particular. Lifetime: as above.
  bool sampled = false;  ///< The trace is recorded: W3C flag 01.
  bool random = false;   ///< The trace id is random in its last 56 bits: W3C flag 02.
  /// Where the decision to record was made here, by chance: what fraction of traces is not, as the
  /// hex digits of `ot=th:` in tracestate; all zero bytes when it was not.
  std::array<char, 14> threshold{};
  std::string_view trace_state;  ///< W3C tracestate as it came in. Lifetime: as `request_id`.
  std::string_view baggage;      ///< W3C baggage as it came in. Lifetime: as `request_id`.
  telemetry::Tracer* tracer = nullptr;  ///< Where spans of this work go; null: nowhere.
};

/// The context of the work this thread is doing right now, or null. `async` keeps it right across
/// awaits; `log` reads it. It lives here so that logging need not know tasks.
inline thread_local const LogContext* current_log_context = nullptr;

}  // namespace kit
