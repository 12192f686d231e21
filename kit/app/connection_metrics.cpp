// SPDX-License-Identifier: Apache-2.0
#include "kit/app/connection_metrics.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kit::app {
namespace {

std::vector<telemetry::Reading> limit_readings(const http::LimitCounts& counts) {
  std::vector<telemetry::Reading> readings;
  for (std::size_t i = 0; i < http::limit_count; ++i) {
    const auto limit = static_cast<http::Limit>(i);
    readings.push_back(
        {{std::string(http::name(limit))}, static_cast<double>(counts.value(limit))});
  }
  return readings;
}

}  // namespace

void add_connection_metrics(telemetry::Registry& registry,
                            const std::shared_ptr<http::ConnectionTable>& connections,
                            const std::shared_ptr<net::TlsStore>& tls) {
  registry.add_reading("http_server_connections", "Connections open now",
                       [connections] { return static_cast<double>(connections->connections()); });
  registry.add_reading("http_server_active_requests", "Requests under way now", [connections] {
    return static_cast<double>(connections->requests().live());
  });
  registry.add_readings("http_server_limit_hits_total",
                        "How often a limit of the server was reached", {"limit"},
                        [connections] { return limit_readings(connections->limit_counts()); });
  registry.add_reading("connections_turned_away_total",
                       "Connections closed at once because descriptors had run out",
                       [] { return static_cast<double>(net::connections_turned_away()); });
  if (!tls) return;
  using Count = std::atomic<std::uint64_t>;
  const auto add = [&](std::string_view name, std::string_view help, const Count& count) {
    registry.add_reading(name, help, [tls, &count] { return static_cast<double>(count.load()); });
  };
  const net::TlsCounts& counts = tls->counts();
  add("tls_handshakes_total", "TLS handshakes that succeeded, resumed ones too", counts.handshakes);
  add("tls_handshakes_resumed_total", "TLS handshakes that went on with a session", counts.resumed);
  add("tls_handshakes_failed_total", "TLS handshakes that failed", counts.failed);
  add("tls_handshakes_timed_out_total", "TLS handshakes that took too long", counts.timed_out);
  registry.add_reading("tls_certificate_expiry_timestamp_seconds",
                       "When the first certificate ends, in seconds since 1970", [tls] {
                         const auto ends = tls->current()->expires().time_since_epoch();
                         return std::chrono::duration<double>(ends).count();
                       });
}

}  // namespace kit::app
