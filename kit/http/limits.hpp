// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace kit::http {

/// Every limit of the server, with the default and what a client sees past it. Sources: docs/guide
/// (hardening table).
struct Limits {
  std::size_t request_line_bytes = 8 * 1024;   ///< Without CR LF; 414.
  std::size_t header_bytes = 32 * 1024;        ///< All fields with their CR LF; 431.
  std::size_t header_count = 100;              ///< 431.
  std::size_t header_field_bytes = 16 * 1024;  ///< One field without CR LF; 431.
  std::size_t body_bytes = 1024 * 1024;        ///< 413.
  std::size_t query_parameters = 256;          ///< 400; what handlers pass to `parse_query`.
  std::size_t pipelined_bytes =
      64 * 1024;  ///< Reading stops (backpressure) while this much waits to be sent.
  std::uint32_t requests_per_connection = 10'000;  ///< Then Connection: close.
  std::size_t connections = 0;  ///< In all; 0: min(20 000, 3/4 of the descriptor limit - 512). 503.
  std::size_t connections_per_peer = 256;  ///< Of one address; 503 and close.
  /// From the first byte to the end of the block; 408. Also from accepting a connection to its
  /// first byte; closed silently.
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};   ///< For the whole body; 408.
  std::size_t body_bytes_per_second = 240;          ///< After 5 s of body; 408. 0: no minimum.
  std::chrono::milliseconds idle_timeout{60'000};   ///< Between requests; closed silently.
  std::chrono::milliseconds write_timeout{30'000};  ///< Without progress; reset.
  std::size_t answer_bytes_per_second = 240;  ///< After `write_timeout` of taking an answer; reset.
  /// 504. A route's own timeout replaces it, up to 60 s; Request-Timeout-Ms or grpc-timeout of a
  /// request shorten it.
  std::chrono::milliseconds handler_timeout{5'000};
};

}  // namespace kit::http
