// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace kit::db {

/// The SQL that a database speaks. MariaDB speaks `mysql`.
enum class Dialect : std::uint8_t { sqlite, postgresql, mysql };

constexpr std::string_view name(Dialect dialect) {
  switch (dialect) {
    case Dialect::sqlite:
      return "sqlite";
    case Dialect::postgresql:
      return "postgresql";
    case Dialect::mysql:
      return "mysql";
  }
  return "";
}

}  // namespace kit::db
