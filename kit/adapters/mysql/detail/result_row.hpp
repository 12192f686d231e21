// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mysql.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/db/database.hpp"

namespace kit::mysql::detail {

/// The row of a result that was fetched last, in the binary protocol. Each column has a buffer for
/// short texts; a longer one is copied when it is asked for.
class ResultRow final : public db::Row {
 public:
  /// Buffers for the columns of `statement`.
  ResultRow(MYSQL_STMT* statement, std::span<const MYSQL_FIELD> fields);
  ResultRow(const ResultRow&) = delete;
  ResultRow& operator=(const ResultRow&) = delete;

  MYSQL_BIND* binds() { return binds_.data(); }
  std::size_t columns() const { return columns_.size(); }
  /// Another row is there: forgets what was made from the one before.
  void renew();

  bool is_null(int column) const override { return at(column).is_null != 0; }
  std::int64_t int64(int column) const override;
  double real(int column) const override;
  std::int64_t scaled(int column, int scale) const override;
  std::string_view text(int column) const override;

 private:
  enum class Kind : std::uint8_t { integer, real, decimal, timestamp, date, time, bits, text };
  struct Column {
    Kind kind = Kind::text;
    bool has_text = false;  // `made` is of this row
    my_bool is_null = 0;
    my_bool error = 0;
    unsigned long length = 0;
    long long integer = 0;
    double real = 0;
    MYSQL_TIME time{};
    std::vector<char> buffer;
    std::string made;
  };
  static Kind kind_of(const MYSQL_FIELD& field);
  static std::size_t buffer_size(const MYSQL_FIELD& field);
  void bind(Column& column, MYSQL_BIND& bind, const MYSQL_FIELD& field);
  Column& at(int column) const;
  std::string_view bytes(Column& column, int number) const;
  static std::string shown(const Column& column);
  static std::int64_t number_of(const Column& column);

  MYSQL_STMT* statement_;
  std::vector<MYSQL_BIND> binds_;
  mutable std::vector<Column> columns_;  // never grows: binds point into it
};

}  // namespace kit::mysql::detail
