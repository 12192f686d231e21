// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kit/base/error.hpp"

namespace kit::mysql::detail {

/// What the server or the client library said.
struct Failure {
  unsigned int number = 0;
  std::string message;
};

/// `sql` is for errors that are a mistake in it.
Error to_error(const Failure& failure, std::string_view sql);

/// Of 1062: the name of the key, without its table's. Empty when the message shows none.
std::string key_of(const Failure& failure);
Error unique_error(const Failure& failure, const std::vector<std::string>& columns);

/// Nothing more comes over the connection.
bool ends_connection(unsigned int number);
/// The server has rolled the whole transaction back, or may have.
bool ends_transaction(unsigned int number);
/// The server only takes reads: another one may take writes.
bool is_read_only(unsigned int number);
/// What the statement was told of a table or a column is out of date.
bool is_stale_schema(unsigned int number);

Error lost_connection(std::string_view why);

}  // namespace kit::mysql::detail
