// SPDX-License-Identifier: Apache-2.0
#include "kit/db/import_lock.hpp"

#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "kit/async/loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/time.hpp"
#include "kit/db/detail/import_history.hpp"

namespace kit::db {
namespace {

constexpr std::chrono::minutes longest_wait{10};
constexpr std::chrono::milliseconds pause{50};

// On MariaDB and MySQL a row of the history that is nobody's file: GET_LOCK would stay the
// session's behind the transaction, and with the session in the pool.
constexpr std::string_view lock_row =
    "SELECT file FROM kit_imports WHERE file = '' AND sha256 = '' FOR UPDATE";
constexpr std::string_view add_row =
    "INSERT IGNORE INTO kit_imports (file, sha256, \"rows\", imported_at) VALUES ('', '', 0, ?1)";

/// Whether the row is there; it is this transaction's until that ends.
Task<bool> take_row(Transaction& transaction) {
  bool is_there = false;
  auto read = [&is_there](const Row&) -> Result<> {
    is_there = true;
    return {};
  };
  RowSink sink(read);
  co_await transaction.query(lock_row, {}, sink);
  co_return is_there;
}

/// The first one adds the row; who waits for the same meanwhile finds it, or ends as a deadlock.
Task<> take_or_add_row(Transaction& transaction) {
  const bool is_there = co_await take_row(transaction);
  if (is_there) co_return;
  const std::array<Parameter, 1> parameters = {Timestamp::now().since_epoch.count()};
  co_await transaction.execute(add_row, parameters);
  co_await take_row(transaction);
}

Task<std::unique_ptr<Transaction>> try_begin(Database& database) {
  std::unique_ptr<Transaction> transaction = co_await database.begin_bulk();
  Task<> taking = database.dialect() == Dialect::mysql ? take_or_add_row(*transaction)
                                                       : detail::open_import_history(*transaction);
  co_await std::move(taking);
  co_return transaction;
}

/// Whether somebody was in the way; nothing is done yet, so that it can be tried again.
bool is_passing(const Error& error, Dialect dialect) {
  if (dialect == Dialect::sqlite) return error.reason() == "DATABASE_BUSY";
  return error.reason() == "LOCK_TIMEOUT" || error.reason() == "DEADLOCK";
}

}  // namespace

Task<std::unique_ptr<Transaction>> begin_import(Database& database) {
  const Clock::time_point give_up = Loop::current().now() + longest_wait;
  while (true) {
    Task<std::unique_ptr<Transaction>> trying = try_begin(database);
    Result<std::unique_ptr<Transaction>> begun = co_await as_result(std::move(trying));
    if (begun) co_return std::move(*begun);
    Error error = std::move(begun).error();
    if (!is_passing(error, database.dialect())) co_return error;
    if (Loop::current().now() >= give_up) {
      co_return Error(
          Code::unavailable,
          "another import, or somebody else who writes, has kept this one from beginning "
          "for 10 minutes; nothing was imported, so run it again when that one has "
          "ended: " +
              error.message())
          .with_reason("IMPORT_LOCKED");
    }
    Sleep sleep(pause);
    co_await sleep;
  }
}

}  // namespace kit::db
