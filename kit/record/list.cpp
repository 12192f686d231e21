// SPDX-License-Identifier: Apache-2.0
#include "kit/record/list.hpp"

#include <span>
#include <vector>

namespace kit::record {
namespace {

Task<std::int64_t> read_count(db::Session& session, std::string_view sql,
                              std::span<const db::Parameter> parameters) {
  std::int64_t number = 0;
  auto sink = [&](const db::Row& row) -> Result<> {
    number = row.int64(0);
    return {};
  };
  co_await session.query(sql, parameters, sink);
  co_return number;
}

}  // namespace

Task<ListEnd> list(db::Session& session, const db::ListTable& table, const db::ListQuery& query,
                   db::RowSink sink) {
  static const db::RowLimit none;
  return list(session, table, query, sink, none);
}

Task<ListEnd> list(db::Session& session, const db::ListTable& table, const db::ListQuery& query,
                   db::RowSink sink, const db::RowLimit& limit) {
  ListEnd end;
  const db::BuiltQuery select = co_await db::build_list(table, query, limit, session.dialect());
  const std::vector<db::Parameter> parameters = select.parameters();
  db::PageReader page(table, query);
  auto take = [&](const db::Row& row) -> Result<> {
    if (!page.take(row)) return {};
    return sink(row);
  };
  co_await session.query(select.sql, parameters, take);
  end.next_cursor = page.next_cursor();
  if (query.include_total) end.total = co_await count(session, table, query, limit);
  co_return end;
}

Task<std::int64_t> count(db::Session& session, std::string_view sql) {
  return read_count(session, sql, {});
}

Task<std::int64_t> count(db::Session& session, const db::ListTable& table,
                         const db::ListQuery& query, const db::RowLimit& limit) {
  const db::BuiltQuery counting = co_await db::build_count(table, query, limit, session.dialect());
  const std::vector<db::Parameter> values = counting.parameters();
  co_return co_await read_count(session, counting.sql, values);
}

}  // namespace kit::record
