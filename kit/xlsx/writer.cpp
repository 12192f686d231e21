// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "kit/base/text.hpp"
#include "kit/xlsx/detail/cell_text.hpp"
#include "kit/xlsx/detail/zip_archive.hpp"

namespace kit::xlsx {
namespace {

constexpr std::size_t max_sheet_name = 31;
constexpr double column_width = 16;  // wide enough for a date; narrower ones show only ####

Error disk_full() {
  return Error(Code::resource_exhausted, "the workbook can't be written: is the disk full?")
      .with_reason("DISK_FULL")
      .with_http_status(507);
}

Error too_large(std::string what) {
  return Error(Code::out_of_range, std::move(what)).with_reason("EXPORT_TOO_LARGE");
}

Result<File> open_unnamed(const std::string& directory) {
  int descriptor = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
    // The file system has no files without names: take the name away at once.
    std::string path = directory + "/kit-XXXXXX";
    descriptor = ::mkostemp(path.data(), O_CLOEXEC);
    if (descriptor >= 0) ::unlink(path.c_str());
  }
  if (descriptor >= 0) return File(descriptor);
  if (errno == ENOSPC || errno == EDQUOT) return disk_full();
  return Error(Code::internal,
               "no temporary file can be made in " + directory + ": " + std::strerror(errno));
}

std::string sheet_name(std::string_view wanted) {
  std::string name;
  for (const char c : wanted.substr(0, max_sheet_name))
    name.push_back(std::strchr("[]:*?/\\'", c) == nullptr ? c : '_');
  return name.empty() ? "Sheet1" : name;
}

/// Whether a workbook has all of its rows, `row_bytes` of XML: the library does not look whether
/// its writes between its own files succeed.
Result<> check_whole(const File& file, std::uint64_t row_bytes) {
  Result<std::shared_ptr<const detail::Bytes>> bytes =
      detail::Bytes::of_descriptor(file.descriptor());
  if (!bytes) return std::move(bytes).error();
  const Limits none{.ratio = 2'000};  // more than there can be
  const Result<detail::ZipArchive> archive = detail::ZipArchive::open(std::move(*bytes), none);
  const detail::ZipEntry* entry = archive ? archive->find("xl/worksheets/sheet1.xml") : nullptr;
  if (entry == nullptr || entry->bytes < row_bytes) return disk_full();
  Result<detail::ZipPart> part = detail::ZipPart::open(*archive, *entry, UINT64_MAX, none);
  if (!part) return disk_full();
  std::string end;
  while (true) {
    const Result<std::string_view> piece = part->read();
    if (!piece) return disk_full();
    if (piece->empty()) break;
    end.append(*piece);
    end.erase(0, end.size() - std::min<std::size_t>(end.size(), 64));
  }
  if (!trim(end).ends_with("</worksheet>")) return disk_full();
  return {};
}

/// Closes a workbook, and the file of its rows where the library gave up before it did so.
lxw_error close_workbook(lxw_workbook* workbook, std::FILE* rows) {
  const int descriptor = ::fileno(rows);
  struct stat before{};
  const bool is_known = ::fstat(descriptor, &before) == 0;
  const lxw_error failed = ::workbook_close(workbook);
  struct stat after{};
  const bool is_open = failed != LXW_NO_ERROR && is_known && ::fstat(descriptor, &after) == 0;
  // Another file has got the number when this one was closed.
  if (is_open && before.st_dev == after.st_dev && before.st_ino == after.st_ino) std::fclose(rows);
  return failed;
}

}  // namespace

bool is_available() {
  return true;
}

struct Writer::State {
  explicit State(File unnamed) : file(std::move(unnamed)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (workbook == nullptr) return;
    // What is not finished keeps the file of its rows open.
    if (sheet != nullptr && sheet->optimize_tmpfile != nullptr)
      std::fclose(sheet->optimize_tmpfile);
    ::lxw_workbook_free(workbook);
  }

  Result<> begin(std::span<const std::string_view> columns, WriteOptions& options);
  Result<> write(lxw_col_t column, std::string_view text, csv::FieldKind kind);
  Result<> write_text(lxw_col_t column, std::string_view text, lxw_format* format);

  File file;
  lxw_workbook* workbook = nullptr;
  lxw_worksheet* sheet = nullptr;
  lxw_format* header = nullptr;
  lxw_format* date = nullptr;
  std::vector<std::string> names;  ///< Of the columns.
  lxw_row_t row = 0;
};

Result<> Writer::State::begin(std::span<const std::string_view> columns, WriteOptions& options) {
  // The library wants a path: this is the one of the file without a name.
  const std::string path = "/proc/self/fd/" + std::to_string(file.descriptor());
  lxw_workbook_options how{};
  how.constant_memory = LXW_TRUE;
  how.tmpdir = options.directory.data();
  workbook = ::workbook_new_opt(path.c_str(), &how);
  if (workbook != nullptr)
    sheet = ::workbook_add_worksheet(workbook, sheet_name(options.sheet).c_str());
  if (sheet == nullptr || sheet->optimize_tmpfile == nullptr)
    return Error(Code::internal, "no temporary file can be made in " + options.directory);
  header = ::workbook_add_format(workbook);
  ::format_set_bold(header);
  date = ::workbook_add_format(workbook);
  ::format_set_num_format(date, "yyyy-mm-dd");
  names.assign(columns.begin(), columns.end());
  if (names.empty() || names.size() > max_columns) return too_large("a sheet has 16384 columns");
  const auto last = static_cast<lxw_col_t>(names.size() - 1);
  ::worksheet_set_column(sheet, 0, last, column_width, nullptr);
  ::worksheet_freeze_panes(sheet, 1, 0);
  for (std::size_t i = 0; i < names.size(); ++i)
    KIT_TRY(write_text(static_cast<lxw_col_t>(i), names[i], header));
  ++row;
  return {};
}

Result<> Writer::State::write_text(lxw_col_t column, std::string_view text, lxw_format* format) {
  const auto refused = [&](std::string_view why) {
    return too_large("row " + std::to_string(row + 1) + ", " + names[column] + ": " +
                     std::string(why) + "; export as CSV");
  };
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos)
    return refused("the value is no text that a workbook can hold");
  const std::string encoded = detail::encode_text(text);
  if (detail::utf16_length(encoded) > max_cell_characters)
    return refused("the text is longer than the 32767 characters of a cell");
  const lxw_error failed = ::worksheet_write_string(sheet, row, column, encoded.c_str(), format);
  if (failed != LXW_NO_ERROR) return refused(::lxw_strerror(failed));
  return {};
}

Result<> Writer::State::write(lxw_col_t column, std::string_view text, csv::FieldKind kind) {
  if (kind == csv::FieldKind::boolean) {
    ::worksheet_write_boolean(sheet, row, column, text == "true" ? 1 : 0, nullptr);
    return {};
  }
  if (kind == csv::FieldKind::number && detail::is_exact_number(text)) {
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    ::worksheet_write_number(sheet, row, column, number, nullptr);
    return {};
  }
  if (kind == csv::FieldKind::date) {
    if (const std::optional<std::int64_t> day = detail::day_number(text)) {
      ::worksheet_write_number(sheet, row, column, static_cast<double>(*day), date);
      return {};
    }
  }
  return write_text(column, text, nullptr);
}

Writer::Writer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

Result<Writer> Writer::open(std::span<const std::string_view> columns, WriteOptions options) {
  Result<File> file = open_unnamed(options.directory);
  if (!file) return std::move(file).error();
  auto state = std::make_unique<State>(std::move(*file));
  KIT_TRY(state->begin(columns, options));
  return Writer(std::move(state));
}

Result<> Writer::add(const csv::Fields& fields) {
  State& state = *state_;
  KIT_ASSERT(fields.size() == state.names.size(), "a row has a field for each column");
  if (state.row == max_rows) return too_large("a sheet has 1048576 rows; export as CSV");
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i]) KIT_TRY(state.write(static_cast<lxw_col_t>(i), *fields[i], fields.kind(i)));
  }
  ++state.row;
  // The library does not look whether its own writes succeed.
  if (std::ferror(state.sheet->optimize_tmpfile) != 0) return disk_full();
  return {};
}

Result<File> Writer::finish() {
  State& state = *state_;
  ::lxw_worksheet_write_single_row(state.sheet);  // the last one still waits
  std::FILE* const rows = state.sheet->optimize_tmpfile;
  if (std::fflush(rows) != 0 || std::ferror(rows) != 0) return disk_full();
  const long row_bytes = std::ftell(rows);
  const lxw_error failed = close_workbook(std::exchange(state.workbook, nullptr), rows);
  if (failed != LXW_NO_ERROR || row_bytes < 0) return disk_full();
  KIT_TRY(check_whole(state.file, static_cast<std::uint64_t>(row_bytes)));
  return std::move(state.file);
}

}  // namespace kit::xlsx
