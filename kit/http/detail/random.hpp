// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

namespace kit::http::detail {

/// Bytes that nobody can foretell, from the system's generator.
void fill_random(std::span<unsigned char> bytes);
/// 32 hex digits to delimit the parts of a multipart body with.
std::string random_boundary();

}  // namespace kit::http::detail
