// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kit::http {

/// The limits of `Limits`, by the same names, as something to count.
enum class Limit : std::uint8_t {
  connections,
  connections_per_peer,
  request_line_bytes,
  header_bytes,
  header_count,
  header_field_bytes,
  body_bytes,
  query_parameters,
  requests_per_connection,
  header_timeout,
  body_timeout,
  body_bytes_per_second,
  idle_timeout,
  write_timeout,
  answer_bytes_per_second,
  handler_timeout,
  http2_streams,
  http2_buffered_bytes,
  http2_continuations,
  http2_empty_frames,
  http2_queued_frames,
  http2_resets,
  http2_pings,
  http2_control_frames,
  count_  // how many there are
};

inline constexpr std::size_t limit_count = static_cast<std::size_t>(Limit::count_);

/// "header_timeout".
std::string_view name(Limit limit);

/// How often each limit was reached, for metrics. Thread safety: any thread.
class LimitCounts {
 public:
  void hit(Limit limit) {
    counts_[static_cast<std::size_t>(limit)].fetch_add(1, std::memory_order_relaxed);
  }
  std::uint64_t value(Limit limit) const {
    return counts_[static_cast<std::size_t>(limit)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, limit_count> counts_{};
};

}  // namespace kit::http
