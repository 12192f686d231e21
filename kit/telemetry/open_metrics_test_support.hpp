// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kit::telemetry {

/// What is wrong with a text in the OpenMetrics 1.0 format, with the number of the line; empty when
/// nothing is. As strict as the specification, where it speaks of counters, gauges, histograms and
/// what has no type:
/// https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md
std::string open_metrics_problem(std::string_view text);

}  // namespace kit::telemetry
