// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mysql.h>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kit/adapters/mysql/detail/statement_text.hpp"
#include "kit/base/result.hpp"
#include "kit/db/database.hpp"

namespace kit::mysql::detail {

/// The parameters of one execution in the form of the binary protocol. Text and bytes stay
/// borrowed. Lifetime: until the statement was sent.
class BoundParameters {
 public:
  /// `kinds` says for each place what its column is. Fails with `invalid_argument`:
  /// VALUE_OUT_OF_RANGE for a time that the server has no form for, VALUE_TOO_LARGE when more than
  /// `most_bytes` were to be sent; `internal` when parameters are missing.
  static Result<BoundParameters> bind(const StatementText& text, std::span<const Temporal> kinds,
                                      std::span<const db::Parameter> parameters,
                                      std::size_t most_bytes);

  MYSQL_BIND* binds() { return binds_.data(); }

 private:
  struct Value {
    long long integer = 0;
    double real = 0;
    MYSQL_TIME time{};
    std::string text;
    unsigned long length = 0;
  };
  Result<> bind_one(std::size_t place, Temporal kind, const db::Parameter& parameter);
  Result<> bind_temporal(MYSQL_BIND& bind, Value& value, Temporal kind, std::int64_t number);
  static void bind_text(MYSQL_BIND& bind, Value& value, enum_field_types type,
                        std::string_view text);

  std::vector<MYSQL_BIND> binds_;
  std::vector<Value> values_;  // never grows: binds point into it
};

}  // namespace kit::mysql::detail
