// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/fields.hpp"

#include <algorithm>

#include "kit/base/text.hpp"

namespace kit::http::detail {

const std::string* find_field(const Response& response, std::string_view name) {
  for (const auto& [field, value] : response.headers) {
    if (iequals(field, name)) return &value;
  }
  return nullptr;
}

bool drop_field(Response& response, std::string_view name) {
  return std::erase_if(response.headers,
                       [&](const auto& field) { return iequals(field.first, name); }) > 0;
}

bool list_has(std::string_view list, std::string_view element) {
  return std::ranges::any_of(split(list, ','),
                             [&](std::string_view part) { return iequals(trim(part), element); });
}

void add_to_list(Response& response, std::string_view name, std::string_view element) {
  std::string* first = nullptr;
  for (auto& [field, value] : response.headers) {
    if (!iequals(field, name)) continue;
    if (list_has(value, element) || list_has(value, "*")) return;
    if (first == nullptr) first = &value;
  }
  if (first != nullptr) {
    first->append(", ").append(element);
  } else {
    response.headers.emplace_back(name, element);
  }
}

}  // namespace kit::http::detail
