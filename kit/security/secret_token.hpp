// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kit/base/secret.hpp"

namespace kit::security {

/// 256 random bits as 43 characters of base64url: what nobody guesses and nobody has to read.
Secret<std::string> random_token();
/// Random lower-case hexadecimal digits, two for each byte: an id that shows nothing.
std::string random_id(std::size_t bytes = 8);

/// SHA-256 as 64 hexadecimal digits: what is stored of a random token. No salt and no delay are
/// needed, for there is nothing to guess.
std::string token_hash(std::string_view token);

/// Whether both are equal, in a time that depends on their sizes only.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace kit::security
