// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/migration_lock.hpp"

namespace kit::db::detail {
namespace {

// Names of locks are the whole server's, and have at most 64 characters. A second is enough for the
// end of a session that has just been closed.
constexpr std::string_view mysql_lock =
    "SELECT GET_LOCK(CONCAT('kit_migrations_', LEFT(SHA2(DATABASE(), 256), 32)), 1)";
constexpr std::string_view mysql_unlock =
    "SELECT RELEASE_LOCK(CONCAT('kit_migrations_', LEFT(SHA2(DATABASE(), 256), 32)))";

Task<bool> is_one(Session& session, std::string_view sql) {
  bool one = false;
  auto read = [&one](const Row& row) -> Result<> {
    one = row.int64(0) == 1;
    return {};
  };
  RowSink sink(read);
  co_await session.query(sql, {}, sink);
  co_return one;
}

}  // namespace

Task<bool> try_lock_migrations(Session& session, Dialect dialect) {
  if (dialect != Dialect::mysql) co_return true;
  co_return co_await is_one(session, mysql_lock);
}

Task<> unlock_migrations(Session& session, Dialect dialect) {
  if (dialect == Dialect::mysql) co_await is_one(session, mysql_unlock);
}

}  // namespace kit::db::detail
