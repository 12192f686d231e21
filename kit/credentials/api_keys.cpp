// SPDX-License-Identifier: Apache-2.0
#include "kit/credentials/api_keys.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/base/join.hpp"
#include "kit/base/text.hpp"
#include "kit/security/api_key.hpp"
#include "kit/security/refusal.hpp"
#include "kit/security/secret_token.hpp"

namespace kit::credentials {
namespace {

using db::Parameter;
using security::Identity;

constexpr std::string_view add_sql = R"sql(
  INSERT INTO kit_api_keys (id, hash, subject, label, scopes, roles, created_at, expires_at)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8))sql";

constexpr std::string_view find_sql = R"sql(
  SELECT id, hash, subject, label, scopes, roles, created_at, expires_at, revoked_at
    FROM kit_api_keys
   WHERE id = ?1)sql";

constexpr std::string_view list_sql = R"sql(
  SELECT id, hash, subject, label, scopes, roles, created_at, expires_at, revoked_at
    FROM kit_api_keys
   WHERE subject = ?1
   ORDER BY created_at DESC, id
   LIMIT 1000)sql";

constexpr std::string_view revoke_sql = R"sql(
  UPDATE kit_api_keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL)sql";

/// Instances that remember the key have read it anew by then.
constexpr std::chrono::hours told_for{24};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

std::optional<Timestamp> time_or_none(const db::Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return Timestamp{std::chrono::microseconds(row.int64(column))};
}

ApiKeyInfo read_info(const db::Row& row) {
  ApiKeyInfo info;
  info.id = row.text(0);
  info.grant.subject = row.text(2);
  info.grant.label = row.text(3);
  info.grant.scopes = words_of(row.text(4));
  info.grant.roles = words_of(row.text(5));
  info.created_at = Timestamp{std::chrono::microseconds(row.int64(6))};
  info.grant.expires_at = time_or_none(row, 7);
  info.revoked_at = time_or_none(row, 8);
  return info;
}

bool is_word(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

Result<> check_grant(const ApiKeyGrant& grant, Timestamp now) {
  constexpr std::size_t longest = 255;
  if (grant.subject.empty() || grant.subject.size() > longest)
    return invalid("subject", "must have 1 to 255 bytes");
  if (grant.label.size() > longest) return invalid("label", "must have at most 255 bytes");
  if (!std::ranges::all_of(grant.scopes, is_word))
    return invalid("scopes", "must be words of visible ASCII characters");
  if (!std::ranges::all_of(grant.roles, is_word))
    return invalid("roles", "must be words of visible ASCII characters");
  if (grant.expires_at && *grant.expires_at <= now)
    return invalid("expires_at", "must be in the future");
  return {};
}

cache::LocalOptions remembered(const ApiKeysOptions& options) {
  cache::LocalOptions local;
  local.max_entries = options.max_remembered;
  local.time_to_live = options.remember;
  local.negative_time_to_live = options.remember_unknown;
  return local;
}

}  // namespace

/// A key as it is remembered.
struct ApiKeys::Known {
  std::string hash;
  bool is_revoked = false;
  std::shared_ptr<const Identity> identity;
};

ApiKeys::ApiKeys(db::Database& database, Revocations& revocations,
                 const security::RevocationList& list, const ApiKeysOptions& options)
    : database_(database), revocations_(revocations), list_(list), known_(remembered(options)) {}

ApiKeys::~ApiKeys() = default;

Task<ApiKeys::Created> ApiKeys::create(ApiKeyGrant grant, Timestamp now) {
  co_await check_grant(grant, now);
  const security::NewApiKey key = security::make_api_key();
  const std::string scopes = join(grant.scopes, " ");
  const std::string roles = join(grant.roles, " ");
  Parameter expires = nullptr;
  if (grant.expires_at) expires = static_cast<std::int64_t>(grant.expires_at->since_epoch.count());
  const std::array<Parameter, 8> parameters = {std::string_view(key.id),
                                               std::string_view(key.hash),
                                               std::string_view(grant.subject),
                                               std::string_view(grant.label),
                                               std::string_view(scopes),
                                               std::string_view(roles),
                                               static_cast<std::int64_t>(now.since_epoch.count()),
                                               expires};
  co_await database_.execute(add_sql, parameters);
  known_.invalidate(key.id);
  Created created;
  created.id = key.id;
  created.text = key.text;
  co_return created;
}

Task<> ApiKeys::revoke(std::string id, Timestamp now) {
  const std::array<Parameter, 2> parameters = {std::string_view(id),
                                               static_cast<std::int64_t>(now.since_epoch.count())};
  const db::Session::Changed changed = co_await database_.execute(revoke_sql, parameters);
  if (changed.rows == 0) {
    co_await Error(Code::not_found, "there is no API key with this id that still counts")
        .with_reason("API_KEY_UNKNOWN");
  }
  known_.invalidate(id);
  const Timestamp until{now.since_epoch + told_for};
  Task<> telling = revocations_.revoke_token(std::move(id), until);
  co_await std::move(telling);
}

Task<std::vector<ApiKeyInfo>> ApiKeys::list(std::string subject) {
  std::vector<ApiKeyInfo> keys;
  auto sink = [&](const db::Row& row) -> Result<> {
    keys.push_back(read_info(row));
    return {};
  };
  const std::array<Parameter, 1> parameters = {std::string_view(subject)};
  co_await database_.query(list_sql, parameters, sink);
  co_return keys;
}

Task<cache::LocalStore::Loaded> ApiKeys::load(std::string id) {
  std::optional<Known> known;
  auto sink = [&](const db::Row& row) -> Result<> {
    const ApiKeyInfo info = read_info(row);
    Identity identity;
    identity.subject = info.grant.subject;
    identity.roles = info.grant.roles;
    identity.kind = security::IdentityKind::api_key;
    identity.scopes = info.grant.scopes;
    identity.token_id = info.id;
    identity.issued_at = info.created_at;
    identity.expires_at = info.grant.expires_at;
    identity.seal();
    known.emplace();
    known->hash = row.text(1);
    known->is_revoked = info.revoked_at.has_value();
    known->identity = std::make_shared<const Identity>(std::move(identity));
    return {};
  };
  const std::array<Parameter, 1> parameters = {std::string_view(id)};
  co_await database_.query(find_sql, parameters, sink);
  cache::LocalStore::Loaded loaded;
  if (known) {
    constexpr std::size_t about_bytes = 1024;
    loaded =
        cache::LocalStore::Loaded(std::make_shared<const Known>(*std::move(known)), about_bytes);
  }
  co_return loaded;
}

Task<std::shared_ptr<const Identity>> ApiKeys::verify(std::string_view text, Timestamp now) {
  const std::optional<security::ApiKeyParts> parts = security::parse_api_key(text);
  if (!parts) co_return security::refused("API_KEY_INVALID", "the text is no API key");
  const std::string id(parts->id);
  const std::string hash = security::token_hash(parts->secret);
  auto loading = [&] { return load(id); };
  cache::LocalStore::Value value = co_await known_.get(id, loading);
  const auto known = std::static_pointer_cast<const Known>(std::move(value));
  if (known == nullptr || !security::same_secret(known->hash, hash)) {
    co_return security::refused("API_KEY_INVALID",
                                "the API key is unknown, or its secret is another one");
  }
  const Identity& identity = *known->identity;
  if (known->is_revoked || list_.refuses(identity, now)) {
    co_return security::refused("API_KEY_REVOKED",
                                "the API key was revoked, or its subject is disabled");
  }
  if (identity.expires_at && *identity.expires_at <= now)
    co_return security::refused("API_KEY_EXPIRED", "the API key has expired");
  co_return known->identity;
}

}  // namespace kit::credentials
