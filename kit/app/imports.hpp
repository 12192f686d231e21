// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kit/app/status.hpp"
#include "kit/async/task.hpp"
#include "kit/base/function.hpp"
#include "kit/db/import.hpp"
#include "kit/db/row_file.hpp"

namespace kit::app {

struct ImportRun {
  std::string directory;
  std::vector<std::string> names;       ///< Of entities; empty: all that have a file.
  std::optional<db::RowFormat> format;  ///< Of the files; nothing: what is there, by its suffix.
  bool skip_known = false;
  bool dry_run = false;
  Function<void(const ImportProgress&)> progress;
};

/// What became of an import.
struct ImportSummary {
  std::vector<db::ImportReport> reports;
  std::vector<std::string> files;  ///< Their names, one for each report.
  /// Files of which nothing was kept.
  std::size_t refused() const;
  std::int64_t rows() const;  ///< Read from files that were not skipped.
};

using ImportTargets = std::span<const std::unique_ptr<db::ImportTarget>>;

/// Imports the files of a folder, parents first; stops at the first file that was refused, for what
/// refers to its rows could not be stored (a dry run goes on). Fails with `invalid_argument` for a
/// name that is no entity's (naming the nearest) and where both Track.csv and Track.xlsx are there,
/// `not_found` when there is no such folder or file,
/// and as `db::import_file` does.
Task<ImportSummary> import_files(db::Database& database, ImportTargets targets, ImportRun run);

/// Writes one file for each target (or each of `names`) into `directory`, which is made when
/// missing; each file appears when it is whole. Yields the rows written. `say` is told about each
/// file.
Task<std::int64_t> export_files(db::Database& database, ImportTargets targets,
                                std::string directory, std::vector<std::string> names,
                                db::RowFormat format,
                                Function<void(std::string_view file, std::int64_t rows)> say);

/// "Track.csv:17: Milliseconds: must be at least 1", one a line.
std::string problems_text(const db::ImportReport& report, std::string_view file);

}  // namespace kit::app
