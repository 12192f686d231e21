// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kit/base/error.hpp"

namespace kit::redis::detail {

/// What a server's error ("WRONGTYPE Operation against ...") is to its caller. The reason is
/// REDIS_ and its first word, REDIS_ERROR where it has none; arguments that it repeats are left
/// out.
Error server_error(std::string_view text);

/// The first word of a server's error, in capitals; empty when there is none.
std::string_view error_word(std::string_view text);

/// The connection to `where` was lost or never was: `unavailable`.
Error unreachable(std::string_view where, Error cause);

/// Bytes that no Redis sends: the connection can't be used any more.
Error protocol_error(std::string_view what);

}  // namespace kit::redis::detail
