// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/import_history.hpp"

#include <array>

#include "kit/base/time.hpp"
#include "kit/db/detail/history.hpp"
#include "kit/db/sql.hpp"

namespace kit::db::detail {
namespace {

constexpr Sql create_sql = {
    .sqlite =
        "CREATE TABLE IF NOT EXISTS kit_imports (\n"
        "  file TEXT NOT NULL,\n"
        "  sha256 TEXT NOT NULL,\n"
        "  \"rows\" INTEGER NOT NULL,\n"
        "  imported_at INTEGER NOT NULL,\n"
        "  PRIMARY KEY (file, sha256))",
    .postgresql =
        "CREATE TABLE IF NOT EXISTS kit_imports (\n"
        "  file text COLLATE \"C\" NOT NULL,\n"
        "  sha256 text COLLATE \"C\" NOT NULL,\n"
        "  \"rows\" bigint NOT NULL,\n"
        "  imported_at timestamptz NOT NULL,\n"
        "  PRIMARY KEY (file, sha256))",
    .mysql =
        "CREATE TABLE IF NOT EXISTS kit_imports (\n"
        "  file varchar(255) NOT NULL,\n"
        "  sha256 varchar(64) NOT NULL,\n"
        "  \"rows\" bigint NOT NULL,\n"
        "  imported_at datetime(6) NOT NULL,\n"
        "  PRIMARY KEY (file, sha256)\n"
        ") ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
};

// A row when somebody else has it. Any number that nobody else uses: "kit_impo".
constexpr std::string_view postgresql_lock =
    "SELECT 1 WHERE NOT pg_try_advisory_xact_lock(7739838325735845999)";

}  // namespace

Task<> open_import_history(Transaction& transaction) {
  const Dialect dialect = transaction.dialect();
  if (dialect == Dialect::mysql) co_return;
  if (dialect == Dialect::postgresql) {
    auto refuse = [](const Row&) -> Result<> {
      return Error(Code::aborted, "another import has this database").with_reason("LOCK_TIMEOUT");
    };
    RowSink sink(refuse);
    co_await transaction.query(postgresql_lock, {}, sink);
    // Who may only use the table may not even say IF NOT EXISTS.
    const bool is_there = co_await has_table(transaction, dialect, "kit_imports");
    if (is_there) co_return;
  }
  co_await transaction.execute(create_sql.in(dialect), {});
}

Task<> create_import_history(Database& database) {
  const Dialect dialect = database.dialect();
  const bool is_there = co_await has_table(database, dialect, "kit_imports");
  if (!is_there) co_await database.execute(create_sql.in(dialect), {});
}

Task<bool> is_imported(Session& session, std::string_view file, std::string_view sum) {
  bool known = false;
  const std::array<Parameter, 2> parameters = {file, sum};
  auto sink = [&](const Row&) -> Result<> {
    known = true;
    return {};
  };
  co_await session.query("SELECT 1 FROM kit_imports WHERE file = ?1 AND sha256 = ?2", parameters,
                         sink);
  co_return known;
}

Task<> remember_import(Session& session, std::string_view file, std::string_view sum,
                       std::int64_t rows) {
  const std::array<Parameter, 2> key = {file, sum};
  co_await session.execute("DELETE FROM kit_imports WHERE file = ?1 AND sha256 = ?2", key);
  const std::array<Parameter, 4> parameters = {file, sum, rows,
                                               Timestamp::now().since_epoch.count()};
  co_await session.execute(
      "INSERT INTO kit_imports (file, sha256, \"rows\", imported_at) VALUES (?1, ?2, ?3, ?4)",
      parameters);
}

}  // namespace kit::db::detail
