// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace kit::http {

/// Whether text of this Content-Type is UTF-8: it names no charset, or that one, in any case and
/// with or without quotes. Not for a malformed one, nor when the charset is given twice.
bool is_utf8_text(std::string_view content_type);

}  // namespace kit::http
