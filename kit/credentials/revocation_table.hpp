// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/time.hpp"
#include "kit/db/database.hpp"

/// The table kit_revocations. Every change has a number, and the numbers grow in the order of the
/// commits: who has read up to one misses nothing, whatever clocks say.
namespace kit::credentials {

/// A row: a subject or a token.
struct Revoked {
  bool is_token = false;
  std::string name;  ///< The subject, or the token's id.
  bool disabled = false;
  std::int64_t token_version = 0;
  Timestamp changed_at;
  std::optional<Timestamp> expires_at;  ///< Of tokens.
  std::int64_t revision = 0;
};

enum class SubjectChange : std::uint8_t {
  disable,       ///< Nothing of the subject is taken any more, and no token from before ever again.
  enable,        ///< New tokens are taken.
  end_sessions,  ///< Tokens from before are refused: a new password, other roles.
};

/// What a subject may do now.
struct Standing {
  bool disabled = false;
  std::int64_t token_version = 0;  ///< What new tokens say (`tv`).
};

/// Makes a change durable and yields the row. Fails as the database does.
Task<Revoked> change_subject(db::Database& database, std::string subject, SubjectChange change,
                             Timestamp now);
Task<Revoked> revoke_token(db::Database& database, std::string token_id, Timestamp expires_at,
                           Timestamp now);
/// Rows with a later number than `revision`, in their order.
Task<std::vector<Revoked>> revoked_since(db::Session& session, std::int64_t revision);
Task<Standing> standing_of(db::Session& session, std::string_view subject);
/// Removes tokens that have expired, at most `batch`; yields how many.
Task<std::int64_t> remove_expired_revocations(db::Session& session, Timestamp now,
                                              std::int64_t batch);

}  // namespace kit::credentials
