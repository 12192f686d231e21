// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "kit/base/result.hpp"

namespace kit::resilience {

/// Who is refused last.
enum class Priority : std::uint8_t { critical, normal, low };

std::string_view name(Priority priority);  ///< "critical", "normal", "low".

/// When a server has too much to do, and what it does then.
struct LoadShedderOptions {
  bool enabled = true;
  double cpu = 0.9;  ///< Of what the process may use; from here on it is overloaded.
  /// Mean time that requests waited before they were looked at; from here on, for two tenths of a
  /// second, it is overloaded.
  std::chrono::milliseconds queue_delay{5};
  std::chrono::milliseconds cool_off{1'000};  ///< It stays overloaded for so long after a sign.
  /// However much it refuses, it lets so much pass of what it passed at its best.
  double least = 0.1;
  std::uint32_t least_in_flight = 4;             ///< So many at a time are never too many.
  std::chrono::milliseconds retry_after{1'000};  ///< What the refused are told.

  /// Fails with `invalid_argument`, naming the field.
  Result<> check() const;
  friend bool operator==(const LoadShedderOptions&, const LoadShedderOptions&) = default;
};

}  // namespace kit::resilience
