// SPDX-License-Identifier: Apache-2.0
#include "kit/record/locking.hpp"

#include <string>

namespace kit::record {
namespace {

std::string_view clause(Purpose purpose, db::Dialect dialect) {
  const bool changes = purpose == Purpose::changing;
  if (dialect == db::Dialect::mysql) return changes ? " FOR UPDATE" : " LOCK IN SHARE MODE";
  // New rows may refer to one that is changed meanwhile.
  return changes ? " FOR NO KEY UPDATE" : " FOR SHARE";
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

}  // namespace kit::record
