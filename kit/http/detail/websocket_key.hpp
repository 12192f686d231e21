// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kit::http::detail {

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);
/// Whether a key is 16 bytes in base64.
bool is_websocket_key(std::string_view key);

}  // namespace kit::http::detail
