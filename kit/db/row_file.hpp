// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kit/async/task.hpp"
#include "kit/base/result.hpp"
#include "kit/csv/source.hpp"

namespace kit::db {

/// The forms of files that rows are imported from and exported to.
enum class RowFormat : std::uint8_t { csv, xlsx };

/// "csv", "xlsx"; also the suffix of such files. Nothing for a word that is neither.
std::string_view to_string(RowFormat format);
std::optional<RowFormat> row_format(std::string_view word);
/// By the suffix of its name; what has none that is known is CSV.
RowFormat format_of_file(std::string_view path);
/// The same name with the suffix of `format`: "Track.csv" becomes "Track.xlsx".
std::string file_in_format(std::string_view file, RowFormat format);
/// Whether this program was built with what `format` needs. Fails with `unimplemented`
/// (FORMAT_UNAVAILABLE) and what can be done.
Result<> check_available(RowFormat format);

/// Opens a file of rows, in the form its suffix says. Fails with `not_found` or
/// `permission_denied`, naming the path; `invalid_argument` for what is no such file.
/// Cost: a workbook is looked through on a thread of the blocking pool.
Task<std::unique_ptr<csv::Source>> open_rows(std::string path);
/// The same for a file that is open, read from its beginning; `name` is for messages, `sheet` is
/// the sheet of a workbook (empty: the first). Lifetime: the descriptor may be closed when this
/// has ended.
Task<std::unique_ptr<csv::Source>> open_rows(int descriptor, std::string name, RowFormat format,
                                             std::string sheet);

struct RowFileOptions {
  RowFormat format = RowFormat::csv;
  std::string title;        ///< Of the sheet.
  bool is_guarded = false;  ///< CSV: apostrophes before what a spreadsheet would run.
  std::string directory;    ///< For what can't be sent as it grows; on one disk with room.
  /// Rows are worked off where they are added, on the caller's thread: for programs that serve
  /// nobody meanwhile.
  bool is_direct = false;
};

/// A file of rows on its way to somebody, the header first: rows are added, bytes are taken.
/// Memory: what was added since the last `flush` and `take`. Whatever happens, cancellation
/// included, nothing is left on the disk.
class RowFile {
 public:
  virtual ~RowFile() = default;
  /// Takes a row. Fails with `out_of_range` (EXPORT_TOO_LARGE) for what such a file can't hold;
  /// `flush` may tell it later.
  virtual Result<> add(const csv::Fields& fields) = 0;
  /// Works off, on another thread, what waits for that. Fails with `resource_exhausted` (507,
  /// DISK_FULL).
  virtual Task<> flush() = 0;
  /// Makes the file whole; nothing is added from now on. Fails as `flush` does.
  virtual Task<> finish() = 0;
  /// The bytes that are ready, in the order of the file; may be none before `finish`.
  virtual std::string take() = 0;
  /// After `finish`: the next bytes, empty at the end.
  virtual Task<std::string> rest() = 0;
  /// Whether bytes are ready before `finish`: then a later failure leaves a file that is cut off.
  virtual bool grows() const = 0;
};

/// Begins a file. Fails as `check_available`, and when `directory` can't be written to. Lifetime:
/// `columns` are constants.
Task<std::unique_ptr<RowFile>> make_row_file(std::span<const std::string_view> columns,
                                             RowFileOptions options);

}  // namespace kit::db
