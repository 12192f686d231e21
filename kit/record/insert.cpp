// SPDX-License-Identifier: Apache-2.0
#include "kit/record/insert.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <variant>

namespace kit::record {
namespace {

/// PostgreSQL's sequence does not see ids that others gave. It only ever moves ahead: of two that
/// move it the second waits until the first has ended.
constexpr std::string_view move_ahead_sql = R"sql(
  WITH sequence AS (
    SELECT CAST(pg_get_serial_sequence(?1, 'id') AS regclass) AS id
  ), lock AS MATERIALIZED (
    SELECT id, pg_advisory_xact_lock(CAST(CAST(id AS oid) AS bigint)) FROM sequence
     WHERE COALESCE(pg_sequence_last_value(id), 0) < ?2
  )
  SELECT setval(id, ?2) FROM lock
   WHERE COALESCE(pg_sequence_last_value(id), 0) < ?2)sql";

}  // namespace

std::vector<std::string_view> columns_of(std::string_view insert) {
  const std::size_t first = insert.find('(');
  std::string_view list = insert.substr(first + 1, insert.find(')') - first - 1);
  std::vector<std::string_view> columns;
  while (!list.empty()) {
    const std::size_t begin = list.find_first_not_of(", \n");
    list.remove_prefix(std::min(begin, list.size()));
    const std::string_view column = list.substr(0, list.find_first_of(", \n"));
    if (!column.empty()) columns.push_back(column);
    list.remove_prefix(column.size());
  }
  return columns;
}

Task<> move_ahead(db::Session& session, std::string_view table, std::int64_t id) {
  if (session.dialect() != db::Dialect::postgresql || id <= 0) co_return;
  const std::array<db::Parameter, 2> parameters = {table, id};
  auto ignore = [](const db::Row&) -> Result<> { return {}; };
  co_await session.query(move_ahead_sql, parameters, ignore);
}

Task<db::Session::Changed> insert(db::Session& session, std::string_view table, const db::Sql& sql,
                                  std::span<const db::Parameter> parameters,
                                  const EntityName& entity, std::span<const Reference> references,
                                  Lookup lookup) {
  const db::Session::Changed changed =
      co_await write(session, sql.in(session.dialect()), parameters, entity, references, lookup);
  const auto* given = std::get_if<std::int64_t>(&parameters.front());
  if (given != nullptr) co_await move_ahead(session, table, *given);
  co_return changed;
}

Task<db::Session::Changed> link(db::Session& session, const db::Sql& sql,
                                std::span<const db::Parameter> parameters, const EntityName& entity,
                                std::span<const Reference> references) {
  Result<db::Session::Changed> changed =
      co_await as_result(write(session, sql.in(session.dialect()), parameters, entity, references));
  // Only where the statement can't say that it leaves what is there: MariaDB and MySQL.
  if (!changed && changed.error().code() == Code::already_exists) co_return db::Session::Changed{};
  if (!changed) co_return std::move(changed).error();
  // They count a link that was changed as two.
  changed->rows = std::min<std::int64_t>(changed->rows, 1);
  co_return *changed;
}

}  // namespace kit::record
