// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/base/error.hpp"

namespace kit::http::detail {

/// The error behind an answer that the server gives itself: 400, 404, 405, 408, 413, 414, 415, 417,
/// 431, 503, 504, 505.
Error refusal(int status, std::string_view problem);

/// Whether the media type of `content_type`, without its parameters, is `wanted`.
bool is_media_type(std::string_view content_type, std::string_view wanted);

}  // namespace kit::http::detail
