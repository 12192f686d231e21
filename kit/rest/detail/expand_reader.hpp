// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/rest/detail/query_reader.hpp"
#include "kit/rest/expand_request.hpp"
#include "kit/rest/list_request.hpp"

namespace kit::rest::detail {

/// Reads `expand=`. What is wrong with it goes to `in`.
void read_expand(QueryReader& in, std::string_view value, const Expandable& entity, Expand& expand);

/// Reads `fields=`, whose names may be those of what is expanded: `name,album.title`.
void read_fields(QueryReader& in, std::string_view value, const ListOptions& options,
                 FieldMask& shown, Expand& expand);

}  // namespace kit::rest::detail
