// SPDX-License-Identifier: Apache-2.0
#include "kit/validate/checker.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/validate/format.hpp"
#include "kit/validate/pattern.hpp"

namespace kit::validate {
namespace detail {

std::string text_of(std::int64_t value) {
  return std::to_string(value);
}

std::string text_of(double value) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  return {digits.data(), end};
}

std::string text_of(const Decimal& value) {
  return value.to_string();
}

std::string text_of(const Timestamp& value) {
  return value.to_string();
}

std::string text_of(const Date& value) {
  return value.to_string();
}

std::string text_of(const TimeOfDay& value) {
  return value.to_string();
}

std::string text_of(std::chrono::microseconds value) {
  return format_duration(value);
}

}  // namespace detail

namespace {

std::string counted(std::string_view bound, std::size_t count, std::string_view unit) {
  std::string text = "must have at ";
  text.append(bound).append(" ").append(std::to_string(count)).append(" ").append(unit);
  if (count != 1) text.append("s");
  return text;
}

}  // namespace

void Checker::min_length(std::string_view field, std::string_view text, std::size_t least) {
  if (utf8_length(text) < least) add(field, counted("least", least, "character"));
}

void Checker::max_length(std::string_view field, std::string_view text, std::size_t most) {
  // A code point is at least one byte: short text needs no counting.
  if (text.size() > most && utf8_length(text) > most)
    add(field, counted("most", most, "character"));
}

void Checker::min_bytes(std::string_view field, std::string_view bytes, std::size_t least) {
  if (bytes.size() < least) add(field, counted("least", least, "byte"));
}

void Checker::max_bytes(std::string_view field, std::string_view bytes, std::size_t most) {
  if (bytes.size() > most) add(field, counted("most", most, "byte"));
}

void Checker::pattern(std::string_view field, std::string_view text, const Pattern& pattern) {
  if (!pattern.matches(text)) add(field, "must match " + std::string(pattern.expression()));
}

void Checker::email(std::string_view field, std::string_view text) {
  if (!is_email(text)) add(field, "must be an e-mail address");
}

void Checker::url(std::string_view field, std::string_view text) {
  if (!is_url(text)) add(field, "must be an http or https URL");
}

void Checker::digits(std::string_view field, const Decimal& number, int precision, int scale) {
  if (number.fits(precision, scale)) return;
  add(field, "must have at most " + std::to_string(precision - scale) +
                 " digits before the point and " + std::to_string(scale) + " after it");
}

void Checker::computed(std::string_view field, bool has_failed) {
  if (has_failed) add(field, "cannot be computed: a number in it does not fit, or is divided by 0");
}

void Checker::add(std::string_view field, std::string description) {
  if (!has(field)) violations_.push_back({std::string(field), std::move(description)});
}

bool Checker::has(std::string_view field) const {
  return std::ranges::any_of(
      violations_, [&](const FieldViolation& violation) { return violation.field == field; });
}

void Checker::add_count(std::string_view field, std::string_view bound, std::size_t count,
                        std::string_view unit) {
  add(field, counted(bound, count, unit));
}

void Checker::add_bound(std::string_view field, std::string_view what, const std::string& bound) {
  add(field, std::string(what) + bound);
}

Result<> verdict(std::vector<FieldViolation> violations) {
  if (violations.empty()) return {};
  return Error(Code::invalid_argument, "the request has invalid fields")
      .with_reason("FIELDS_INVALID")
      .with_violations(std::move(violations));
}

}  // namespace kit::validate
