// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kit/http/message.hpp"
#include "kit/record/history.hpp"
#include "kit/rest/list_request.hpp"

namespace kit::rest {

/// Reads `limit=20&cursor=...&operation=update&who=ada&at.gte=...`: the history of one row, the
/// latest entry first. Fails like `read_list`.
Result<db::ListQuery> read_history(std::string_view query, std::string_view entity,
                                   std::string row);

/// The page as an answer. `visible`: which of `fields` the caller sees.
http::Response history_response(const record::Page<record::HistoryEntry>& page,
                                std::span<const Field> fields = {}, const FieldMask& visible = {});

}  // namespace kit::rest
