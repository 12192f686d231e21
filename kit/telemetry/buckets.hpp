// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kit::telemetry {

/// The bounds of a histogram, lowest first, each belonging to what it bounds; what is above all of
/// them has a bucket too.
class Buckets {
 public:
  enum class Unit : std::uint8_t { seconds, bytes };
  static constexpr std::size_t most = 100;

  /// Bounds that do not rise, none, or more than `most` are a bug.
  static Buckets seconds(std::span<const double> bounds);
  static Buckets seconds(std::initializer_list<double> bounds) {
    return seconds(std::span(bounds.begin(), bounds.size()));
  }
  static Buckets bytes(std::initializer_list<std::uint64_t> bounds);
  /// 8 us, each next one twice as long, to 16.777216 s.
  static const Buckets& doubling();
  /// 5 ms to 10 s: the OpenTelemetry convention's for HTTP requests.
  static const Buckets& http_seconds();
  /// 1 ms to 10 s: the convention's for operations of databases.
  static const Buckets& database_seconds();

  bool operator==(const Buckets& other) const {
    return unit_ == other.unit_ && bounds_ == other.bounds_;
  }
  Unit unit() const { return unit_; }
  /// In nanoseconds or bytes.
  std::span<const std::uint64_t> bounds() const { return bounds_; }
  /// As labels show them ("0.005"), and "+Inf" past the last one.
  std::string_view text(std::size_t index) const { return texts_[index]; }
  /// A recorded number in the histogram's unit.
  double in_unit(std::uint64_t recorded) const {
    return unit_ == Unit::seconds ? static_cast<double>(recorded) / 1e9
                                  : static_cast<double>(recorded);
  }

 private:
  Buckets(Unit unit, std::vector<std::uint64_t> bounds);

  Unit unit_;
  std::vector<std::uint64_t> bounds_;
  std::vector<std::string> texts_;
};

}  // namespace kit::telemetry
