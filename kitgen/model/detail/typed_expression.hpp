// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "kitgen/model/detail/context.hpp"
#include "kitgen/model/detail/expression.hpp"

namespace kitgen::model {

/// What the values of an expression are.
enum class ValueKind : std::uint8_t {
  null,  ///< The word null, which is of every kind.
  flag,
  integer,
  decimal,
  text,
  date,
  time,
  timestamp,
  duration,
  uuid,
  enumeration,
  id,
  inexact,  ///< float and double: for comparing only
  list,     ///< For length() and is null only.
};
std::string_view name_of(ValueKind kind);
ValueKind kind_of(const Field& field);

/// A checked expression, as C++.
struct Typed {
  ValueKind kind = ValueKind::null;
  int scale = 0;                ///< Of a decimal: digits behind the point.
  std::string value_type = {};  ///< What compute::Value holds: std::int64_t, InvoiceStatus
  std::string cpp = {};
  bool is_nullable = false;
  bool may_fail = false;
  bool is_text_literal = false;  ///< May still become a date, an enum value ...
  std::string literal = {};
  std::size_t enum_index = none;
  std::size_t id_entity = none;
  std::size_t offset = 0;
  std::size_t length = 1;
};

/// Checks an expression over the fields of an entity and renders it; `fail` tells each mistake,
/// and nothing comes back after one. `variable` is the row in C++.
std::optional<Typed> check_expression(const Context& context, std::size_t entity,
                                      const Expression& expression, const std::string& variable,
                                      const ExpressionError& fail);

/// The C++ of a value of `kind` as the field has it: rounded by nobody, so digits too many are
/// told.
std::optional<Typed> convert_to(const Context& context, Typed value, const Field& field,
                                const ExpressionError& fail);

}  // namespace kitgen::model
