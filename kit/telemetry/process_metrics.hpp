// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kit/telemetry/registry.hpp"

namespace kit::telemetry {

/// Bytes of memory that this process has in use; 0 where the system does not tell.
std::uint64_t resident_bytes();

/// What is known of this process under the names that every Prometheus client has: time, memory and
/// descriptors.
void add_process_metrics(Registry& registry);

}  // namespace kit::telemetry
