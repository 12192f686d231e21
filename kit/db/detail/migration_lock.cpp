// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/migration_lock.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"

namespace kit::db::detail {
namespace {

// Advisory locks are each database's own; the numbers are "kit " and the first lock of it.
constexpr std::string_view postgres_lock =
    "SELECT pg_try_advisory_xact_lock(1802073120, 1)::integer";
constexpr std::string_view postgres_holder =
    "SELECT a.pid, a.usename::text, coalesce(host(a.client_addr), 'a local socket'),\n"
    "  a.application_name, extract(epoch FROM now() - a.xact_start)::bigint\n"
    "FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid\n"
    "WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 1802073120 AND l.objid = 1\n"
    "  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
constexpr std::string_view postgres_blockers =
    "SELECT pid, usename::text, coalesce(host(client_addr), 'a local socket'), application_name,\n"
    "  extract(epoch FROM now() - coalesce(xact_start, backend_start))::bigint\n"
    "FROM pg_stat_activity WHERE pid = ANY(pg_blocking_pids(?1::integer)) ORDER BY 5 DESC";

// Names of locks are the whole server's, and have at most 64 characters. A second is enough for the
// end of a session that has just been closed.
constexpr std::string_view mysql_lock =
    "SELECT GET_LOCK(CONCAT('kit_migrations_', LEFT(SHA2(DATABASE(), 256), 32)), 1)";
constexpr std::string_view mysql_unlock =
    "SELECT RELEASE_LOCK(CONCAT('kit_migrations_', LEFT(SHA2(DATABASE(), 256), 32)))";
constexpr std::string_view mysql_holder =
    "SELECT id, user, host, '', time FROM information_schema.processlist\n"
    "WHERE id = IS_USED_LOCK(CONCAT('kit_migrations_', LEFT(SHA2(DATABASE(), 256), 32)))";
// Which table a transaction has used is not told: those that are open for longest are likely.
constexpr std::string_view mysql_blockers =
    "SELECT p.id, p.user, p.host, '', TIMESTAMPDIFF(SECOND, t.trx_started, NOW())\n"
    "FROM information_schema.innodb_trx AS t\n"
    "JOIN information_schema.processlist AS p ON p.id = t.trx_mysql_thread_id\n"
    "WHERE p.id <> ?1 AND p.db = DATABASE() ORDER BY 5 DESC LIMIT 5";

constexpr std::size_t shown_sessions = 3;
/// Between two looks at who is in the way.
constexpr auto watch_pause = std::chrono::milliseconds(200);

Task<std::int64_t> number(Session& session, std::string_view sql) {
  std::int64_t value = 0;
  auto read = [&value](const Row& row) -> Result<> {
    value = row.int64(0);
    return {};
  };
  RowSink sink(read);
  co_await session.query(sql, {}, sink);
  co_return value;
}

/// "session 4711 of app at 10.0.0.7 (billing), for 35 s". What it runs is not shown: statements
/// hold values.
Task<std::string> sessions(Session& session, std::string_view sql,
                           std::span<const Parameter> parameters) {
  std::string text;
  std::size_t count = 0;
  auto read = [&](const Row& row) -> Result<> {
    if (++count > shown_sessions) return {};
    text.append(text.empty() ? "session " : "; session ").append(std::to_string(row.int64(0)));
    text.append(" of ").append(row.text(1)).append(" at ").append(row.text(2));
    if (!row.text(3).empty()) text.append(" (").append(row.text(3)).append(")");
    text.append(", for ").append(std::to_string(row.int64(4))).append(" s");
    return {};
  };
  RowSink sink(read);
  co_await session.query(sql, parameters, sink);
  if (count > shown_sessions)
    text.append(" and ").append(std::to_string(count - shown_sessions)).append(" more");
  co_return text;
}

/// Until it is cancelled.
Task<> watch(Database* database, std::int64_t id, std::string* blockers) {
  const bool is_postgres = database->dialect() == Dialect::postgresql;
  const std::string_view sql = is_postgres ? postgres_blockers : mysql_blockers;
  while (true) {
    Sleep pause(watch_pause);
    co_await pause;
    const std::array<Parameter, 1> parameters = {Parameter(id)};
    std::string found = co_await sessions(*database, sql, parameters);
    if (!found.empty()) *blockers = std::move(found);
  }
}

}  // namespace

Task<bool> try_lock_migrations(Session& session, Dialect dialect) {
  if (dialect == Dialect::sqlite) co_return true;
  const std::string_view sql = dialect == Dialect::postgresql ? postgres_lock : mysql_lock;
  const std::int64_t got = co_await number(session, sql);
  co_return got == 1;
}

Task<> unlock_migrations(Session& session, Dialect dialect) {
  if (dialect == Dialect::mysql) co_await number(session, mysql_unlock);
}

Task<std::string> lock_holder(Session& session, Dialect dialect) {
  if (dialect == Dialect::sqlite) co_return std::string();
  const std::string_view sql = dialect == Dialect::postgresql ? postgres_holder : mysql_holder;
  auto found = co_await as_result(sessions(session, sql, {}));
  // Whoever may not look into other sessions has to do without.
  if (!found) co_return std::string();
  co_return std::move(found).value();
}

Task<> limit_waits(Session& session, Dialect dialect, std::chrono::milliseconds table_wait) {
  if (dialect == Dialect::postgresql) {
    co_await session.execute("SET LOCAL idle_in_transaction_session_timeout = 0", {});
    const std::string wait = "SET LOCAL lock_timeout = " + std::to_string(table_wait.count());
    co_await session.execute(wait, {});
  } else if (dialect == Dialect::mysql) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(table_wait).count();
    const std::string wait =
        "SET SESSION lock_wait_timeout = " + std::to_string(std::max<std::int64_t>(seconds, 1));
    co_await session.execute(wait, {});
  }
}

Task<> run_watched(Database& database, Session& session, std::string& blockers, Task<> work) {
  if (database.dialect() == Dialect::sqlite) {
    co_await std::move(work);
    co_return;
  }
  const std::string_view own = database.dialect() == Dialect::postgresql ? "SELECT pg_backend_pid()"
                                                                         : "SELECT CONNECTION_ID()";
  const std::int64_t id = co_await number(session, own);
  TaskGroup watching("blockers");
  watching.spawn(watch(&database, id, &blockers));
  auto done = co_await as_result(std::move(work));
  watching.cancel();
  // It ends as cancelled, or because it may not look into other sessions.
  const auto ended = co_await as_result(watching.join());
  if (!done) co_await std::move(done).error();
}

}  // namespace kit::db::detail
