// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/db/row_file.hpp"

namespace kit::rest::detail {

inline constexpr std::string_view csv_media_type = "text/csv";
inline constexpr std::string_view xlsx_media_type =
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// The Content-Type of an answer.
std::string_view media_type(db::RowFormat format);

/// What a client wants that sends this Accept field: workbooks where it likes them more than CSV,
/// or as much and names only them; CSV otherwise.
db::RowFormat accepted_format(std::optional<std::string_view> accept);

/// What a body of this Content-Type, which the route takes, is.
db::RowFormat sent_format(std::optional<std::string_view> content_type);

/// Fail with 406 and 415 (FORMAT_UNAVAILABLE) when this program was built without it.
Result<> check_exportable(db::RowFormat format);
Result<> check_importable(db::RowFormat format);

}  // namespace kit::rest::detail
