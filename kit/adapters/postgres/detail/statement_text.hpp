// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::postgres::detail {

/// A statement as PostgreSQL reads it.
struct StatementText {
  std::string sql;     ///< With `$1` for `?1`; numbers that do not occur are left out of the count.
  int parameters = 0;  ///< The highest number of the text given.
  std::vector<std::size_t> places;  ///< Of `$1` and so on: which parameter each is, from 0.
};

/// Turns `?1`-style parameters into `$1`-style ones, leaving texts, names and comments alone. The
/// server refuses a text that leaves a number out, so there they are counted anew. Fails with
/// `internal`: the statement is one of the program's own.
Result<StatementText> translate(std::string_view sql);

/// Fails with `internal` (TRANSACTION_CONTROL) for what begins or ends a transaction: after it
/// statements that were acknowledged would not be durable, or would be undone with others'.
Result<> check_keeps_transaction(std::string_view sql);

/// For sessions that a pooler hands on after each transaction: fails with `failed_precondition`
/// (SESSION_STATE) for what outlives its transaction there, such as SET, LISTEN, PREPARE, a
/// temporary table, WITH HOLD and pg_advisory_lock.
Result<> check_leaves_nothing(std::string_view sql);

}  // namespace kit::postgres::detail
