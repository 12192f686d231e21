// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace kit::telemetry {

/// Ids of W3C Trace Context in lower-case hex, as they are sent and logged; all zero bytes: none.
using TraceId = std::array<char, 32>;
using SpanId = std::array<char, 16>;

/// 64 random bits, never zero: unique, not secret. Thread safety: any thread. Cost: some 10
/// instructions; one system call in each thread, before its first.
std::uint64_t random_id();

/// Writes sixteen lower-case hex digits.
void write_hex(std::uint64_t value, char* to);

inline SpanId new_span_id() {
  SpanId id;
  write_hex(random_id(), id.data());
  return id;
}
inline TraceId new_trace_id() {
  TraceId id;
  write_hex(random_id(), id.data());
  write_hex(random_id(), id.data() + 16);
  return id;
}

/// Whether `text` is lower-case hex and not all zeros.
bool is_trace_id(std::string_view text);

inline bool is_set(const TraceId& id) {
  return id[0] != '\0';
}
inline bool is_set(const SpanId& id) {
  return id[0] != '\0';
}
inline std::string_view view(const TraceId& id) {
  return is_set(id) ? std::string_view(id.data(), id.size()) : std::string_view();
}
inline std::string_view view(const SpanId& id) {
  return is_set(id) ? std::string_view(id.data(), id.size()) : std::string_view();
}

}  // namespace kit::telemetry
