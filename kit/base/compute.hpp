// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/decimal.hpp"

/// What the expressions of computed fields are made of. Nothing here is undefined: an absent
/// operand makes the result absent, a number that does not fit makes it failed, and both are passed
/// on.
namespace kit::compute {

/// A value, nothing (null), or nothing because a number did not fit.
template <class T>
struct Value {
  std::optional<T> value;
  bool failed = false;

  bool has_value() const { return value.has_value(); }
  friend bool operator==(const Value&, const Value&) = default;
};

using Flag = Value<bool>;
using Integer = Value<std::int64_t>;
using Number = Value<Decimal>;
using Text = Value<std::string>;

template <class T>
Value<T> of(const T& value) {
  return {value, false};
}
template <class T>
Value<T> of(const std::optional<T>& value) {
  return {value, false};
}
inline Integer of(std::int32_t value) {
  return {value, false};
}
inline Integer of(const std::optional<std::int32_t>& value) {
  return {value, false};
}
inline Text of(const char* text) {
  return {std::string(text), false};
}
template <class T>
Value<T> null() {
  return {};
}

namespace detail {

template <class R, class A, class B>
bool is_decided(const Value<A>& a, const Value<B>& b, Value<R>& result) {
  result.failed = a.failed || b.failed;
  return result.failed || !a.value || !b.value;
}

template <class A, class Compare>
Flag compare(const Value<A>& a, const Value<A>& b, Compare compare) {
  Flag result;
  if (!is_decided(a, b, result)) result.value = compare(*a.value, *b.value);
  return result;
}

}  // namespace detail

// Exact: failed when the result does not fit 64 bits, or 18 digits.
Integer add(const Integer& a, const Integer& b);
Integer subtract(const Integer& a, const Integer& b);
Integer multiply(const Integer& a, const Integer& b);
Integer negate(const Integer& a);
Number add(const Number& a, const Number& b);
Number subtract(const Number& a, const Number& b);
Number multiply(const Number& a, const Number& b);
Number negate(const Number& a);
/// Failed when it has more than 18 digits.
Number decimal(const Integer& a);

/// With `scale` digits behind the point, a half away from zero. Failed for a division by zero.
Number divide(const Number& a, const Number& b, int scale);
Number round(const Number& a, int scale);

Text concat(const Text& a, const Text& b);
Text lower(const Text& a);  ///< ASCII only, as databases do it.
Text upper(const Text& a);
Integer length(const Text& a);  ///< In characters.
template <class T>
Integer length(const Value<std::vector<T>>& a) {
  if (!a.value) return {std::nullopt, a.failed};
  return {static_cast<std::int64_t>(a.value->size()), false};
}

template <class T>
Flag equal(const Value<T>& a, const Value<T>& b) {
  return detail::compare(a, b, [](const T& x, const T& y) { return x == y; });
}
template <class T>
Flag less(const Value<T>& a, const Value<T>& b) {
  return detail::compare(a, b, [](const T& x, const T& y) { return x < y; });
}
template <class T>
Flag less_equal(const Value<T>& a, const Value<T>& b) {
  return detail::compare(a, b, [](const T& x, const T& y) { return !(y < x); });
}
template <class T>
Flag is_null(const Value<T>& a) {
  return {a.failed ? std::nullopt : std::optional<bool>(!a.value), a.failed};
}
// Of three values: false and null is false, true or null is true.
Flag both(const Flag& a, const Flag& b);
Flag either(const Flag& a, const Flag& b);
Flag negation(const Flag& a);

/// `then` where the condition is true; `otherwise` where it is false or null. What is not taken may
/// have failed.
template <class T>
Value<T> choose(const Flag& condition, Value<T> then, Value<T> otherwise) {
  if (condition.failed) return {std::nullopt, true};
  return condition.value.value_or(false) ? std::move(then) : std::move(otherwise);
}
/// The first one that is not null.
template <class T>
Value<T> coalesce(Value<T> a, Value<T> b) {
  return a.value || a.failed ? std::move(a) : std::move(b);
}

// The value as the field has it. Failed when it does not fit.
Value<std::int32_t> to_int32(const Integer& a);
Integer to_int64(const Number& a);
/// With exactly `scale` digits behind the point.
Number to_decimal(const Number& a, int precision, int scale);

}  // namespace kit::compute
