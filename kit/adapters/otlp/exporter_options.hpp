// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/base/secret.hpp"

namespace kit::otlp {

/// Who sends: attributes of OpenTelemetry's resource.
struct Resource {
  std::string service_name = "unknown_service";
  std::string service_version = {};
  std::string service_instance_id = {};  ///< Unique for each process: a UUID.
  /// Others, `deployment.environment.name` and the like.
  std::vector<std::pair<std::string, std::string>> attributes = {};
};

struct ExporterOptions {
  /// Where traces are posted to, "/v1/traces" included.
  std::string traces_url = "http://localhost:4318/v1/traces";
  /// Sent with each request: keys of a collector. They are never logged.
  std::vector<std::pair<std::string, Secret<std::string>>> headers = {};
  bool gzip = false;
  std::chrono::milliseconds timeout{10'000};  ///< Of one try.
  /// Tries after the first, for answers that say "later" (429, 502, 503, 504) and for none at all.
  std::size_t retries = 4;
  std::chrono::milliseconds first_delay{
      1'000};  ///< Doubles; each is shortened by chance, up to half.
  std::chrono::milliseconds longest_delay{30'000};  ///< Also of what Retry-After asks for.
  Resource resource = {};
};

/// Takes over what the environment says, by the names that OpenTelemetry gave it:
/// OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS,
/// OTEL_EXPORTER_OTLP_TIMEOUT (ms), OTEL_EXPORTER_OTLP_COMPRESSION, those of _TRACES_ too, and
/// OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES. `variables`: "NAME=value" each. True: an endpoint
/// was among them. Fails with `invalid_argument`, naming the variable, but not its value.
Result<bool> apply_environment(ExporterOptions& options, std::span<const std::string> variables);

}  // namespace kit::otlp
