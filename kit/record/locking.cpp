// SPDX-License-Identifier: Apache-2.0
#include "kit/record/locking.hpp"

#include <string>

namespace kit::record {
namespace {

std::string_view clause(Purpose purpose, db::Dialect dialect) {
  const bool is_mysql = dialect == db::Dialect::mysql;
  if (purpose == Purpose::referring) return is_mysql ? " LOCK IN SHARE MODE" : " FOR SHARE";
  // On PostgreSQL new rows may refer to one that is changed meanwhile.
  return purpose == Purpose::removing || is_mysql ? " FOR UPDATE" : " FOR NO KEY UPDATE";
}

Task<> select_locked(db::Session& session, std::string_view sql,
                     std::span<const db::Parameter> parameters, db::RowSink sink, Purpose purpose) {
  std::string text(sql);
  text.append(clause(purpose, session.dialect()));
  co_await session.query(text, parameters, sink);
}

}  // namespace

Task<> select(db::Session& session, std::string_view sql, std::span<const db::Parameter> parameters,
              db::RowSink sink, Purpose purpose) {
  if (purpose == Purpose::reading || session.dialect() == db::Dialect::sqlite)
    return session.query(sql, parameters, sink);
  return select_locked(session, sql, parameters, sink, purpose);
}

Task<> lock_for_removal(db::Session& session, std::string_view sql,
                        std::span<const db::Parameter> parameters) {
  if (session.dialect() == db::Dialect::sqlite) co_return;
  auto ignore = [](const db::Row&) -> Result<> { return {}; };
  co_await select(session, sql, parameters, ignore, Purpose::removing);
}

}  // namespace kit::record
