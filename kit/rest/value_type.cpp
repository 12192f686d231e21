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

}  // namespace

constinit const ValueType text_value = {parse_text, [] { return std::string("text"); },
                                        Operators::text};
constinit const ValueType bool_value = {parse_bool, [] { return std::string("true or false"); },
                                        Operators::flag};
constinit const ValueType int64_value = {parse_int64, [] { return std::string("a whole number"); },
                                         Operators::ordered};
constinit const ValueType double_value = {parse_real, [] { return std::string("a number"); },
                                          Operators::ordered};
constinit const ValueType decimal_value = {
    parse_decimal,
    [] { return std::string("a decimal number with no more digits than the field has"); },
    Operators::ordered};
constinit const ValueType date_value = {
    parse_date, [] { return std::string("a date like 2021-01-31"); }, Operators::ordered};
constinit const ValueType time_value = {
    parse_time, [] { return std::string("a time like 13:45:00"); }, Operators::ordered};
constinit const ValueType timestamp_value = {
    parse_timestamp, [] { return std::string("a timestamp like 2021-01-31T13:45:00Z"); },
    Operators::ordered};
constinit const ValueType duration_value = {
    parse_length, [] { return std::string("a duration like 3.5s"); }, Operators::ordered};
constinit const ValueType uuid_value = {parse_uuid, [] { return std::string("a UUID"); },
                                        Operators::choice};

}  // namespace kit::rest
