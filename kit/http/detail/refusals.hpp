// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "kit/base/error.hpp"
#include "kit/http/message.hpp"

namespace kit::http::detail {

/// The error behind an answer that the server gives itself: 400, 403, 404, 405, 408, 413, 414, 415,
/// 417, 431, 503, 504, 505.
Error refusal(int status, std::string_view problem);

/// Whether `origin` is that of the request's own server: its Host, and https where the connection
/// is encrypted. Where somebody else decrypts for us the scheme is not known, and either will do.
bool is_own_origin(const Request& request, std::string_view origin);

/// Whether a browser says that a page of another site sent this to change something (Fetch
/// Metadata's Sec-Fetch-Site, else an Origin that is not our own).
bool is_cross_site(const Request& request);

/// The time that Request-Timeout-Ms (milliseconds) or grpc-timeout (at most eight digits and a unit
/// H, M, S, m, u or n) leaves; nothing when it is malformed, which is ignored.
std::optional<std::chrono::nanoseconds> requested_timeout(const Header& field);

/// Whether the media type of `content_type`, without its parameters, is `wanted`.
bool is_media_type(std::string_view content_type, std::string_view wanted);

}  // namespace kit::http::detail
