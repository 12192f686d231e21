// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/assert.hpp"

namespace kit {

/// An exact decimal number of at most 18 digits, for money: never passes through binary floating
/// point. 12.50 is {unscaled 1250, scale 2}. Equality and order compare the number, not the
/// scale: 1.5 == 1.50.
class Decimal {
 public:
  static constexpr int max_digits = 18;

  constexpr Decimal() = default;
  /// `scale` is 0 to 18.
  constexpr Decimal(std::int64_t unscaled, int scale) : unscaled_(unscaled), scale_(scale) {
    KIT_ASSERT(scale >= 0 && scale <= max_digits, "scale of a Decimal");
  }

  /// Reads "-12.50": digits, at most one point with digits on both sides, no exponent, no blanks,
  /// no leading '+'. Nothing when it is not one, has more than 18 significant digits or more than
  /// 18 digits after the point.
  static std::optional<Decimal> parse(std::string_view text);

  constexpr std::int64_t unscaled() const { return unscaled_; }
  constexpr int scale() const { return scale_; }

  /// The same number with exactly `scale` digits after the point; nothing when digits other than
  /// zero would be lost or the result does not fit into `max_digits`.
  std::optional<Decimal> rescaled(int scale) const;
  /// Whether it fits decimal(precision, scale) without losing a digit.
  bool fits(int precision, int scale) const;
  /// With exactly `scale()` digits after the point: "12.50".
  std::string to_string() const;
  static constexpr std::size_t max_text_size =
      22;  ///< Sign, 19 digits, point, and a zero before it.
  /// The same, written to `to`; returns the place behind it.
  char* write_to(char* to) const;

  friend std::strong_ordering operator<=>(const Decimal& a, const Decimal& b);
  friend bool operator==(const Decimal& a, const Decimal& b) { return (a <=> b) == 0; }
  /// Exact sum, difference, product; nothing on overflow of 18 digits. The scale is the wider of
  /// the two (product: the sum of the two), or less where only zeros are lost and 18 digits need
  /// it.
  static std::optional<Decimal> add(const Decimal& a, const Decimal& b);
  static std::optional<Decimal> subtract(const Decimal& a, const Decimal& b);
  static std::optional<Decimal> multiply(const Decimal& a, const Decimal& b);

 private:
  std::int64_t unscaled_ = 0;
  int scale_ = 0;
};

}  // namespace kit
