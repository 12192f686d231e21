// SPDX-License-Identifier: Apache-2.0
#include "kit/http/limit_counts.hpp"

namespace kit::http {

std::string_view name(Limit limit) {
  static constexpr std::array<std::string_view, limit_count> names = {
      "connections",         "connections_per_peer", "request_line_bytes",
      "header_bytes",        "header_count",         "header_field_bytes",
      "body_bytes",          "query_parameters",     "requests_per_connection",
      "header_timeout",      "body_timeout",         "body_bytes_per_second",
      "idle_timeout",        "write_timeout",        "answer_bytes_per_second",
      "handler_timeout",     "http2_streams",        "http2_buffered_bytes",
      "http2_continuations", "http2_empty_frames",   "http2_queued_frames",
      "http2_resets",        "http2_pings",          "http2_control_frames"};
  return names[static_cast<std::size_t>(limit)];
}

}  // namespace kit::http
