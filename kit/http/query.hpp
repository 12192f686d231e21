// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/http/limits.hpp"

namespace kit::http {

/// Decodes "%xy" (and '+' as a blank when `plus_is_blank`). Nothing for invalid percent-encoding, a
/// NUL, or text that is no UTF-8.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);

/// `text` with everything but unreserved characters as "%XY".
std::string percent_encode(std::string_view text);

/// The parameters of a query in the order sent: "a=1&b=x+y" -> {a, 1}, {b, "x y"}. Empty parts are
/// skipped, a part without
/// '=' has an empty value. Fails with `invalid_argument` for invalid encoding and for too many
/// parameters.
Result<std::vector<std::pair<std::string, std::string>>> parse_query(
    std::string_view query, std::size_t max_parameters = Limits{}.query_parameters);

}  // namespace kit::http
