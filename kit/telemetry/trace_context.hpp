// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/context.hpp"
#include "kit/telemetry/trace_ids.hpp"

/// W3C Trace Context Level 2 and Baggage: what a trace carries from service to service.
namespace kit::telemetry {

inline constexpr std::uint8_t flag_sampled = 0x01;
inline constexpr std::uint8_t flag_random = 0x02;

inline constexpr std::size_t most_state_members = 32;
inline constexpr std::size_t most_state_bytes = 512;
inline constexpr std::size_t most_baggage_members = 64;
inline constexpr std::size_t most_baggage_bytes = 8'192;

/// Who a request comes from, in its trace. Lifetime: borrowed.
struct TraceParent {
  std::string_view trace_id;  ///< 32 lower-case hex digits.
  std::string_view span_id;   ///< 16 of them.
  std::uint8_t flags = 0;     ///< Of those sent, the ones that are known.
};

/// Reads "00-<32 hex>-<16 hex>-<2 hex>"; later versions may have more behind. Nothing for what is
/// no such thing, for ids of zeros and for upper-case digits.
std::optional<TraceParent> parse_trace_parent(std::string_view header);

/// The traceparent of what is sent by the work of `log`, as the child of `parent`. Always 55
/// characters.
std::string trace_parent(const LogContext& log, const SpanId& parent);

/// The tracestate of what is sent by the work of `log`: the member `ot` first, when the decision
/// was made here, and behind it those that came in. Members past 32 or past 512 characters are left
/// out from the right, whole ones; a list with a malformed member counts as nothing.
std::string trace_state(const LogContext& log);

/// The members of a W3C baggage that may be sent on: whole ones, well-formed, at most 64 and 8 192
/// bytes in all.
std::string limited_baggage(std::string_view baggage);

}  // namespace kit::telemetry
