// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/async/task.hpp"
#include "kit/http/message.hpp"
#include "kit/rest/backend.hpp"
#include "kit/rest/list_request.hpp"

namespace kit::rest {

/// Serves the rows of `name` (one of `Backend::transfers`) as a CSV file, with the columns of its
/// import: `?format=csv&formulas=guarded` and the filters, search and sort of the list. Streams
/// them from one state of the database. Fails like `read_list`, and with `invalid_argument`
/// (EXPORT_TOO_LARGE) for more rows than `Limits::export_rows`. Lifetime: `table`, `options` and
/// `backend` outlive the answer.
Task<http::Response> export_rows(const http::Request& request, Backend& backend,
                                 std::string_view name, const db::ListTable& table,
                                 const ListOptions& options);

/// Stores the rows of a CSV file, all or nothing: `?dry_run=true&formulas=guarded`. Answers with
/// how many were inserted, updated and left as they are. Fails with `invalid_argument`
/// (IMPORT_REFUSED) and a violation for each thing that is wrong, with its line and column
/// (`lines[17].Email`), 100 at most. Lifetime: everything borrowed lives until the task has ended.
Task<http::Response> import_rows(http::Request& request, Backend& backend, std::string_view name);

}  // namespace kit::rest
