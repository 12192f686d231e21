// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "kit/base/decimal.hpp"
#include "kit/base/id.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/base/uuid.hpp"
#include "kit/db/database.hpp"
#include "kit/json/scalar.hpp"

namespace kit::record {

/// Reads the columns of a row from left to right, the opposite of `ParameterWriter`.
class RowReader {
 public:
  /// `first`: the column it begins with.
  explicit RowReader(const db::Row& row, int first = 0) : row_(row), column_(first) {}

  void read(std::int64_t& value) { value = row_.int64(column_++); }
  void read(std::int32_t& value);
  void read(bool& value) { value = row_.int64(column_++) != 0; }
  void read(double& value) { value = row_.real(column_++); }
  void read(float& value) { value = static_cast<float>(row_.real(column_++)); }
  void read(std::string& value) { value = row_.text(column_++); }
  void read(Timestamp& value) {
    value.since_epoch = std::chrono::microseconds(row_.int64(column_++));
  }
  void read(Date& value);
  void read(TimeOfDay& value) {
    value.since_midnight = std::chrono::microseconds(row_.int64(column_++));
  }
  void read(std::chrono::microseconds& value) {
    value = std::chrono::microseconds(row_.int64(column_++));
  }
  void read(Uuid& value);
  template <class Tag, class Rep>
  void read(Id<Tag, Rep>& id) {
    Rep value{};
    read(value);
    id = Id<Tag, Rep>(value);
  }
  template <class E>
    requires std::is_enum_v<E>
  void read(E& value) {
    const int column = column_;
    if (!parse(row_.text(column_++), value)) fail(column);
  }
  template <class T>
  void read(std::vector<T>& values) {
    read_array(values, {});
  }
  template <class T>
  void read(std::optional<T>& value) {
    if (row_.is_null(column_)) {
      value.reset();
      ++column_;
    } else {
      read(value.emplace());
    }
  }
  void read_decimal(Decimal& value, int scale);
  void read_decimal(std::vector<Decimal>& values, int scale) {
    read_array(values, {.precision = Decimal::max_digits, .scale = scale});
  }
  template <class T>
  void read_decimal(std::optional<T>& value, int scale) {
    if (row_.is_null(column_)) {
      value.reset();
      ++column_;
    } else {
      read_decimal(value.emplace(), scale);
    }
  }

  /// Fails with `data_loss` when a column held what its type can't be.
  Result<> status() const;

 private:
  template <class T>
  void read_array(std::vector<T>& values, const json::Format& format) {
    const int column = column_;
    json::Reader in(row_.text(column_++));
    std::string problem;
    const bool is_read = json::read_json(in, values, format, problem);
    if (!in.finish() || !is_read) fail(column);
  }
  void fail(int column) {
    if (bad_column_ < 0) bad_column_ = column;
  }

  const db::Row& row_;
  int column_;
  int bad_column_ = -1;
};

}  // namespace kit::record
