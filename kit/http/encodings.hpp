// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kit/http/message.hpp"

namespace kit::http {

/// The content codings that kit knows.
enum class Coding : std::uint8_t { identity, gzip, br, zstd };

/// As in Content-Encoding: "gzip"; empty for `identity`.
std::string_view name(Coding coding);

/// The coding of `offered` that the request's Accept-Encoding likes most; of equals the one that
/// comes first, and any of them rather than none. `identity` when it names none of them, and also
/// when it forbids that: content without a coding is what everybody can read (RFC 9110 section
/// 12.5.3). A malformed element names nothing.
Coding choose_coding(const Request& request, std::span<const Coding> offered);

}  // namespace kit::http
