// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
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
  /// A computed field whose `kit::compute::Value` has failed.
  void computed(std::string_view field, bool has_failed);

  /// Both bounds are inclusive.
  template <class T>
  void min(std::string_view field, const T& value, const T& least) {
    if (value < least) add_bound(field, "must be at least ", text(least));
  }
  template <class T>
  void max(std::string_view field, const T& value, const T& most) {
    if (most < value) add_bound(field, "must be at most ", text(most));
  }

  /// Elements of an array.
  template <class T>
  void min_items(std::string_view field, const std::vector<T>& values, std::size_t least) {
    if (values.size() < least) add_count(field, "least", least, "element");
  }
  template <class T>
  void max_items(std::string_view field, const std::vector<T>& values, std::size_t most) {
    if (values.size() > most) add_count(field, "most", most, "element");
  }
  template <class T>
  void unique_items(std::string_view field, const std::vector<T>& values) {
    for (std::size_t i = 1; i < values.size(); ++i) {
      const auto end = values.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::find(values.begin(), end, values[i]) == end) continue;
      return add(field, "must not have an element twice: element " + std::to_string(i + 1));
    }
  }
  template <class T>
  void min_items(std::string_view field, const std::optional<T>& values, std::size_t least) {
    if (values) min_items(field, *values, least);
  }
  template <class T>
  void max_items(std::string_view field, const std::optional<T>& values, std::size_t most) {
    if (values) max_items(field, *values, most);
  }
  template <class T>
  void unique_items(std::string_view field, const std::optional<T>& values) {
    if (values) unique_items(field, *values);
  }

  // Constraints of the elements: "element 3 must be ...".
  template <class T>
  void min_length(std::string_view field, const std::vector<T>& values, std::size_t least) {
    each(field, values,
         [&](Checker& check, const T& value) { check.min_length("", value, least); });
  }
  template <class T>
  void max_length(std::string_view field, const std::vector<T>& values, std::size_t most) {
    each(field, values, [&](Checker& check, const T& value) { check.max_length("", value, most); });
  }
  template <class T>
  void pattern(std::string_view field, const std::vector<T>& values, const Pattern& wanted) {
    each(field, values, [&](Checker& check, const T& value) { check.pattern("", value, wanted); });
  }
  template <class T>
  void email(std::string_view field, const std::vector<T>& values) {
    each(field, values, [](Checker& check, const T& value) { check.email("", value); });
  }
  template <class T>
  void url(std::string_view field, const std::vector<T>& values) {
    each(field, values, [](Checker& check, const T& value) { check.url("", value); });
  }
  template <class T>
  void digits(std::string_view field, const std::vector<T>& values, int precision, int scale) {
    each(field, values,
         [&](Checker& check, const T& value) { check.digits("", value, precision, scale); });
  }
  template <class T>
  void min(std::string_view field, const std::vector<T>& values, const T& least) {
    each(field, values, [&](Checker& check, const T& value) { check.min("", value, least); });
  }
  template <class T>
  void max(std::string_view field, const std::vector<T>& values, const T& most) {
    each(field, values, [&](Checker& check, const T& value) { check.max("", value, most); });
  }

  template <class T>
  void min_length(std::string_view field, const std::optional<T>& text, std::size_t least) {
    if (text) min_length(field, *text, least);
  }
  template <class T>
  void max_length(std::string_view field, const std::optional<T>& text, std::size_t most) {
    if (text) max_length(field, *text, most);
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
    if (text) pattern(field, *text, wanted);
  }
  template <class T>
  void email(std::string_view field, const std::optional<T>& text) {
    if (text) email(field, *text);
  }
  template <class T>
  void url(std::string_view field, const std::optional<T>& text) {
    if (text) url(field, *text);
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
  template <class T>
  void min(std::string_view field, const std::optional<std::vector<T>>& values, const T& least) {
    if (values) min(field, *values, least);
  }
  template <class T>
  void max(std::string_view field, const std::optional<std::vector<T>>& values, const T& most) {
    if (values) max(field, *values, most);
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
  /// The first element that breaks a constraint stands for all.
  template <class T, class Check>
  void each(std::string_view field, const std::vector<T>& values, Check check_one) {
    std::vector<FieldViolation> found;
    Checker check(found);
    std::size_t place = 0;
    for (const auto& value : values) {
      ++place;
      check_one(check, value);
      if (found.empty()) continue;
      return add(field, "element " + std::to_string(place) + " " + found.front().description);
    }
  }
  void add_count(std::string_view field, std::string_view bound, std::size_t count,
                 std::string_view unit);
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
