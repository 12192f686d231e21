// SPDX-License-Identifier: Apache-2.0
#include "kit/record/csv_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include "kit/base/base64.hpp"
#include "kit/base/text.hpp"
#include "kit/json/value.hpp"

namespace kit::record {
namespace {

template <class T>
std::string shortest(T value) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

std::string_view column_of(std::span<const CsvColumn> columns, std::string_view field) {
  const auto found = std::ranges::find(columns, field, &CsvColumn::field);
  return found == columns.end() ? field : found->header;
}

}  // namespace

void CsvReader::read(std::string& value) {
  const csv::Field text = take_field();
  if (!text) return require();
  value = *text;
}

void CsvReader::read(bool& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  if (text == "true" || text == "1") {
    value = true;
  } else if (text == "false" || text == "0") {
    value = false;
  } else {
    refuse("must be true or false");
  }
}

void CsvReader::read(std::int64_t& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  const std::optional<long long> number = parse_int(text);
  if (!number) return refuse("must be a whole number");
  value = *number;
}

void CsvReader::read(std::int32_t& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  const std::optional<long long> number = parse_int(text);
  if (!number || !std::in_range<std::int32_t>(*number)) {
    return refuse("must be a whole number from -2147483648 to 2147483647");
  }
  value = static_cast<std::int32_t>(*number);
}

void CsvReader::read(double& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  const std::optional<double> number = parse_double(text);
  if (!number || !std::isfinite(*number)) return refuse("must be a number");
  value = *number;
}

void CsvReader::read(float& value) {
  const std::size_t before = violations_.size();
  const std::string_view text = fields_[at_].value_or("");
  double wide = 0;
  read(wide);
  if (violations_.size() != before) return;
  // Not by way of the double: the shortest text of the largest float is a larger double.
  float narrow = 0;
  const std::errc failed = std::from_chars(text.data(), text.data() + text.size(), narrow).ec;
  if (failed != std::errc() && std::abs(wide) > 1) return refuse("is out of range");
  value = failed == std::errc() ? narrow : static_cast<float>(wide);
}

void CsvReader::read(Timestamp& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  // Files seldom name a zone: without one it is UTC.
  const std::optional<Timestamp> instant = Timestamp::parse(text, true);
  if (!instant) return refuse("must be a timestamp like 2021-01-31T13:45:00Z");
  value = *instant;
}

void CsvReader::read(Date& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  const std::optional<Date> date = Date::parse(text);
  if (!date) return refuse("must be a date like 2021-01-31");
  value = *date;
}

void CsvReader::read(TimeOfDay& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  const std::optional<TimeOfDay> time = TimeOfDay::parse(text);
  if (!time) return refuse("must be a time like 13:45:00");
  value = *time;
}

void CsvReader::read(std::chrono::microseconds& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  const std::optional<std::chrono::microseconds> length = parse_duration(text);
  if (!length) return refuse("must be a duration like 3.5s");
  value = *length;
}

void CsvReader::read(Uuid& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  const std::optional<Uuid> uuid = Uuid::parse(text);
  if (!uuid) return refuse("must be a UUID");
  value = *uuid;
}

void CsvReader::read_decimal(Decimal& value, int precision, int scale) {
  const std::string_view text = take();
  if (text.empty()) return require();
  const std::optional<Decimal> number = Decimal::parse(text);
  if (!number) return refuse("must be a decimal number like 12.50");
  const std::optional<Decimal> scaled =
      number->fits(precision, scale) ? number->rescaled(scale) : std::nullopt;
  if (!scaled) {
    return refuse("must have at most " + std::to_string(precision - scale) +
                  " digits before the point and " + std::to_string(scale) + " after it");
  }
  value = *scaled;
}

void CsvReader::read_json(std::string& value) {
  const std::string_view text = take();
  if (text.empty()) return require();
  Result<std::string> document = json::compact(text);
  if (!document) return refuse("must be JSON: " + document.error().message());
  value = std::move(*document);
}

void CsvReader::read_bytes(std::string& value) {
  const csv::Field text = take_field();
  if (!text) return require();
  std::optional<std::string> bytes = base64_decode(*text);
  if (!bytes) return refuse("must be bytes in base64");
  value = std::move(*bytes);
}

bool CsvReader::is_absent(bool may_be_empty) {
  const csv::Field& field = fields_[at_];
  if (field && (may_be_empty || !field->empty())) return false;
  ++at_;
  return true;
}

/// Rows that are made later count on from the largest key there ever was: the largest int64 would
/// end that for good. Up to 2^53 - 1 JSON numbers are exact everywhere (RFC 8259, section 6).
constexpr long long largest_key = (1LL << 53) - 1;

std::int64_t CsvReader::read_key() {
  const std::string_view text = take();
  if (text.empty()) return require(), 0;
  const std::optional<long long> number = parse_int(text);
  if (number && *number >= 1 && *number <= largest_key) return *number;
  refuse("must be a whole number from 1 to " + std::to_string(largest_key));
  return 0;
}

void CsvReader::refuse_array(const json::Reader& in, std::string problem) {
  if (problem.empty() || in.failed()) {
    problem = "must be a JSON array like [\"a\", \"b\"] or [1, 2]: " + in.error().message();
  }
  refuse(std::move(problem));
}

void CsvReader::refuse(std::string description) {
  violations_.push_back({std::string(columns_[at_ - 1].header), std::move(description)});
}

void CsvReader::add(std::vector<FieldViolation> violations) {
  for (FieldViolation& violation : violations) {
    violation.field = column_of(columns_, violation.field);
    if (std::ranges::find(violations_, violation.field, &FieldViolation::field) ==
        violations_.end()) {
      violations_.push_back(std::move(violation));
    }
  }
}

Result<> CsvReader::status() {
  if (violations_.empty()) return {};
  return Error(Code::invalid_argument, "the record has invalid fields")
      .with_violations(std::move(violations_));
}

Error in_columns(Error error, std::span<const CsvColumn> columns) {
  std::vector<FieldViolation> violations = error.violations();
  for (FieldViolation& violation : violations)
    violation.field = column_of(columns, violation.field);
  return std::move(error).with_violations(std::move(violations));
}

void CsvWriter::add(double value) {
  put(shortest(value), csv::FieldKind::number);
}

void CsvWriter::add(float value) {
  put(shortest(value), csv::FieldKind::number);
}

void CsvWriter::add_bytes(const std::string& bytes) {
  put(base64_encode(bytes));
}

csv::Fields CsvWriter::fields() {
  views_.assign(texts_.begin(), texts_.end());
  return {views_, kinds_};
}

}  // namespace kit::record
