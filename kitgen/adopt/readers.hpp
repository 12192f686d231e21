// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/adopt/catalogue.hpp"

namespace kitgen::adopt {

struct ReadOptions {
  std::string schema;                ///< PostgreSQL: the schema of the tables; "": public.
  std::vector<std::string> tables;   ///< Only these; empty: all.
  std::string password;              ///< When the address has none.
  std::chrono::seconds timeout{30};  ///< Of the connection, and of each statement.
};

/// Whether this build reads databases of the kind an address names; otherwise why not and what to
/// install.
kit::Result<> check_support(const std::string& address);

/// The address without its password, for messages.
std::string without_password(const std::string& address);

/// Reads the catalogue of the database at `address`: the path of an SQLite file, or a
/// postgresql:// or mysql:// URL. Reads only, in one transaction; no row of a table is looked at.
/// Fails with `not_found`, `unavailable` or `invalid_argument`; passwords are in no message.
kit::Result<Catalogue> read_database(const std::string& address, const ReadOptions& options);

}  // namespace kitgen::adopt
