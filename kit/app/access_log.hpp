// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/http/router.hpp"
#include "kit/http/server.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::app {

/// Writes a log line for each request and measures it by method, route and status.
/// Thread safety: any thread. Lifetime: longer than its servers'.
class AccessLog final : public http::RequestObserver {
 public:
  /// Without `write_lines` only failures of the server (5xx) are written.
  explicit AccessLog(bool write_lines);
  void on_finished(const Finished& finished) override;

  /// Where other metrics of the process are added.
  telemetry::Registry& registry() { return registry_; }
  /// How long requests took, by method, route and status, with the traces of some of them.
  const telemetry::HistogramFamily& durations() const { return durations_; }
  /// Serves the metrics at /metrics, in the format that Accept wants. Lifetime: outlives the
  /// router.
  Result<> add_metrics(http::Router& router) const;

 private:
  struct Numbers;
  const Numbers& numbers(const Finished& finished);

  bool write_lines_;
  const std::uint64_t id_;  // tells this one from another that lived at the same address
  telemetry::Registry registry_;
  telemetry::HistogramFamily& durations_;
  telemetry::CounterFamily& request_bytes_;
  telemetry::CounterFamily& response_bytes_;
};

}  // namespace kit::app
