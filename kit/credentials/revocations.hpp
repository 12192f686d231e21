// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "kit/async/signal.hpp"
#include "kit/async/task.hpp"
#include "kit/base/time.hpp"
#include "kit/credentials/revocation_table.hpp"
#include "kit/security/revocation.hpp"

namespace kit::cache {
class Shared;
}

namespace kit::credentials {

struct RevocationsOptions {
  /// How often the table is read for what other instances did, when nobody tells. With an answer of
  /// the database within the same time again a change counts everywhere after 1 s.
  std::chrono::milliseconds poll{500};
  /// What every token's life is within: that of a subject's earlier tokens is over then.
  std::chrono::seconds max_token_lifetime = std::chrono::hours(24);
};

/// How far this instance knows what was revoked, for people and metrics.
struct RevocationsStatus {
  std::int64_t revision = 0;
  std::uint64_t reads = 0;
  std::optional<Timestamp> read_at{};  ///< The last time that went well.
  std::string problem{};               ///< Of the last time; empty: it went well.
};

/// Revokes on every instance: durable in the database, told through the shared cache when there is
/// one, and read from the database at the latest after `poll`. Thread safety: any thread that runs
/// a loop, but for `follow` and `read`, which are one loop's. Lifetime: `database`, `shared` (null:
/// none) and `list` outlive it.
class Revocations {
 public:
  Revocations(db::Database& database, cache::Shared* shared, security::RevocationList& list,
              RevocationsOptions options = {});

  // Each counts here at once, and on every instance within a second. Fails as the database does.
  Task<> disable(std::string subject);
  Task<> enable(std::string subject);
  Task<> end_sessions(std::string subject);
  /// A token, or an API key, by its id; until it would have expired.
  Task<> revoke_token(std::string token_id, Timestamp expires_at);

  /// Reads what is new once: at the start, before anybody is served. Fails as the database does.
  Task<> read();
  /// Keeps this instance up to date until it is cancelled. A database or a cache that is away is
  /// waited for.
  Task<> follow();

  void apply(RevocationsOptions options);
  RevocationsStatus status() const;

 private:
  Task<> change(std::string subject, SubjectChange what);
  Task<> announce(const Revoked& row);
  Task<> poll();
  Task<> listen();
  void put(const Revoked& row);
  void note(const Result<>& result);
  RevocationsOptions options() const;

  db::Database& database_;
  cache::Shared* const shared_;
  security::RevocationList& list_;
  Signal told_;
  mutable std::mutex mutex_;  // guards the following
  RevocationsOptions options_;
  RevocationsStatus status_;
};

}  // namespace kit::credentials
