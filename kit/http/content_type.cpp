// SPDX-License-Identifier: Apache-2.0
#include "kit/http/content_type.hpp"

#include <algorithm>

#include "kit/base/text.hpp"
#include "kit/http/detail/part_head.hpp"

namespace kit::http {

bool is_utf8_text(std::string_view content_type) {
  if (content_type.find(';') == std::string_view::npos) return true;
  const auto parsed = detail::parse_parameterized(content_type);
  return parsed && std::ranges::all_of(parsed->parameters, [](const auto& parameter) {
           return parameter.first != "charset" || iequals(parameter.second, "utf-8");
         });
}

}  // namespace kit::http
