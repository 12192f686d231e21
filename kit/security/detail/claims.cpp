// SPDX-License-Identifier: Apache-2.0
#include "kit/security/detail/claims.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/security/refusal.hpp"

namespace kit::security::detail {
namespace {

/// Numbers of dates up to the end of the year 9999, and of versions that JSON keeps exactly.
constexpr std::int64_t max_date = 253'402'300'799;
constexpr std::int64_t max_version = std::int64_t{1} << 53;

Error bad_claim(std::string_view claim, std::string_view problem) {
  return refused("TOKEN_CLAIM", "the claim '" + std::string(claim) + "' " + std::string(problem));
}

Result<std::string> read_string(json::Reader& reader, std::string_view claim) {
  const auto text = reader.try_string();
  if (!text) return bad_claim(claim, "is no string");
  return std::string(*text);
}

/// A NumericDate (RFC 7519 section 2): seconds, with a fraction if need be.
Result<Timestamp> read_date(json::Reader& reader, std::string_view claim) {
  if (const auto seconds = reader.try_int64()) {
    if (*seconds < 0 || *seconds > max_date) return bad_claim(claim, "is no date up to 9999");
    return Timestamp{std::chrono::seconds(*seconds)};
  }
  const auto seconds = reader.try_double();
  if (!seconds || !(*seconds >= 0 && *seconds <= static_cast<double>(max_date)))
    return bad_claim(claim, "is no date up to 9999");
  return Timestamp{std::chrono::microseconds(std::llround(*seconds * 1e6))};
}

Result<> add_item(std::vector<std::string>& to, std::string_view item, std::string_view claim) {
  if (to.size() == max_claim_items) return bad_claim(claim, "has more than 256 items");
  to.emplace_back(item);
  return {};
}

/// A list of strings, or one string: `separates` says whether it is words between blanks.
Result<std::vector<std::string>> read_items(json::Reader& reader, std::string_view claim,
                                            bool separates) {
  std::vector<std::string> items;
  if (const auto text = reader.try_string()) {
    if (!separates) {
      KIT_TRY(add_item(items, *text, claim));
      return items;
    }
    for (const std::string_view word : split(*text, ' ')) {
      if (!word.empty()) KIT_TRY(add_item(items, word, claim));
    }
    return items;
  }
  if (!reader.begin_array()) return bad_claim(claim, "is neither a string nor a list of strings");
  while (reader.next_element()) {
    const auto text = reader.try_string();
    if (!text) return bad_claim(claim, "has something else than strings");
    KIT_TRY(add_item(items, *text, claim));
  }
  return items;
}

/// Puts a value in its place, or gives the error on.
template <class T, class To>
Result<> take(Result<T> value, To& to) {
  if (!value) return std::move(value).error();
  to = *std::move(value);
  return {};
}

Result<> read_subject(json::Reader& reader, std::string& subject) {
  KIT_TRY(take(read_string(reader, "sub"), subject));
  const bool has_control = std::ranges::any_of(
      subject, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (subject.empty() || subject.size() > max_subject_bytes || has_control)
    return bad_claim("sub", "is empty, has more than 255 bytes, or a control character");
  return {};
}

Result<> read_version(json::Reader& reader, std::string_view claim,
                      std::optional<std::int64_t>& version) {
  const auto number = reader.try_int64();
  if (!number || *number < 0 || *number > max_version)
    return bad_claim(claim, "is no whole number from 0 to 2^53");
  version = *number;
  return {};
}

Result<> read_named(json::Reader& reader, std::string_view name, const JwtOptions& options,
                    Claims& claims) {
  Identity& identity = claims.identity;
  if (name.empty()) return {};  // an empty option means no claim, not that one
  if (name == options.version_claim) return read_version(reader, name, identity.token_version);
  if (name == options.roles_claim) return take(read_items(reader, name, true), identity.roles);
  if (name == options.scopes_claim) return take(read_items(reader, name, true), identity.scopes);
  return {};
}

Result<> read_claim(json::Reader& reader, std::string_view name, const JwtOptions& options,
                    Claims& claims) {
  Identity& identity = claims.identity;
  if (name == "iss") return take(read_string(reader, name), identity.issuer);
  if (name == "sub") return read_subject(reader, identity.subject);
  if (name == "aud") return take(read_items(reader, name, false), identity.audience);
  if (name == "jti") return take(read_string(reader, name), identity.token_id);
  if (name == "exp") return take(read_date(reader, name), identity.expires_at);
  if (name == "nbf") return take(read_date(reader, name), claims.not_before);
  if (name == "iat") return take(read_date(reader, name), identity.issued_at);
  return read_named(reader, name, options, claims);
}

bool has_common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::find_first_of(a, b) != a.end();
}

Result<> judge_lifetime(const Identity& identity, const JwtOptions& options) {
  if (options.max_lifetime.count() == 0) return {};
  if (!identity.issued_at || !identity.expires_at)
    return bad_claim(identity.issued_at ? "exp" : "iat", "is missing");
  if (identity.expires_at->since_epoch - identity.issued_at->since_epoch > options.max_lifetime)
    return bad_claim("exp", "is later than a token may live");
  return {};
}

}  // namespace

Result<Claims> read_claims(std::string_view payload, const JwtOptions& options) {
  json::Reader reader(payload);
  Claims claims;
  if (!reader.begin_object()) return refused("TOKEN_MALFORMED", "the payload is no JSON object");
  while (const auto name = reader.next_key()) {
    // The reader's view of it may end with the next string.
    const std::string claim(*name);
    KIT_TRY(read_claim(reader, claim, options, claims));
  }
  if (!reader.finish())
    return refused("TOKEN_MALFORMED", "the payload is no JSON: " + reader.error().message());
  if (claims.identity.subject.empty()) return bad_claim("sub", "is missing");
  claims.identity.claims = payload;
  claims.identity.policy = options.policy;
  return claims;
}

Result<> judge(const Claims& claims, const JwtOptions& options, Timestamp now) {
  const Identity& identity = claims.identity;
  if (!options.issuer.empty() && identity.issuer != options.issuer)
    return refused("TOKEN_ISSUER", "'iss' is not the issuer that is configured");
  const bool is_for_us = has_common(identity.audience, options.audiences);
  if (!is_for_us && (!options.audiences.empty() || !identity.audience.empty()))
    return refused("TOKEN_AUDIENCE", "'aud' has none of the audiences that are configured");
  if (!identity.expires_at && options.requires_expiry) return bad_claim("exp", "is missing");
  KIT_TRY(judge_lifetime(identity, options));
  if (identity.expires_at && now.since_epoch >= identity.expires_at->since_epoch + options.leeway)
    return refused("TOKEN_EXPIRED", "'exp' is over");
  const auto latest = now.since_epoch + options.leeway;
  if (claims.not_before && latest < claims.not_before->since_epoch)
    return refused("TOKEN_NOT_YET_VALID", "'nbf' is in the future");
  if (identity.issued_at && latest < identity.issued_at->since_epoch)
    return refused("TOKEN_NOT_YET_VALID", "'iat' is in the future");
  return {};
}

}  // namespace kit::security::detail
