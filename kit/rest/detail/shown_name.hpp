// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kit::rest::detail {

/// A name that a client made up, for the answer that refuses it: cut after 64 characters, since an
/// error must not be as long as whatever was sent. `name` is UTF-8.
std::string shown_name(std::string_view name);

}  // namespace kit::rest::detail
