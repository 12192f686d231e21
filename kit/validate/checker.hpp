// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kit/base/decimal.hpp"
#include "kit/base/error.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"

namespace kit::validate {

class Pattern;

namespace detail {
std::string text_of(std::int64_t value);
std::string text_of(double value);
std::string text_of(const Decimal& value);
std::string text_of(const Timestamp& value);
std::string text_of(const Date& value);
std::string text_of(const TimeOfDay& value);
std::string text_of(std::chrono::microseconds value);
}  // namespace detail

/// Checks the constraints of a schema, one call each, and collects what is wrong. A field that has
/// a violation gets no second one. An absent optional value breaks no constraint.
///
///     kit::validate::Checker check(violations);
///     check.max_length("first_name", customer.first_name, 40);
///     check.email("email", customer.email);
class Checker {
 public:
  explicit Checker(std::vector<FieldViolation>& violations) : violations_(violations) {}

  /// Lengths of text count code points.
  void min_length(std::string_view field, std::string_view text, std::size_t least);
  void max_length(std::string_view field, std::string_view text, std::size_t most);
  /// The same for bytes.
  void min_bytes(std::string_view field, std::string_view bytes, std::size_t least);
  void max_bytes(std::string_view field, std::string_view bytes, std::size_t most);
  void pattern(std::string_view field, std::string_view text, const Pattern& pattern);
  void email(std::string_view field, std::string_view text);
  void url(std::string_view field, std::string_view text);
  /// Digits of decimal(precision, scale).
  void digits(std::string_view field, const Decimal& number, int precision, int scale);

  /// Both bounds are inclusive.
  template <class T>
  void min(std::string_view field, const T& value, const T& least) {
    if (value < least) add_bound(field, "must be at least ", text(least));
  }
  template <class T>
  void max(std::string_view field, const T& value, const T& most) {
    if (most < value) add_bound(field, "must be at most ", text(most));
  }

  template <class T>
  void min_length(std::string_view field, const std::optional<T>& text, std::size_t least) {
    if (text) min_length(field, std::string_view(*text), least);
  }
  template <class T>
  void max_length(std::string_view field, const std::optional<T>& text, std::size_t most) {
    if (text) max_length(field, std::string_view(*text), most);
  }
  template <class T>
  void min_bytes(std::string_view field, const std::optional<T>& bytes, std::size_t least) {
    if (bytes) min_bytes(field, std::string_view(*bytes), least);
  }
  template <class T>
  void max_bytes(std::string_view field, const std::optional<T>& bytes, std::size_t most) {
    if (bytes) max_bytes(field, std::string_view(*bytes), most);
  }
  template <class T>
  void pattern(std::string_view field, const std::optional<T>& text, const Pattern& wanted) {
    if (text) pattern(field, std::string_view(*text), wanted);
  }
  template <class T>
  void email(std::string_view field, const std::optional<T>& text) {
    if (text) email(field, std::string_view(*text));
  }
  template <class T>
  void url(std::string_view field, const std::optional<T>& text) {
    if (text) url(field, std::string_view(*text));
  }
  template <class T>
  void digits(std::string_view field, const std::optional<T>& number, int precision, int scale) {
    if (number) digits(field, *number, precision, scale);
  }
  template <class T>
  void min(std::string_view field, const std::optional<T>& value, const T& least) {
    if (value) min(field, *value, least);
  }
  template <class T>
  void max(std::string_view field, const std::optional<T>& value, const T& most) {
    if (value) max(field, *value, most);
  }

  /// For rules of one's own.
  void add(std::string_view field, std::string description);
  bool has(std::string_view field) const;

 private:
  template <class T>
  static std::string text(const T& value) {
    if constexpr (std::integral<T>) {
      return detail::text_of(std::int64_t{value});
    } else if constexpr (std::floating_point<T>) {
      return detail::text_of(double{value});
    } else {
      return detail::text_of(value);
    }
  }
  void add_bound(std::string_view field, std::string_view what, const std::string& bound);

  std::vector<FieldViolation>& violations_;
};

/// Fails with `invalid_argument`, reason FIELDS_INVALID, when there are violations.
Result<> verdict(std::vector<FieldViolation> violations);

/// The verdict on a value by the rules of its type: `check(customer, biz::validate)`.
template <class T>
Result<> check(const T& value,
               void (*validate)(const std::type_identity_t<T>&, std::vector<FieldViolation>&)) {
  std::vector<FieldViolation> violations;
  validate(value, violations);
  return verdict(std::move(violations));
}

}  // namespace kit::validate
