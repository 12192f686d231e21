// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "kit/base/context.hpp"
#include "kit/base/time.hpp"

namespace kit::telemetry {

/// A recorded trace that was counted: what leads from a number to one case of it.
struct Exemplar {
  std::array<char, 32> trace_id{};  ///< Lower-case hex, as in the log.
  std::array<char, 16> span_id{};
  std::uint64_t value = 0;  ///< Of a histogram as it was recorded: nanoseconds or bytes.
  Timestamp at;
};

/// Which exemplars are kept, after what client_java does.
struct ExemplarPolicy {
  /// Between two that are looked at, of one metric.
  static constexpr std::chrono::milliseconds interval{90};
  /// One that is younger is not replaced, so that whoever saw it in a scrape can still follow it.
  static constexpr std::chrono::seconds kept{7};
  /// One that is older is no longer shown to scrapers: its trace may be gone.
  static constexpr std::chrono::seconds shown{70};
};

/// The latest exemplar of each of some places (buckets): 64 bytes each, made when the first one
/// comes. Thread safety: any thread; nobody waits.
class Exemplars {
 public:
  explicit Exemplars(std::size_t places) : places_(places) {}
  ~Exemplars();
  Exemplars(const Exemplars&) = delete;
  Exemplars& operator=(const Exemplars&) = delete;

  /// Keeps `context` as the exemplar of a place if the policy wants one at `now`. What has no
  /// well-formed ids is none.
  void offer(std::size_t place, std::uint64_t value, const LogContext& context, Timestamp now);
  /// The one of a place, however old. Nothing also while it is being written.
  std::optional<Exemplar> at(std::size_t place) const;

 private:
  struct Slot;
  Slot* slots();

  const std::size_t places_;
  std::atomic<std::int64_t> next_us_{0};  // no other one before
  std::atomic<Slot*> slots_{nullptr};
};

namespace detail {

/// The work of this thread if its trace is recorded, else null.
inline const LogContext* sampled_context() {
  const LogContext* const context = current_log_context;
  return context != nullptr && context->sampled ? context : nullptr;
}

/// A clock that costs little and is good to some milliseconds.
Timestamp coarse_now();

}  // namespace detail
}  // namespace kit::telemetry
