// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kit::redis::detail {

/// SHA-1 (FIPS 180-4) in hexadecimal digits: the name of a script, no protection of anything.
std::string sha1_hex(std::string_view bytes);

}  // namespace kit::redis::detail
