// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/adapters/otlp/exporter_options.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/telemetry/span_record.hpp"

namespace kit::otlp {

/// What is to be added to a reading of `Clock` to get the time since 1970, about now.
std::chrono::nanoseconds since_epoch_of_clock();

/// An OTLP ExportTraceServiceRequest, as protocol buffers have it (opentelemetry-proto 1.x).
/// `epoch`: see `since_epoch_of_clock`. Texts that are no UTF-8 are repaired: a collector refuses
/// the whole request for one.
std::string encode_traces(std::span<const std::unique_ptr<telemetry::SpanRecord>> spans,
                          const Resource& resource, std::chrono::nanoseconds epoch);

/// What a collector answers with status 200.
struct PartialSuccess {
  std::int64_t rejected = 0;
  std::string message;
};
/// Fails with `invalid_argument` for what is no ExportTraceServiceResponse.
Result<PartialSuccess> decode_response(std::string_view body);

}  // namespace kit::otlp
