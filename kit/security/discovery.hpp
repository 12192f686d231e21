// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"

namespace kit::security {

/// Of a provider's metadata (OpenID Connect Discovery 1.0) what is needed to verify its tokens.
struct ProviderMetadata {
  std::string issuer;
  std::string jwks_uri;
};

inline constexpr std::size_t max_metadata_bytes = 64 * 1024;

/// Where the metadata of an issuer stands: its address with /.well-known/openid-configuration
/// behind it.
std::string discovery_url(std::string_view issuer);

/// Reads them. `issuer` has to be the one asked for, to the letter; `jwks_uri` has to be https, or
/// http too where `allow_http` says so. Fails with `invalid_argument`, DISCOVERY_INVALID.
Result<ProviderMetadata> parse_discovery(std::string_view json, std::string_view issuer,
                                         bool allow_http = false);

/// Whether it is an https address without a user, blanks or controls, or an http one where that is
/// allowed.
bool is_key_url(std::string_view url, bool allow_http);

}  // namespace kit::security
