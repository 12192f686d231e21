// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/db/dialect.hpp"

namespace kit::db {

/// A statement that the dialects write in different ways; one that they write in the same way is a
/// `std::string_view`. What is left out is written as SQLite does. Lifetime: constants.
struct Sql {
  std::string_view sqlite;
  std::string_view postgresql = {};
  std::string_view mysql = {};

  constexpr std::string_view in(Dialect dialect) const {
    switch (dialect) {
      case Dialect::sqlite:
        return sqlite;
      case Dialect::postgresql:
        return postgresql.empty() ? sqlite : postgresql;
      case Dialect::mysql:
        break;
    }
    return mysql.empty() ? sqlite : mysql;
  }
};

}  // namespace kit::db
