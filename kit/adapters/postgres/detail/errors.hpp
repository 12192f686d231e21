// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>
#include <vector>

#include "kit/base/error.hpp"

namespace kit::postgres::detail {

/// What a server said about a failure, without the values of the rows it is about.
struct ServerError {
  std::string state;  ///< SQLSTATE; empty: libpq itself failed.
  std::string message;
  std::string column;                ///< Of a NOT NULL violation.
  std::vector<std::string> columns;  ///< Of a unique violation.
};

ServerError server_error(const PGresult* result);
/// The columns in "Key (a, "B c")=(1, 2) already exists."; none for an index of expressions.
std::vector<std::string> key_columns(std::string_view detail);

/// `sql` goes into what people of this program's side read: the log.
Error to_error(const ServerError& failure, std::string_view sql);
/// The connection is gone.
Error connection_error(std::string_view message);

/// A plan, a type or a name of the session is from before a change: prepared anew the statement may
/// succeed.
bool is_outdated(std::string_view state);
/// What is remembered of the statement, of its text on the server or of its types, may be wrong.
bool doubts_statement(std::string_view state);
/// The connection can't be used any more.
bool ends_connection(std::string_view state);

}  // namespace kit::postgres::detail
