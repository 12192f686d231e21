// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace kit::telemetry {

/// A number that goes up and down: a size, a state, how many there are now. It has no exemplar
/// (Prometheus refuses a scrape with one). Thread safety: any thread. Cost: 8 bytes; `set` is a
/// store, `add` a locked instruction, for what changes often see `LiveCounter`.
class Gauge {
 public:
  /// As of counters.
  struct Shape {
    bool operator==(const Shape&) const = default;
  };

  Gauge() = default;
  explicit Gauge(const Shape&) {}
  Gauge(const Gauge&) = delete;
  Gauge& operator=(const Gauge&) = delete;

  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void subtract(double amount = 1) { add(-amount); }

  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

}  // namespace kit::telemetry
