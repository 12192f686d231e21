// SPDX-License-Identifier: Apache-2.0
#include "kit/credentials/revocation_table.hpp"

#include <array>
#include <memory>
#include <utility>

#include "kit/credentials/detail/attempts.hpp"
#include "kit/db/sql.hpp"

namespace kit::credentials {
namespace {

using db::Parameter;

std::int64_t stored(Timestamp time) {
  return time.since_epoch.count();
}

// Whoever changes it first commits first: the row is locked until then.
constexpr std::string_view count_sql = R"sql(
  UPDATE kit_revocations SET revision = revision + 1 WHERE kind = 'counter' AND name = '')sql";

constexpr std::string_view begin_count_sql = R"sql(
  INSERT INTO kit_revocations (kind, name, disabled, token_version, changed_at, revision)
  VALUES ('counter', '', 0, 0, ?1, 1))sql";

constexpr std::string_view revision_sql = R"sql(
  SELECT revision FROM kit_revocations WHERE kind = 'counter' AND name = '')sql";

constexpr std::string_view switch_subject_sql = R"sql(
  UPDATE kit_revocations
     SET disabled = ?2, token_version = token_version + ?3, changed_at = ?4, revision = ?5
   WHERE kind = 'subject' AND name = ?1)sql";

constexpr std::string_view end_sessions_sql = R"sql(
  UPDATE kit_revocations
     SET token_version = token_version + 1, changed_at = ?2, revision = ?3
   WHERE kind = 'subject' AND name = ?1)sql";

constexpr std::string_view add_subject_sql = R"sql(
  INSERT INTO kit_revocations (kind, name, disabled, token_version, changed_at, revision)
  VALUES ('subject', ?1, ?2, ?3, ?4, ?5))sql";

constexpr std::string_view change_token_sql = R"sql(
  UPDATE kit_revocations
     SET expires_at = ?2, changed_at = ?3, revision = ?4
   WHERE kind = 'token' AND name = ?1)sql";

constexpr std::string_view add_token_sql = R"sql(
  INSERT INTO kit_revocations
         (kind, name, disabled, token_version, expires_at, changed_at, revision)
  VALUES ('token', ?1, 1, 0, ?2, ?3, ?4))sql";

constexpr std::string_view since_sql = R"sql(
  SELECT kind, name, disabled, token_version, changed_at, expires_at, revision
    FROM kit_revocations
   WHERE revision > ?1 AND kind <> 'counter'
   ORDER BY revision)sql";

constexpr std::string_view standing_sql = R"sql(
  SELECT disabled, token_version
    FROM kit_revocations
   WHERE kind = 'subject' AND name = ?1)sql";

constexpr db::Sql expire_sql = {
    .sqlite = R"sql(
  DELETE FROM kit_revocations
   WHERE kind = 'token'
     AND name IN (SELECT name FROM kit_revocations
                   WHERE kind = 'token' AND expires_at <= ?1
                   LIMIT ?2))sql",
    .postgresql = {},
    .mysql = R"sql(
  DELETE FROM kit_revocations
   WHERE kind = 'token' AND expires_at <= ?1
   LIMIT ?2)sql",
};

/// The number of the change that this transaction makes.
Task<std::int64_t> next_revision(db::Session& work, Timestamp now) {
  const db::Session::Changed counted = co_await work.execute(count_sql, {});
  if (counted.rows == 0) {
    const std::array<Parameter, 1> at = {stored(now)};
    co_await work.execute(begin_count_sql, at);
  }
  std::int64_t revision = 0;
  auto sink = [&](const db::Row& row) -> Result<> {
    revision = row.int64(0);
    return {};
  };
  co_await work.query(revision_sql, {}, sink);
  co_return revision;
}

Task<Revoked> change_once(db::Database& database, std::string subject, SubjectChange change,
                          Timestamp now) {
  const std::unique_ptr<db::Transaction> work = co_await database.begin();
  Revoked row;
  row.revision = co_await next_revision(*work, now);
  row.changed_at = now;
  const std::int64_t disabled = change == SubjectChange::disable ? 1 : 0;
  const std::int64_t step = change == SubjectChange::enable ? 0 : 1;
  const std::array<Parameter, 5> all = {std::string_view(subject), disabled, step, stored(now),
                                        row.revision};
  const std::array<Parameter, 3> some = {std::string_view(subject), stored(now), row.revision};
  db::Session::Changed changed;
  if (change == SubjectChange::end_sessions) {
    changed = co_await work->execute(end_sessions_sql, some);
  } else {
    changed = co_await work->execute(switch_subject_sql, all);
  }
  if (changed.rows == 0) co_await work->execute(add_subject_sql, all);
  const Standing standing = co_await standing_of(*work, subject);
  co_await work->commit();
  row.name = std::move(subject);
  row.disabled = standing.disabled;
  row.token_version = standing.token_version;
  co_return row;
}

Task<Revoked> revoke_once(db::Database& database, std::string token_id, Timestamp expires_at,
                          Timestamp now) {
  const std::unique_ptr<db::Transaction> work = co_await database.begin();
  Revoked row;
  row.is_token = true;
  row.disabled = true;
  row.changed_at = now;
  row.expires_at = expires_at;
  row.revision = co_await next_revision(*work, now);
  const std::array<Parameter, 4> parameters = {std::string_view(token_id), stored(expires_at),
                                               stored(now), row.revision};
  const db::Session::Changed changed = co_await work->execute(change_token_sql, parameters);
  if (changed.rows == 0) co_await work->execute(add_token_sql, parameters);
  co_await work->commit();
  row.name = std::move(token_id);
  co_return row;
}

}  // namespace

Task<Revoked> change_subject(db::Database& database, std::string subject, SubjectChange change,
                             Timestamp now) {
  auto once = [&] { return change_once(database, subject, change, now); };
  Task<Revoked> changing = detail::with_attempts<Revoked>(once);
  co_return co_await std::move(changing);
}

Task<Revoked> revoke_token(db::Database& database, std::string token_id, Timestamp expires_at,
                           Timestamp now) {
  auto once = [&] { return revoke_once(database, token_id, expires_at, now); };
  Task<Revoked> revoking = detail::with_attempts<Revoked>(once);
  co_return co_await std::move(revoking);
}

Task<std::vector<Revoked>> revoked_since(db::Session& session, std::int64_t revision) {
  std::vector<Revoked> rows;
  auto sink = [&](const db::Row& row) -> Result<> {
    Revoked& read = rows.emplace_back();
    read.is_token = row.text(0) == "token";
    read.name = row.text(1);
    read.disabled = row.int64(2) != 0;
    read.token_version = row.int64(3);
    read.changed_at = Timestamp{std::chrono::microseconds(row.int64(4))};
    if (!row.is_null(5)) read.expires_at = Timestamp{std::chrono::microseconds(row.int64(5))};
    read.revision = row.int64(6);
    return {};
  };
  const std::array<Parameter, 1> parameters = {revision};
  co_await session.query(since_sql, parameters, sink);
  co_return rows;
}

Task<Standing> standing_of(db::Session& session, std::string_view subject) {
  Standing standing;
  auto sink = [&](const db::Row& row) -> Result<> {
    standing.disabled = row.int64(0) != 0;
    standing.token_version = row.int64(1);
    return {};
  };
  const std::array<Parameter, 1> parameters = {subject};
  co_await session.query(standing_sql, parameters, sink);
  co_return standing;
}

Task<std::int64_t> remove_expired_revocations(db::Session& session, Timestamp now,
                                              std::int64_t batch) {
  const std::array<Parameter, 2> parameters = {stored(now), batch};
  const std::string_view sql = expire_sql.in(session.dialect());
  const db::Session::Changed removed = co_await session.execute(sql, parameters);
  co_return removed.rows;
}

}  // namespace kit::credentials
