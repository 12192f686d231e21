// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/http/message.hpp"
#include "kit/rest/field_mask.hpp"

namespace kit::rest {

/// The entity tag of a version: "\"7\"", or "\"7-1f\"" of an answer with some of the fields only.
/// `expected_version` takes both.
std::string version_tag(std::int64_t version, const FieldMask& shown = {});
/// A weak entity tag for what has no version, made from the answer's bytes: W/"0123456789abcdef".
std::string content_tag(std::string_view content);

/// The version that If-Match demands; nothing when there is no such header, or it is `*`. A tag
/// that no version has (weak ones among them) demands one that never is. Fails with
/// `invalid_argument` for what is no entity tag, for more than one, and for If-Unmodified-Since
/// instead of it, which is not checked: rows have versions, not dates.
Result<std::optional<std::int64_t>> expected_version(const http::Request& request);
/// The same for entities without versions: fails with `aborted` (HTTP 412) for every tag but `*`.
Result<> refuse_version(const http::Request& request);
/// Fails with `aborted` (HTTP 412) when `current` is not the version that is expected.
Result<> check_version(std::int64_t expected, std::int64_t current);
/// For requests that check no condition: fails with `invalid_argument` for one that makes one
/// (If-Match, If-None-Match, If-Unmodified-Since), so that nobody believes in a check that is not
/// made.
Result<> refuse_conditions(const http::Request& request);

/// Whether If-None-Match lists `tag` (weak comparison) or is `*`.
bool is_known(const http::Request& request, std::string_view tag);

/// Adds the tag to an answer.
void set_tag(http::Response& response, std::string tag);
/// The conditions of a GET, whose answer has its tag already: turns it into 304 when If-None-Match
/// knows it. Fails with `aborted` (HTTP 412) when If-Match does not list it, with
/// `invalid_argument` when that is no entity tag.
Result<> revalidate(const http::Request& request, http::Response& response);

/// Whether a change must not happen to what the client knows; `refuse_known` decides, for which
/// the answer to a GET is made.
bool has_none_match(const http::Request& request);
/// Fails with `aborted` (HTTP 412) when If-None-Match knows the tag of `current`.
Result<> refuse_known(const http::Request& request, const http::Response& current);

}  // namespace kit::rest
