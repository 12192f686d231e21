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
  std::size_t query_parameters = 256;          ///< 400.
  std::size_t pipelined_bytes =
      64 * 1024;  ///< Reading stops (backpressure) while this much waits to be sent.
  std::uint32_t requests_per_connection = 10'000;  ///< Then Connection: close.
  std::size_t connections = 0;  ///< In all; 0: min(20 000, 3/4 of the descriptor limit - 512). 503.
  std::size_t connections_per_peer = 256;  ///< Of one address; 503 and close.
  /// From the first byte to the end of the block; 408. Also from accepting a connection to its
  /// first byte; closed silently.
  std::chrono::milliseconds header_timeout{10'000};
  std::chrono::milliseconds body_timeout{30'000};   ///< For the whole body; 408. A route's own
                                                    ///< replaces it.
  std::size_t body_bytes_per_second = 240;          ///< After 5 s of body; 408. 0: no minimum.
  std::chrono::milliseconds idle_timeout{60'000};   ///< Between requests; closed silently.
  std::chrono::milliseconds write_timeout{30'000};  ///< Without progress; reset.
  /// Of an answer that takes longer than twice `write_timeout`; reset. 0: no minimum.
  std::size_t answer_bytes_per_second = 240;
  /// 504. A route's own timeout replaces it, up to 60 s; Request-Timeout-Ms or grpc-timeout of a
  /// request shorten it.
  std::chrono::milliseconds handler_timeout{5'000};

  // HTTP/2. `header_bytes` counts name, value and 32 for each field there (RFC 9113 section 6.5.2)
  // and is announced; four times as much ends the connection. What is marked "calm" ends it with
  // GOAWAY and ENHANCE_YOUR_CALM. Rates are counted over `http2_rate_window`.
  std::uint32_t http2_streams = 100;                    ///< At once; REFUSED_STREAM.
  std::size_t http2_stream_window = 64 * 1024;          ///< Unread bytes of one body; flow control.
  std::size_t http2_connection_window = 1024 * 1024;    ///< Of all bodies; flow control.
  std::size_t http2_buffered_bytes = 16 * 1024 * 1024;  ///< Collected bodies; 503 for the latest.
  std::uint32_t http2_continuations = 8;                ///< Frames of one header block; calm.
  std::uint32_t http2_empty_frames = 10;                ///< DATA without bytes in a row; calm.
  std::uint32_t http2_queued_frames = 1'000;            ///< Answers to control frames; calm.
  std::chrono::milliseconds http2_rate_window{10'000};
  std::uint32_t http2_resets = 200;  ///< Streams the client gives up; calm. Also, of 100 or more,
                                     ///< over twice as many as were answered.
  /// PING and SETTINGS since the last frame of an answer; calm.
  std::uint32_t http2_pings = 30;
  /// PRIORITY, WINDOW_UPDATE and unknown frames, beyond ten for each frame of an answer; calm.
  std::uint32_t http2_control_frames = 1'000;
};

}  // namespace kit::http
