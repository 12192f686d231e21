// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/http/multipart.hpp"

namespace kit::http::detail {

/// A value with parameters: `form-data; name="a"`.
struct Parameterized {
  std::string_view value;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< Names in lower case.
};
/// Nothing when it is malformed or has a parameter twice. In quotes only `\"` stands for something
/// else than itself: what browsers send is a file's name, not a quoted-pair.
std::optional<Parameterized> parse_parameterized(std::string_view text);

/// Takes a Content-Disposition over. Empty, or what is wrong with it.
std::string_view apply_disposition(std::string_view value, const MultipartLimits& limits,
                                   PartHead& part);

}  // namespace kit::http::detail
