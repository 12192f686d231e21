// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "kit/telemetry/cells.hpp"
#include "kit/telemetry/exemplar.hpp"

namespace kit::telemetry {

/// A number that only grows. Thread safety: any thread. Cost: about 1 ns in each of the first 15
/// threads, where nobody else writes the same cache line; 64 bytes of memory, and 8 for each thread
/// that counts.
class Counter {
 public:
  /// What all counters of a family have in common: nothing.
  struct Shape {
    bool operator==(const Shape&) const = default;
  };

  Counter() = default;
  explicit Counter(const Shape&) {}
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  void add(std::uint64_t amount = 1) { cells_.add(0, amount); }
  /// The same for what is worth a look at one case of it, such as a refusal: the trace of this
  /// thread's work becomes the counter's exemplar when it is recorded.
  void add_with_exemplar(std::uint64_t amount = 1) {
    cells_.add(0, amount);
    if (const LogContext* context = detail::sampled_context()) [[unlikely]] {
      exemplars_.offer(0, amount, *context, detail::coarse_now());
    }
  }

  std::uint64_t value() const { return cells_.sum(0); }
  std::optional<Exemplar> exemplar() const { return exemplars_.at(0); }

 private:
  detail::Cells cells_{1};
  Exemplars exemplars_{1};
};

}  // namespace kit::telemetry
