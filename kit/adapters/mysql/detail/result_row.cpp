// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/result_row.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>

#include "kit/base/assert.hpp"
#include "kit/base/decimal.hpp"
#include "kit/base/text.hpp"
#include "kit/base/time.hpp"

namespace kit::mysql::detail {
namespace {

using namespace std::chrono;

/// A column's buffer; what is longer is copied out of the packet when it is asked for.
constexpr std::size_t largest_buffer = 1'024;

sys_days day_of(const MYSQL_TIME& time) {
  return sys_days(year(static_cast<int>(time.year)) / static_cast<int>(time.month) /
                  static_cast<int>(time.day));
}

microseconds clock_of(const MYSQL_TIME& time) {
  const microseconds clock = hours(time.hour) +
                             hours(24) * (time.time_type == MYSQL_TIMESTAMP_TIME ? time.day : 0) +
                             minutes(time.minute) + seconds(time.second) +
                             microseconds(static_cast<std::int64_t>(time.second_part));
  return time.neg != 0 ? -clock : clock;
}

std::int64_t whole(double value) {
  if (std::isnan(value)) return 0;
  if (value >= 9223372036854775807.0) return std::numeric_limits<std::int64_t>::max();
  if (value <= -9223372036854775808.0) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

/// The number that a text starts with, as SQLite reads it; 0 when it starts with none.
template <class Number>
Number leading(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '+')) text.remove_prefix(1);
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

ResultRow::Kind ResultRow::kind_of(const MYSQL_FIELD& field) {
  switch (field.type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
      return Kind::integer;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
      return Kind::real;
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
      return Kind::decimal;
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP:
      return Kind::timestamp;
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE:
      return Kind::date;
    case MYSQL_TYPE_TIME:
      return Kind::time;
    case MYSQL_TYPE_BIT:
      return Kind::bits;
    default:
      return Kind::text;
  }
}

std::size_t ResultRow::buffer_size(const MYSQL_FIELD& field) {
  return std::clamp<std::size_t>(field.length + 1, 8, largest_buffer);
}

ResultRow::ResultRow(MYSQL_STMT* statement, std::span<const MYSQL_FIELD> fields)
    : statement_(statement), binds_(fields.size()), columns_(fields.size()) {
  for (std::size_t i = 0; i < fields.size(); ++i) bind(columns_[i], binds_[i], fields[i]);
}

void ResultRow::bind(Column& column, MYSQL_BIND& bind, const MYSQL_FIELD& field) {
  column.kind = kind_of(field);
  bind.length = &column.length;
  bind.is_null = &column.is_null;
  bind.error = &column.error;
  switch (column.kind) {
    case Kind::integer:
      bind.buffer_type = MYSQL_TYPE_LONGLONG;
      bind.is_unsigned = (field.flags & UNSIGNED_FLAG) != 0;
      bind.buffer = &column.integer;
      return;
    case Kind::real:
      bind.buffer_type = MYSQL_TYPE_DOUBLE;
      bind.buffer = &column.real;
      return;
    case Kind::timestamp:
    case Kind::date:
    case Kind::time:
      bind.buffer_type = field.type;
      bind.buffer = &column.time;
      bind.buffer_length = sizeof column.time;
      return;
    default:
      column.buffer.resize(buffer_size(field));
      bind.buffer_type = MYSQL_TYPE_STRING;
      bind.buffer = column.buffer.data();
      bind.buffer_length = column.buffer.size();
  }
}

void ResultRow::renew() {
  for (Column& column : columns_) column.has_text = false;
}

ResultRow::Column& ResultRow::at(int column) const {
  KIT_ASSERT(column >= 0 && static_cast<std::size_t>(column) < columns_.size(),
             "a column that the result does not have");
  return columns_[static_cast<std::size_t>(column)];
}

std::int64_t ResultRow::number_of(const Column& column) {
  switch (column.kind) {
    case Kind::timestamp:
      // "0000-00-00" of a server that was lax once.
      if (column.time.month == 0 || column.time.day == 0) return 0;
      return (sys_time<microseconds>(day_of(column.time)) + clock_of(column.time))
          .time_since_epoch()
          .count();
    case Kind::date:
      if (column.time.month == 0 || column.time.day == 0) return 0;
      return day_of(column.time).time_since_epoch().count();
    case Kind::time:
      return clock_of(column.time).count();
    default:
      return column.integer;
  }
}

std::int64_t ResultRow::int64(int number) const {
  Column& column = at(number);
  if (column.is_null != 0) return 0;
  switch (column.kind) {
    case Kind::real:
      return whole(column.real);
    case Kind::bits: {
      std::uint64_t bits = 0;
      for (const char c : bytes(column, number)) bits = bits << 8 | static_cast<unsigned char>(c);
      return static_cast<std::int64_t>(bits);
    }
    case Kind::decimal:
    case Kind::text:
      return leading<std::int64_t>(bytes(column, number));
    default:
      return number_of(column);
  }
}

double ResultRow::real(int number) const {
  Column& column = at(number);
  if (column.is_null != 0) return 0;
  if (column.kind == Kind::real) return column.real;
  if (column.kind == Kind::decimal || column.kind == Kind::text)
    return leading<double>(bytes(column, number));
  return static_cast<double>(int64(number));
}

std::int64_t ResultRow::scaled(int number, int scale) const {
  Column& column = at(number);
  if (column.is_null != 0) return 0;
  std::string plain(column.kind == Kind::integer ? std::to_string(column.integer)
                                                 : std::string(text(number)));
  // Zeros past the scale say nothing, and a sum has more digits than its column.
  if (const std::size_t point = plain.find('.'); point != std::string::npos) {
    const std::size_t wanted = point + 1 + static_cast<std::size_t>(scale);
    while (plain.size() > wanted && plain.back() == '0') plain.pop_back();
    if (plain.back() == '.') plain.pop_back();
  }
  const auto decimal = Decimal::parse(plain);
  if (!decimal) return 0;
  const auto exact = decimal->rescaled(scale);
  return exact ? exact->unscaled() : 0;
}

std::string_view ResultRow::bytes(Column& column, int number) const {
  if (column.length <= column.buffer.size()) return {column.buffer.data(), column.length};
  if (!column.has_text) {
    column.made.resize(column.length);
    MYSQL_BIND whole_column{};
    unsigned long length = 0;
    my_bool is_null = 0;
    my_bool error = 0;
    whole_column.buffer_type = MYSQL_TYPE_STRING;
    whole_column.buffer = column.made.data();
    whole_column.buffer_length = column.made.size();
    whole_column.length = &length;
    whole_column.is_null = &is_null;
    whole_column.error = &error;
    const int failed =
        mysql_stmt_fetch_column(statement_, &whole_column, static_cast<unsigned int>(number), 0);
    KIT_ASSERT(failed == 0, "a column of the row that was fetched");
    column.has_text = true;
  }
  return column.made;
}

std::string_view ResultRow::text(int number) const {
  Column& column = at(number);
  if (column.is_null != 0) return {};
  if (column.kind == Kind::text || column.kind == Kind::decimal) return bytes(column, number);
  if (!column.has_text) {
    column.made = column.kind == Kind::bits ? std::to_string(int64(number)) : shown(column);
    column.has_text = true;
  }
  return column.made;
}

std::string ResultRow::shown(const Column& column) {
  switch (column.kind) {
    case Kind::real: {
      std::array<char, 32> digits{};
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), column.real);
      return {digits.data(), end.ptr};
    }
    case Kind::timestamp:
      return Timestamp{microseconds(number_of(column))}.to_string();
    case Kind::date:
      return Date{sys_days(days(number_of(column)))}.to_string();
    case Kind::time:
      return TimeOfDay{clock_of(column.time)}.to_string();
    default:
      return std::to_string(column.integer);
  }
}

}  // namespace kit::mysql::detail
