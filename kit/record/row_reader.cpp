// SPDX-License-Identifier: Apache-2.0
#include "kit/record/row_reader.hpp"

#include <utility>

namespace kit::record {

void RowReader::read(std::int32_t& value) {
  const std::int64_t wide = row_.int64(column_);
  if (!std::in_range<std::int32_t>(wide)) fail(column_);
  value = static_cast<std::int32_t>(wide);
  ++column_;
}

void RowReader::read(Date& value) {
  const std::int64_t days = row_.int64(column_);
  if (!std::in_range<std::int32_t>(days)) fail(column_);
  value.day = std::chrono::sys_days(std::chrono::days(static_cast<std::int32_t>(days)));
  ++column_;
}

void RowReader::read(Uuid& value) {
  if (const std::optional<Uuid> uuid = Uuid::parse(row_.text(column_))) {
    value = *uuid;
  } else {
    fail(column_);
  }
  ++column_;
}

void RowReader::read_decimal(Decimal& value, int scale) {
  value = Decimal(row_.scaled(column_++, scale), scale);
}

Result<> RowReader::status() const {
  if (bad_column_ < 0) return {};
  return Error(Code::data_loss,
               "column " + std::to_string(bad_column_) + " holds a value its type does not have");
}

}  // namespace kit::record
