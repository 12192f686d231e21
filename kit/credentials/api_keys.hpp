// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/base/secret.hpp"
#include "kit/base/time.hpp"
#include "kit/cache/local_store.hpp"
#include "kit/credentials/revocations.hpp"
#include "kit/db/database.hpp"
#include "kit/security/identity.hpp"

namespace kit::credentials {

struct ApiKeysOptions {
  /// How long a key is known without reading it again. A revoked one is refused at once all the
  /// same: `Revocations` tells.
  std::chrono::seconds remember{60};
  std::chrono::seconds remember_unknown{5};
  std::size_t max_remembered = 10'000;
};

/// What a key is for.
struct ApiKeyGrant {
  std::string subject{};  ///< On whose behalf it acts; disabling them disables it.
  std::string label{};    ///< For people: "nightly export".
  std::vector<std::string> scopes{};
  std::vector<std::string> roles{};
  std::optional<Timestamp> expires_at{};
};

/// A key in a list; its text is not known any more.
struct ApiKeyInfo {
  std::string id;
  ApiKeyGrant grant;
  Timestamp created_at;
  std::optional<Timestamp> revoked_at;
};

/// API keys in the table kit_api_keys. Thread safety: any thread that runs a loop. Lifetime:
/// `database`, `revocations` and `list` outlive it.
class ApiKeys {
 public:
  ApiKeys(db::Database& database, Revocations& revocations, const security::RevocationList& list,
          const ApiKeysOptions& options = {});
  ~ApiKeys();
  ApiKeys(const ApiKeys&) = delete;
  ApiKeys& operator=(const ApiKeys&) = delete;

  struct Created {
    std::string id;
    Secret<std::string> text;  ///< Shown once.
  };
  /// Fails with `invalid_argument` for an empty subject, a scope or role with a blank, or an end
  /// that is over.
  Task<Created> create(ApiKeyGrant grant, Timestamp now);
  /// Fails with `not_found`, API_KEY_UNKNOWN. Counts on every instance within a second.
  Task<> revoke(std::string id, Timestamp now);
  /// Those of a subject, newest first, at most 1 000.
  Task<std::vector<ApiKeyInfo>> list(std::string subject);

  /// Who a key is from. Fails with `unauthenticated`, always with the same sentence:
  /// API_KEY_INVALID (no key, unknown, or another secret), API_KEY_EXPIRED, API_KEY_REVOKED (or its
  /// subject is disabled). Lifetime: `text` until the task has ended.
  Task<std::shared_ptr<const security::Identity>> verify(std::string_view text, Timestamp now);

 private:
  struct Known;
  Task<cache::LocalStore::Loaded> load(std::string id);

  db::Database& database_;
  Revocations& revocations_;
  const security::RevocationList& list_;
  cache::LocalStore known_;  // `Known` by id
};

}  // namespace kit::credentials
