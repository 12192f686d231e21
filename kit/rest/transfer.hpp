// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "kit/async/task.hpp"
#include "kit/http/message.hpp"
#include "kit/rest/backend.hpp"
#include "kit/rest/list_request.hpp"

namespace kit::rest {

/// Serves the rows of `name` (one of `Backend::transfers`) as a CSV file or a workbook, with the
/// columns of its import: `?format=csv&formulas=guarded` or `?format=xlsx` (otherwise what Accept
/// likes more, and CSV of equals) and the filters, search and sort of the list. All of it is one
/// state of the database. CSV is streamed as it is read; a workbook is made in a temporary file
/// first. Fails like `read_list`, with `invalid_argument` (EXPORT_TOO_LARGE) for more rows than
/// `Limits::export_rows` and for what a workbook can't hold, and 406 (FORMAT_UNAVAILABLE) where
/// there are no workbooks. Lifetime: `table`, `options` and `backend` outlive the answer.
Task<http::Response> export_rows(const http::Request& request, Backend& backend,
                                 std::string_view name, const db::ListTable& table,
                                 const ListOptions& options);

/// Stores the rows of a file, CSV or a workbook as its Content-Type says, all or nothing:
/// `?dry_run=true&formulas=guarded`. Answers with how many were inserted, updated and left as they
/// are. Fails with `invalid_argument` (IMPORT_REFUSED) and a violation for each thing that is
/// wrong, with its line (or row of the sheet) and column (`lines[17].Email`), 100 at most; 415
/// (FORMAT_UNAVAILABLE) where there are no workbooks. Lifetime: everything borrowed lives until the
/// task has ended.
Task<http::Response> import_rows(http::Request& request, Backend& backend, std::string_view name);

}  // namespace kit::rest
