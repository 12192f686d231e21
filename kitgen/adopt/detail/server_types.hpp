// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kitgen/adopt/catalogue.hpp"

/// What the types of servers mean. Inner header of kitgen/adopt; no library of a server is needed.
namespace kitgen::adopt {

/// A type of PostgreSQL by pg_type.typname and its modifier; enumerations and arrays are the
/// reader's. `declared`: as the server writes it.
ColumnType postgres_type(const std::string& name, int modifier, const std::string& declared);

/// A type of MySQL or MariaDB by information_schema.columns.column_type: "int(10) unsigned".
ColumnType mysql_type(const std::string& declared);

}  // namespace kitgen::adopt
