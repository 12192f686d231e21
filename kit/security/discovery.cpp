// SPDX-License-Identifier: Apache-2.0
#include "kit/security/discovery.hpp"

#include <algorithm>

#include "kit/json/reader.hpp"

namespace kit::security {
namespace {

Error discovery_error(std::string message) {
  return Error(Code::invalid_argument, std::move(message)).with_reason("DISCOVERY_INVALID");
}

}  // namespace

std::string discovery_url(std::string_view issuer) {
  while (issuer.ends_with('/')) issuer.remove_suffix(1);
  return std::string(issuer) + "/.well-known/openid-configuration";
}

bool is_key_url(std::string_view url, bool allow_http) {
  constexpr std::string_view https = "https://";
  constexpr std::string_view http = "http://";
  std::string_view rest;
  if (url.starts_with(https)) {
    rest = url.substr(https.size());
  } else if (allow_http && url.starts_with(http)) {
    rest = url.substr(http.size());
  }
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const bool is_plain =
      std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7F && c != '\\' && c != '"'; });
  return is_plain && !authority.empty() && authority.find('@') == std::string_view::npos;
}

Result<ProviderMetadata> parse_discovery(std::string_view json, std::string_view issuer,
                                         bool allow_http) {
  if (json.size() > max_metadata_bytes)
    return discovery_error("the metadata of the issuer have more than 64 KiB");
  ProviderMetadata metadata;
  json::Reader reader(json);
  if (!reader.begin_object()) return discovery_error("the metadata are no JSON object");
  while (const auto name = reader.next_key()) {
    std::string* const to = *name == "issuer"     ? &metadata.issuer
                            : *name == "jwks_uri" ? &metadata.jwks_uri
                                                  : nullptr;
    if (to == nullptr) continue;
    const auto text = reader.try_string();
    if (!text) return discovery_error("'issuer' and 'jwks_uri' of the metadata must be strings");
    *to = *text;
  }
  if (!reader.finish())
    return discovery_error("the metadata are no JSON: " + reader.error().message());
  if (metadata.issuer != issuer)
    return discovery_error("the metadata are of another issuer than the one asked for");
  if (!is_key_url(metadata.jwks_uri, allow_http))
    return discovery_error("'jwks_uri' of the metadata must be an https address");
  return metadata;
}

}  // namespace kit::security
