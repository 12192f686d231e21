// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kit/http/message.hpp"
#include "kit/record/access.hpp"
#include "kit/record/history.hpp"
#include "kit/rest/list_request.hpp"

namespace kit::rest {

/// Reads `limit=20&cursor=...&operation=update&who=ada&at.gte=...`: the history of one row, the
/// latest entry first. Fails like `read_list`.
Result<db::ListQuery> read_history(std::string_view query, std::string_view entity,
                                   std::string row);

/// A relation whose links stand in the history of an entity, and who may see what it leads to.
struct HistoryLinks {
  std::string_view relation;  ///< "tags"
  const record::AccessRules* access;
};

/// The page as an answer. `visible`: which of `fields` the caller sees. Of `links` those are left
/// out that lead to what the caller may not read, or of which only some rows are the caller's: the
/// history would tell the ids of others.
http::Response history_response(const record::Page<record::HistoryEntry>& page,
                                std::span<const Field> fields = {}, const FieldMask& visible = {},
                                std::span<const HistoryLinks> links = {});

}  // namespace kit::rest
