// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kit/adapters/postgres/detail/values.hpp"

namespace kit::postgres::detail {

/// Whether values of all these types can be written in COPY's binary form.
bool can_copy(std::span<const Oid> types);

/// What the stream begins and ends with.
std::string_view copy_head();
std::string_view copy_tail();

/// Appends a row. Fails with `invalid_argument` for a value of another kind than its column.
Result<> append_copy_row(std::string& stream, const Arguments& row, std::span<const Oid> types);

}  // namespace kit::postgres::detail
