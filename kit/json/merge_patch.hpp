// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kit::json {

/// `target` changed by the merge patch `patch` (RFC 7396): members of the patch replace those of
/// the target, objects member by member, null takes them away; whatever is no object replaces the
/// whole. Both are JSON already; text that is none counts as an empty object. Members keep their
/// order, new ones come last. Cost: linear in both, times the depth.
std::string merge_patch(std::string_view target, std::string_view patch);

}  // namespace kit::json
