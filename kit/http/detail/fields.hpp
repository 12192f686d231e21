// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "kit/http/message.hpp"

namespace kit::http::detail {

/// The value of an answer's first field of a name, in any case; null: none.
const std::string* find_field(const Response& response, std::string_view name);
/// Takes all fields of a name away; whether there were any.
bool drop_field(Response& response, std::string_view name);
/// Whether a comma-separated list has `element`, in any case.
bool list_has(std::string_view list, std::string_view element);
/// Adds `element` to a field that is a list, once.
void add_to_list(Response& response, std::string_view name, std::string_view element);

}  // namespace kit::http::detail
