// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/secret.hpp"
#include "kit/base/time.hpp"
#include "kit/db/database.hpp"

namespace kit::credentials {

struct RefreshOptions {
  /// From signing in to having to do it again, however often a token was exchanged meanwhile.
  std::chrono::seconds lifetime = std::chrono::hours(8);
  /// So long after its use a token is exchanged once more, for the answer may have been lost. Its
  /// first successor is worthless from then on. 0: never.
  std::chrono::seconds grace{10};
};

struct RefreshToken {
  Secret<std::string> text;  ///< Shown once; stored is its hash.
  std::string family;        ///< The id of the session.
  std::string subject;
  std::int64_t token_version = 0;  ///< For the access token that goes with it.
  Timestamp expires_at;
};

/// Refresh tokens (RFC 6749, with rotation as RFC 9700 section 4.14 has it): each is good for one
/// exchange. A second one shows that somebody has a copy, so the whole family ends, for the thief
/// and for the owner. In the table kit_refresh_tokens. Thread safety: any thread that runs a loop.
/// Lifetime: `database` outlives it.
class RefreshTokens {
 public:
  explicit RefreshTokens(db::Database& database, RefreshOptions options = {})
      : database_(database), options_(options) {}

  /// The first of a family, for somebody who has just proved who they are. Fails with
  /// `unauthenticated`, SUBJECT_DISABLED, and as the database does.
  Task<RefreshToken> begin(std::string subject, Timestamp now);
  /// The next one. Fails with `unauthenticated`, always with the same sentence: REFRESH_INVALID,
  /// REFRESH_EXPIRED, REFRESH_REUSED (the family has ended), SUBJECT_DISABLED.
  Task<RefreshToken> exchange(std::string text, Timestamp now);
  /// Signs out: ends the family of the token. One that is unknown is none to end.
  Task<> end_family(std::string text);
  /// Ends all families of a subject.
  Task<> end_all(std::string subject);
  /// Removes what has expired, at most `batch`; yields how many.
  Task<std::int64_t> remove_expired(Timestamp now, std::int64_t batch);

 private:
  struct Row;
  struct Outcome;
  Task<Outcome> exchange_once(std::string hash, Timestamp now);
  Task<Row> find(db::Session& session, std::string_view hash);
  Task<RefreshToken> add(db::Session& session, const Row& after);

  db::Database& database_;
  const RefreshOptions options_;
};

}  // namespace kit::credentials
