// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/db/database.hpp"

namespace kit::postgres::detail {

/// The parameters of a statement in the form that libpq takes them: binary for the types of
/// generated code, text for all others. Used again for the next statement.
class Arguments {
 public:
  /// Fails with `invalid_argument` for what the parameter's type can't hold. Lifetime: as long as
  /// `parameters`, which are not copied.
  Result<> set(std::span<const db::Parameter> parameters, std::span<const Oid> types);

  int count() const { return static_cast<int>(values_.size()); }
  const char* const* values() const { return values_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  Result<> add(const db::Parameter& parameter, Oid type);
  Result<> add_number(std::int64_t value, Oid type);
  Result<> add_real(double value, Oid type);
  Result<> add_text(std::string_view text, Oid type);
  Result<> add_bytes(std::string_view bytes, Oid type);
  Result<> add_as_text(std::string text);
  template <class T>
  Result<> add_binary(T value);
  void add_borrowed(std::string_view bytes, int format);
  Result<> out_of_range() const;

  std::vector<const char*> values_;
  std::vector<int> lengths_;
  std::vector<int> formats_;
  std::deque<std::string> owned_;  // whose addresses stay
};

/// One row of a result in binary form.
class ResultRow final : public db::Row {
 public:
  explicit ResultRow(const PGresult& result) : result_(result) {}
  void set_row(int row) {
    row_ = row;
    if (!texts_.empty()) texts_.clear();
  }

  bool is_null(int column) const override { return PQgetisnull(&result_, row_, column) != 0; }
  std::int64_t int64(int column) const override;
  double real(int column) const override;
  std::int64_t scaled(int column, int scale) const override;
  std::string_view text(int column) const override;

 private:
  std::string_view bytes(int column) const {
    return {PQgetvalue(&result_, row_, column),
            static_cast<std::size_t>(PQgetlength(&result_, row_, column))};
  }
  const PGresult& result_;
  int row_ = 0;
  mutable std::deque<std::string> texts_;  // of values that are no text; as long as the row
};

/// Fails with `unimplemented` when a column has a type that is not read here: it has to be cast in
/// the statement.
Result<> check_columns(const PGresult& result);

}  // namespace kit::postgres::detail
