// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kit/adapters/otlp/exporter_options.hpp"
#include "kit/http/client/client.hpp"
#include "kit/telemetry/span_processor.hpp"

namespace kit::telemetry {
class Registry;
}

namespace kit::otlp {

/// Posts spans to an OpenTelemetry collector: OTLP/HTTP with protocol buffers. A batch that it
/// takes only in part, or refuses for good, is never sent again: what was lost is counted, and said
/// in the log when it begins and when it ends. Requests of its own leave no spans. Thread safety:
/// as SpanExporter; numbers from any thread. Lifetime: `connector` outlives it.
class Exporter final : public telemetry::SpanExporter {
 public:
  struct Numbers {
    std::uint64_t exported = 0;  ///< Spans that the collector took.
    std::uint64_t rejected = 0;  ///< Those of a batch that was taken in part.
    std::uint64_t lost = 0;      ///< Given up: refused, or no answer for too long.
    std::uint64_t retries = 0;   ///< Requests that were sent again.
  };

  /// Fails with `invalid_argument` for a URL that is none.
  static Result<std::unique_ptr<Exporter>> make(net::Connector& connector, ExporterOptions options);

  Task<> export_spans(std::span<const std::unique_ptr<telemetry::SpanRecord>> spans) override;

  Numbers numbers() const;
  /// Adds trace_export_spans_total{outcome} and trace_export_retries_total. Lifetime: outlives
  /// `registry`'s use.
  void add_metrics(telemetry::Registry& registry) const;

 private:
  Exporter(net::Connector& connector, ExporterOptions options);
  Task<http::Response> post(std::string body);
  void took(const http::Response& response, std::size_t spans);
  void gave_up(const std::string& why, std::size_t spans);
  std::optional<Clock::duration> pause(const Result<http::Response>& answer, std::size_t failures);

  const ExporterOptions options_;
  http::Client client_;
  std::uint64_t random_;
  bool is_failing_ = false;
  std::atomic<std::uint64_t> exported_{0};
  std::atomic<std::uint64_t> rejected_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> retries_{0};
};

}  // namespace kit::otlp
