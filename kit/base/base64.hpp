// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kit {

/// Padded base64 (RFC 4648 section 4): how bytes travel in JSON and CSV.
std::string base64_encode(std::string_view bytes);
/// Nothing for a character outside the alphabet, missing or misplaced padding, or non-zero trailing
/// bits.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace kit
