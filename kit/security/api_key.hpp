// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kit/base/secret.hpp"

namespace kit::security {

/// What API keys begin with, so that a scanner of secrets knows one when it sees it.
inline constexpr std::string_view api_key_prefix = "kit_";

/// A key that was just made. Its text is shown once, to the one it is for; stored are the id and
/// the hash.
struct NewApiKey {
  std::string id;            ///< 16 hexadecimal digits: for lists and logs.
  Secret<std::string> text;  ///< "kit_<id>_<43 characters>"
  std::string hash;          ///< `token_hash` of the last part.
};
NewApiKey make_api_key();

struct ApiKeyParts {
  std::string_view id;
  std::string_view secret;
};
/// Nothing for what is no key. Lifetime: the text's.
std::optional<ApiKeyParts> parse_api_key(std::string_view text);

}  // namespace kit::security
