// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace kit::validate {

/// Whether `text` is an e-mail address as HTML's input field takes it: one address, ASCII, no
/// comments or quotes; at most 64 bytes before the '@' and 253 after it.
bool is_email(std::string_view text);

/// Whether `text` is an absolute http or https URL with a host: no blanks, controls, user info or
/// backslashes.
bool is_url(std::string_view text);

}  // namespace kit::validate
