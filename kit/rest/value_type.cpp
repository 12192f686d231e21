// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/value_type.hpp"

#include <cmath>

#include "kit/base/text.hpp"

namespace kit::rest {
namespace {

using Operators = ValueType::Operators;
using Parsed = std::optional<db::Value>;

Parsed integer(std::int64_t value) {
  return db::Value(value);
}

Parsed parse_text(std::string_view text, int) {
  return db::Value(std::string(text));
}

Parsed parse_bool(std::string_view text, int) {
  if (text == "true") return integer(1);
  if (text == "false") return integer(0);
  return std::nullopt;
}

Parsed parse_int64(std::string_view text, int) {
  const std::optional<long long> number = parse_int(text);
  return number ? integer(*number) : std::nullopt;
}

Parsed parse_real(std::string_view text, int) {
  const std::optional<double> number = parse_double(text);
  if (!number || !std::isfinite(*number)) return std::nullopt;
  return db::Value(*number);
}

Parsed parse_decimal(std::string_view text, int scale) {
  const std::optional<Decimal> number = Decimal::parse(text);
  const std::optional<Decimal> stored = number ? number->rescaled(scale) : std::nullopt;
  return stored ? integer(stored->unscaled()) : std::nullopt;
}

Parsed parse_date(std::string_view text, int) {
  const std::optional<Date> date = Date::parse(text);
  return date ? integer(date->day.time_since_epoch().count()) : std::nullopt;
}

Parsed parse_time(std::string_view text, int) {
  const std::optional<TimeOfDay> time = TimeOfDay::parse(text);
  return time ? integer(time->since_midnight.count()) : std::nullopt;
}

Parsed parse_timestamp(std::string_view text, int) {
  const std::optional<Timestamp> instant = Timestamp::parse(text);
  return instant ? integer(instant->since_epoch.count()) : std::nullopt;
}

Parsed parse_length(std::string_view text, int) {
  const std::optional<std::chrono::microseconds> length = parse_duration(text);
  return length ? integer(length->count()) : std::nullopt;
}

Parsed parse_uuid(std::string_view text, int) {
  const std::optional<Uuid> uuid = Uuid::parse(text);
  if (!uuid) return std::nullopt;
  return db::Value(uuid->to_string());
}

template <class T>
Parsed written(const std::optional<T>& value) {
  if (!value) return std::nullopt;
  return db::Value(value->to_string());
}

Parsed date_text(std::string_view text, int) {
  return written(Date::parse(text));
}

Parsed time_text(std::string_view text, int) {
  return written(TimeOfDay::parse(text));
}

Parsed timestamp_text(std::string_view text, int) {
  return written(Timestamp::parse(text));
}

Parsed decimal_text(std::string_view text, int scale) {
  const std::optional<Decimal> number = Decimal::parse(text);
  return written(number ? number->rescaled(scale) : std::nullopt);
}

Parsed length_text(std::string_view text, int) {
  const std::optional<std::chrono::microseconds> length = parse_duration(text);
  if (!length) return std::nullopt;
  return db::Value(format_duration(*length));
}

std::string expect_text() {
  return "text";
}
std::string expect_bool() {
  return "true or false";
}
std::string expect_int64() {
  return "a whole number";
}
std::string expect_double() {
  return "a number";
}
std::string expect_decimal() {
  return "a decimal number with no more digits than the field has";
}
std::string expect_date() {
  return "a date like 2021-01-31";
}
std::string expect_time() {
  return "a time like 13:45:00";
}
std::string expect_timestamp() {
  return "a timestamp like 2021-01-31T13:45:00Z";
}
std::string expect_duration() {
  return "a duration like 3.5s";
}
std::string expect_uuid() {
  return "a UUID";
}

}  // namespace

constinit const ValueType text_value = {parse_text, expect_text, Operators::text};
constinit const ValueType bool_value = {parse_bool, expect_bool, Operators::flag};
constinit const ValueType int64_value = {parse_int64, expect_int64, Operators::ordered};
constinit const ValueType double_value = {parse_real, expect_double, Operators::ordered};
constinit const ValueType decimal_value = {parse_decimal, expect_decimal, Operators::ordered};
constinit const ValueType date_value = {parse_date, expect_date, Operators::ordered};
constinit const ValueType time_value = {parse_time, expect_time, Operators::ordered};
constinit const ValueType timestamp_value = {parse_timestamp, expect_timestamp, Operators::ordered};
constinit const ValueType duration_value = {parse_length, expect_duration, Operators::ordered};
constinit const ValueType uuid_value = {parse_uuid, expect_uuid, Operators::choice};

constinit const ValueType text_elements = {parse_text, expect_text, Operators::elements};
constinit const ValueType bool_elements = {parse_bool, expect_bool, Operators::elements};
constinit const ValueType int64_elements = {parse_int64, expect_int64, Operators::elements};
constinit const ValueType double_elements = {parse_real, expect_double, Operators::elements};
constinit const ValueType decimal_elements = {decimal_text, expect_decimal, Operators::elements};
constinit const ValueType date_elements = {date_text, expect_date, Operators::elements};
constinit const ValueType time_elements = {time_text, expect_time, Operators::elements};
constinit const ValueType timestamp_elements = {timestamp_text, expect_timestamp,
                                                Operators::elements};
constinit const ValueType duration_elements = {length_text, expect_duration, Operators::elements};
constinit const ValueType uuid_elements = {parse_uuid, expect_uuid, Operators::elements};

}  // namespace kit::rest
