// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/parameters.hpp"

#include <chrono>
#include <cstdint>
#include <utility>

#include "kit/base/decimal.hpp"

namespace kit::mysql::detail {
namespace {

using namespace std::chrono;

Error out_of_range(std::string_view what) {
  return Error(Code::invalid_argument, "a " + std::string(what) + " that the database can't hold")
      .with_reason("VALUE_OUT_OF_RANGE");
}

bool set_day(MYSQL_TIME& time, sys_days day) {
  const year_month_day date(day);
  if (date.year() < year(1) || date.year() > year(9999)) return false;
  time.year = static_cast<unsigned int>(static_cast<int>(date.year()));
  time.month = static_cast<unsigned int>(date.month());
  time.day = static_cast<unsigned int>(date.day());
  return true;
}

void set_clock(MYSQL_TIME& time, microseconds clock) {
  const hh_mm_ss parts(clock);
  time.hour = static_cast<unsigned int>(parts.hours().count());
  time.minute = static_cast<unsigned int>(parts.minutes().count());
  time.second = static_cast<unsigned int>(parts.seconds().count());
  time.second_part = static_cast<unsigned long>(parts.subseconds().count());
}

/// The units of a decimal with its point: {-5, 2} is "-0.05".
std::string decimal_text(const db::Scaled& scaled) {
  const bool is_negative = scaled.units < 0;
  const auto size = static_cast<std::uint64_t>(scaled.units);
  std::string digits = std::to_string(is_negative ? 0 - size : size);
  if (scaled.scale > 0) {
    const auto scale = static_cast<std::size_t>(scaled.scale);
    if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
    digits.insert(digits.size() - scale, 1, '.');
  }
  return is_negative ? "-" + digits : digits;
}

}  // namespace

Result<BoundParameters> BoundParameters::bind(const StatementText& text,
                                              std::span<const Temporal> kinds,
                                              std::span<const db::Parameter> parameters,
                                              std::size_t most_bytes) {
  if (parameters.size() != text.parameters) {
    return Error(Code::internal, std::to_string(parameters.size()) + " parameters for " +
                                     std::to_string(text.parameters) + " in: " + text.sql);
  }
  BoundParameters bound;
  bound.binds_.resize(text.places.size());
  bound.values_.resize(text.places.size());
  // Of the message: its head, for each value its type and its length.
  std::size_t bytes = 64 + 12 * text.places.size();
  for (std::size_t i = 0; i < text.places.size(); ++i) {
    KIT_TRY(bound.bind_one(i, kinds[i], parameters[text.places[i].parameter]));
    bytes += bound.values_[i].length;
  }
  if (bytes <= most_bytes) return bound;
  return Error(Code::invalid_argument, "the values have " + std::to_string(bytes) +
                                           " bytes, more than the server's max_allowed_packet of " +
                                           std::to_string(most_bytes))
      .with_reason("VALUE_TOO_LARGE");
}

Result<> BoundParameters::bind_one(std::size_t place, Temporal kind,
                                   const db::Parameter& parameter) {
  MYSQL_BIND& bind = binds_[place];
  Value& value = values_[place];
  bind.length = &value.length;
  if (const auto* number = std::get_if<std::int64_t>(&parameter)) {
    if (kind != Temporal::none) return bind_temporal(bind, value, kind, *number);
    value.integer = *number;
    bind.buffer_type = MYSQL_TYPE_LONGLONG;
    bind.buffer = &value.integer;
  } else if (const auto* real = std::get_if<double>(&parameter)) {
    value.real = *real;
    bind.buffer_type = MYSQL_TYPE_DOUBLE;
    bind.buffer = &value.real;
  } else if (const auto* text = std::get_if<std::string_view>(&parameter)) {
    bind_text(bind, value, MYSQL_TYPE_STRING, *text);
  } else if (const auto* blob = std::get_if<db::Blob>(&parameter)) {
    bind_text(bind, value, MYSQL_TYPE_LONG_BLOB, blob->bytes);
  } else if (const auto* scaled = std::get_if<db::Scaled>(&parameter)) {
    value.text = decimal_text(*scaled);
    bind_text(bind, value, MYSQL_TYPE_NEWDECIMAL, value.text);
  } else {
    bind.buffer_type = MYSQL_TYPE_NULL;
  }
  return {};
}

void BoundParameters::bind_text(MYSQL_BIND& bind, Value& value, enum_field_types type,
                                std::string_view text) {
  bind.buffer_type = type;
  // The library does not write to it, and takes a null buffer for a missing one.
  bind.buffer = const_cast<char*>(text.data() != nullptr ? text.data() : "");
  bind.buffer_length = value.length = text.size();
}

Result<> BoundParameters::bind_temporal(MYSQL_BIND& bind, Value& value, Temporal kind,
                                        std::int64_t number) {
  bind.buffer = &value.time;
  if (kind == Temporal::date) {
    // Years 1 to 9999; beyond them the sum below could overflow.
    if (number < -1'000'000 || number > 4'000'000) return out_of_range("date");
    bind.buffer_type = MYSQL_TYPE_DATE;
    value.time.time_type = MYSQL_TIMESTAMP_DATE;
    if (!set_day(value.time, sys_days(days(number)))) return out_of_range("date");
    return {};
  }
  const microseconds moment(number);
  if (kind == Temporal::timestamp) {
    bind.buffer_type = MYSQL_TYPE_DATETIME;
    value.time.time_type = MYSQL_TIMESTAMP_DATETIME;
    const auto day = floor<days>(sys_time<microseconds>(moment));
    if (!set_day(value.time, day)) return out_of_range("timestamp");
    set_clock(value.time, sys_time<microseconds>(moment) - day);
    return {};
  }
  if (moment < microseconds(0) || moment >= days(1)) return out_of_range("time of day");
  bind.buffer_type = MYSQL_TYPE_TIME;
  value.time.time_type = MYSQL_TIMESTAMP_TIME;
  set_clock(value.time, moment);
  return {};
}

}  // namespace kit::mysql::detail
