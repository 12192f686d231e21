// SPDX-License-Identifier: Apache-2.0
#include "kit/base/compute.hpp"

#include <limits>

#include "kit/base/text.hpp"

namespace kit::compute {
namespace {

constexpr std::uint64_t most = 999'999'999'999'999'999;  // 18 digits

template <class T>
Value<T> failure() {
  return {std::nullopt, true};
}

template <class T>
Value<T> or_failure(std::optional<T> value) {
  return {std::move(value), !value.has_value()};
}

template <class Operation>
Integer integers(const Integer& a, const Integer& b, Operation operation) {
  Integer result;
  if (detail::is_decided(a, b, result)) return result;
  std::int64_t sum = 0;
  if (operation(*a.value, *b.value, &sum)) return failure<std::int64_t>();
  return {sum, false};
}

template <class Operation>
Number decimals(const Number& a, const Number& b, Operation operation) {
  Number result;
  if (detail::is_decided(a, b, result)) return result;
  return or_failure<Decimal>(operation(*a.value, *b.value));
}

std::uint64_t magnitude(std::int64_t value) {
  return value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
}

/// numerator * 10^shift / denominator, a half away from zero; nothing past 18 digits.
std::optional<std::uint64_t> quotient(std::uint64_t numerator, std::uint64_t denominator,
                                      int shift) {
  for (; shift < 0; ++shift) {
    // By then it is more than twice every numerator.
    if (denominator > most * 2) return 0;
    denominator *= 10;
  }
  std::uint64_t whole = numerator / denominator;
  std::uint64_t rest = numerator % denominator;
  for (; shift > 0; --shift) {
    if (whole > most) return std::nullopt;
    whole = whole * 10 + rest * 10 / denominator;
    rest = rest * 10 % denominator;
  }
  if (rest >= denominator - rest) ++whole;
  return whole > most ? std::nullopt : std::optional(whole);
}

Number signed_number(std::optional<std::uint64_t> value, bool is_negative, int scale) {
  if (!value) return failure<Decimal>();
  const auto plain = static_cast<std::int64_t>(*value);
  return {Decimal(is_negative ? -plain : plain, scale), false};
}

template <class Change>
Text changed(const Text& a, Change change) {
  if (!a.value) return a;
  Text result = a;
  for (char& c : *result.value) c = change(c);
  return result;
}

}  // namespace

Integer add(const Integer& a, const Integer& b) {
  return integers(a, b,
                  [](auto x, auto y, auto* sum) { return __builtin_add_overflow(x, y, sum); });
}

Integer subtract(const Integer& a, const Integer& b) {
  return integers(a, b,
                  [](auto x, auto y, auto* sum) { return __builtin_sub_overflow(x, y, sum); });
}

Integer multiply(const Integer& a, const Integer& b) {
  return integers(a, b,
                  [](auto x, auto y, auto* sum) { return __builtin_mul_overflow(x, y, sum); });
}

Integer negate(const Integer& a) {
  return subtract(of(std::int64_t{0}), a);
}

Number add(const Number& a, const Number& b) {
  return decimals(a, b, Decimal::add);
}

Number subtract(const Number& a, const Number& b) {
  return decimals(a, b, Decimal::subtract);
}

Number multiply(const Number& a, const Number& b) {
  return decimals(a, b, Decimal::multiply);
}

Number negate(const Number& a) {
  return subtract(of(Decimal()), a);
}

Number decimal(const Integer& a) {
  if (!a.value) return {std::nullopt, a.failed};
  if (magnitude(*a.value) > most) return failure<Decimal>();
  return {Decimal(*a.value, 0), false};
}

Number divide(const Number& a, const Number& b, int scale) {
  Number result;
  if (detail::is_decided(a, b, result)) return result;
  const std::int64_t above = a.value->unscaled();
  const std::int64_t below = b.value->unscaled();
  if (below == 0) return failure<Decimal>();
  return signed_number(
      quotient(magnitude(above), magnitude(below), scale + b.value->scale() - a.value->scale()),
      (above < 0) != (below < 0), scale);
}

Number round(const Number& a, int scale) {
  return divide(a, of(Decimal(1, 0)), scale);
}

Text concat(const Text& a, const Text& b) {
  Text result;
  if (!detail::is_decided(a, b, result)) result.value = *a.value + *b.value;
  return result;
}

Text lower(const Text& a) {
  return changed(a, [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

Text upper(const Text& a) {
  return changed(a, [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
}

Integer length(const Text& a) {
  if (!a.value) return {std::nullopt, a.failed};
  return {static_cast<std::int64_t>(utf8_length(*a.value)), false};
}

Flag both(const Flag& a, const Flag& b) {
  if (a.failed || b.failed) return failure<bool>();
  if (a.value == false || b.value == false) return of(false);
  return a.value && b.value ? of(true) : Flag{};
}

Flag either(const Flag& a, const Flag& b) {
  return negation(both(negation(a), negation(b)));
}

Flag negation(const Flag& a) {
  return {a.value ? std::optional(!*a.value) : std::nullopt, a.failed};
}

Value<std::int32_t> to_int32(const Integer& a) {
  if (!a.value) return {std::nullopt, a.failed};
  if (!std::in_range<std::int32_t>(*a.value)) return failure<std::int32_t>();
  return {static_cast<std::int32_t>(*a.value), false};
}

Integer to_int64(const Number& a) {
  const Number whole = to_decimal(a, Decimal::max_digits, 0);
  return {whole.value ? std::optional(whole.value->unscaled()) : std::nullopt, whole.failed};
}

Number to_decimal(const Number& a, int precision, int scale) {
  if (!a.value) return a;
  if (!a.value->fits(precision, scale)) return failure<Decimal>();
  return or_failure<Decimal>(a.value->rescaled(scale));
}

}  // namespace kit::compute
