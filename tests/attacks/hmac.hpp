// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace attacks {

/// HMAC-SHA256 (RFC 2104), 32 bytes. The attacker's own: it takes secrets of any length.
std::string hmac_sha256(std::string_view secret, std::string_view message);

}  // namespace attacks
