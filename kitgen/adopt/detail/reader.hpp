// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kitgen/adopt/readers.hpp"

/// The readers, one for each kind of database. Inner header of kitgen/adopt.
namespace kitgen::adopt {

/// The parts of a URL, decoded.
struct ServerAddress {
  std::string user, password, host, port, database;
  /// `?key=value` pairs in their order.
  std::vector<std::pair<std::string, std::string>> parameters;
};
/// scheme://user:password@host:port/database?key=value
kit::Result<ServerAddress> parse_address(const std::string& address);

kit::Result<Catalogue> read_sqlite(const std::string& path, const ReadOptions& options);
kit::Result<Catalogue> read_postgres(const ServerAddress& address, const ReadOptions& options);
kit::Result<Catalogue> read_mysql(const ServerAddress& address, const ReadOptions& options);

/// Whether the options ask for the table.
bool is_wanted(const ReadOptions& options, const std::string& table);

/// Adds to what of an index is left out.
void lose(Index& index, const std::string& what);

/// What SQLite, which takes any words for a type, most likely means by these.
ColumnType sqlite_type(const std::string& declared);

}  // namespace kitgen::adopt
