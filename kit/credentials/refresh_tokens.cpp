// SPDX-License-Identifier: Apache-2.0
#include "kit/credentials/refresh_tokens.hpp"

#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "kit/credentials/detail/attempts.hpp"
#include "kit/credentials/revocation_table.hpp"
#include "kit/db/sql.hpp"
#include "kit/log/log.hpp"
#include "kit/security/refusal.hpp"
#include "kit/security/secret_token.hpp"

namespace kit::credentials {
namespace {

using db::Parameter;

log::Module credentials_log{"credentials"};

/// Of the states only this one has to be told from the others here.
constexpr std::int64_t used = 1;

constexpr std::string_view find_sql = R"sql(
  SELECT family, subject, state, used_at, expires_at,
         (SELECT count(*) FROM kit_refresh_tokens AS other
           WHERE other.family = token.family AND other.state = 3)
    FROM kit_refresh_tokens AS token
   WHERE hash = ?1)sql";

constexpr std::string_view add_sql = R"sql(
  INSERT INTO kit_refresh_tokens (hash, family, parent, subject, state, expires_at)
  VALUES (?1, ?2, ?3, ?4, 0, ?5))sql";

// Of two who try one succeeds.
constexpr std::string_view use_sql = R"sql(
  UPDATE kit_refresh_tokens SET state = 1, used_at = ?2 WHERE hash = ?1 AND state = 0)sql";

// Those who ask for one lost answer at the same time come one after the other: each has to see the
// successor that the one before was given.
constexpr std::string_view queue_sql = R"sql(
  UPDATE kit_refresh_tokens SET state = state WHERE hash = ?1)sql";

constexpr std::string_view replace_sql = R"sql(
  UPDATE kit_refresh_tokens SET state = 2 WHERE parent = ?1 AND state = 0)sql";

constexpr std::string_view end_family_sql = R"sql(
  UPDATE kit_refresh_tokens SET state = 3 WHERE family = ?1)sql";

constexpr std::string_view end_all_sql = R"sql(
  UPDATE kit_refresh_tokens SET state = 3 WHERE subject = ?1)sql";

constexpr db::Sql expire_sql = {
    .sqlite = R"sql(
  DELETE FROM kit_refresh_tokens
   WHERE hash IN (SELECT hash FROM kit_refresh_tokens WHERE expires_at <= ?1 LIMIT ?2))sql",
    .postgresql = {},
    .mysql = R"sql(
  DELETE FROM kit_refresh_tokens WHERE expires_at <= ?1 LIMIT ?2)sql",
};

std::int64_t stored(Timestamp time) {
  return time.since_epoch.count();
}

/// Longer texts are none of ours and are not hashed.
constexpr std::size_t token_characters = 43;

}  // namespace

struct RefreshTokens::Row {
  bool exists = false;
  std::string hash;  ///< Empty: there is none before.
  std::string family;
  std::string subject;
  std::int64_t state = 0;
  /// Its family, also when this token was issued while that happened.
  bool has_ended = false;
  Timestamp used_at;
  Timestamp expires_at;
};

/// A refusal that has to be committed is no error of the transaction.
struct RefreshTokens::Outcome {
  Outcome() = default;
  std::optional<RefreshToken> token;
  std::string refused;  ///< The reason.
  std::string why;
};

Task<RefreshTokens::Row> RefreshTokens::find(db::Session& session, std::string_view hash) {
  Row found;
  auto sink = [&](const db::Row& row) -> Result<> {
    found.exists = true;
    found.family = row.text(0);
    found.subject = row.text(1);
    found.state = row.int64(2);
    if (!row.is_null(3)) found.used_at = Timestamp{std::chrono::microseconds(row.int64(3))};
    found.expires_at = Timestamp{std::chrono::microseconds(row.int64(4))};
    found.has_ended = row.int64(5) > 0;
    return {};
  };
  const std::array<Parameter, 1> parameters = {hash};
  co_await session.query(find_sql, parameters, sink);
  found.hash = hash;
  co_return found;
}

Task<RefreshToken> RefreshTokens::add(db::Session& session, const Row& after) {
  const Standing standing = co_await standing_of(session, after.subject);
  if (standing.disabled) {
    co_await security::refused("SUBJECT_DISABLED", "the subject of the refresh token is disabled");
  }
  RefreshToken token;
  token.text = security::random_token();
  token.family = after.family;
  token.subject = after.subject;
  token.token_version = standing.token_version;
  token.expires_at = after.expires_at;
  const std::string hash = security::token_hash(token.text.reveal());
  Parameter parent = nullptr;
  if (!after.hash.empty()) parent = std::string_view(after.hash);
  const std::array<Parameter, 5> parameters = {
      std::string_view(hash), std::string_view(token.family), parent,
      std::string_view(token.subject), stored(token.expires_at)};
  co_await session.execute(add_sql, parameters);
  co_return token;
}

Task<RefreshToken> RefreshTokens::begin(std::string subject, Timestamp now) {
  Row first;
  first.family = security::random_id(16);
  first.subject = std::move(subject);
  first.expires_at = Timestamp{now.since_epoch + options_.lifetime};
  const std::unique_ptr<db::Transaction> work = co_await database_.begin();
  RefreshToken token = co_await add(*work, first);
  co_await work->commit();
  co_return token;
}

Task<RefreshTokens::Outcome> RefreshTokens::exchange_once(std::string hash, Timestamp now) {
  const std::unique_ptr<db::Transaction> work = co_await database_.begin();
  Outcome outcome;
  // Marked before it is read: who reads first may read what another one is changing.
  const std::array<Parameter, 2> use = {std::string_view(hash), stored(now)};
  const db::Session::Changed taken = co_await work->execute(use_sql, use);
  const Row row = co_await find(*work, hash);
  outcome.refused = "REFRESH_INVALID";
  outcome.why = "the refresh token is unknown, or its session has ended";
  if (!row.exists || row.has_ended) co_return outcome;
  outcome.refused = "REFRESH_EXPIRED";
  outcome.why = "the session has lasted as long as it may";
  if (row.expires_at <= now) co_return outcome;
  if (taken.rows == 0) {
    const bool is_in_time =
        row.state == used && now.since_epoch < row.used_at.since_epoch + options_.grace;
    const std::array<Parameter, 1> parent = {std::string_view(hash)};
    db::Session::Changed instead;
    if (is_in_time) {
      co_await work->execute(queue_sql, parent);
      instead = co_await work->execute(replace_sql, parent);
    }
    if (instead.rows == 0) {
      const std::array<Parameter, 1> family = {std::string_view(row.family)};
      co_await work->execute(end_family_sql, family);
      co_await work->commit();
      outcome.refused = "REFRESH_REUSED";
      outcome.why = "the refresh token was used before: its session has ended";
      log::warn(credentials_log, "a refresh token was used twice; its session has ended",
                {{"subject", row.subject}, {"session", row.family}});
      co_return outcome;
    }
  }
  Task<RefreshToken> adding = add(*work, row);
  outcome.token = co_await std::move(adding);
  co_await work->commit();
  co_return outcome;
}

Task<RefreshToken> RefreshTokens::exchange(std::string text, Timestamp now) {
  if (text.size() != token_characters)
    co_return security::refused("REFRESH_INVALID", "the text is no refresh token");
  const std::string hash = security::token_hash(text);
  auto once = [&] { return exchange_once(hash, now); };
  Task<Outcome> exchanging = detail::with_attempts<Outcome>(once);
  Outcome outcome = co_await std::move(exchanging);
  if (!outcome.token)
    co_return security::refused(std::move(outcome.refused), std::move(outcome.why));
  co_return *std::move(outcome.token);
}

Task<> RefreshTokens::end_family(std::string text) {
  const std::string hash = security::token_hash(text);
  const Row row = co_await find(database_, hash);
  if (!row.exists) co_return;
  const std::array<Parameter, 1> parameters = {std::string_view(row.family)};
  co_await database_.execute(end_family_sql, parameters);
}

Task<> RefreshTokens::end_all(std::string subject) {
  const std::array<Parameter, 1> parameters = {std::string_view(subject)};
  co_await database_.execute(end_all_sql, parameters);
}

Task<std::int64_t> RefreshTokens::remove_expired(Timestamp now, std::int64_t batch) {
  const std::array<Parameter, 2> parameters = {stored(now), batch};
  const std::string_view sql = expire_sql.in(database_.dialect());
  const db::Session::Changed removed = co_await database_.execute(sql, parameters);
  co_return removed.rows;
}

}  // namespace kit::credentials
