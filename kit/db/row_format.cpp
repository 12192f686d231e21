// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kit/async/blocking.hpp"
#include "kit/base/text.hpp"
#include "kit/csv/csv.hpp"
#include "kit/db/row_file.hpp"
#include "kit/xlsx/reader.hpp"
#include "kit/xlsx/writer.hpp"

namespace kit::db {
namespace {

constexpr std::string_view words[] = {"csv", "xlsx"};

std::string_view suffix_of(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? "" : path.substr(dot + 1);
}

std::unique_ptr<csv::Source> to_source(csv::Reader reader) {
  return std::make_unique<csv::Reader>(std::move(reader));
}

/// On a thread of the pool; the descriptor is a copy that is closed here.
Result<std::unique_ptr<csv::Source>> open_workbook(int copy, const std::string& name,
                                                   std::string sheet) {
  xlsx::ReadOptions options;
  options.sheet = std::move(sheet);
  Result<xlsx::Reader> reader = xlsx::Reader::of_descriptor(copy, name, std::move(options));
  if (!reader) return std::move(reader).error();
  return std::unique_ptr<csv::Source>(std::make_unique<xlsx::Reader>(std::move(*reader)));
}

/// A descriptor that lives as long as the work that reads it.
class Copy {
 public:
  explicit Copy(int descriptor) : descriptor_(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0)) {}
  Copy(Copy&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Copy& operator=(Copy&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Copy() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int number() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace

std::string_view to_string(RowFormat format) {
  return words[static_cast<std::size_t>(format)];
}

std::optional<RowFormat> row_format(std::string_view word) {
  for (const RowFormat format : {RowFormat::csv, RowFormat::xlsx}) {
    if (iequals(word, to_string(format))) return format;
  }
  return std::nullopt;
}

RowFormat format_of_file(std::string_view path) {
  return row_format(suffix_of(path)).value_or(RowFormat::csv);
}

std::string file_in_format(std::string_view file, RowFormat format) {
  if (row_format(suffix_of(file))) file.remove_suffix(suffix_of(file).size() + 1);
  return std::string(file).append(".").append(to_string(format));
}

Result<> check_available(RowFormat format) {
  if (format == RowFormat::csv || xlsx::is_available()) return {};
  return Error(Code::unimplemented,
               "this program was built without workbooks (.xlsx: libxlsxwriter); use CSV")
      .with_reason("FORMAT_UNAVAILABLE");
}

Task<std::unique_ptr<csv::Source>> open_rows(std::string path) {
  const RowFormat format = format_of_file(path);
  if (format == RowFormat::csv) {
    csv::Reader reader = co_await csv::Reader::open(path);
    co_return to_source(std::move(reader));
  }
  const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) {
    const int number = errno;
    const Code code = number == ENOENT   ? Code::not_found
                      : number == EACCES ? Code::permission_denied
                                         : Code::unavailable;
    co_return Error(code, path + ": " + std::strerror(number));
  }
  const Copy file(opened);
  ::close(opened);
  co_return co_await open_rows(file.number(), std::move(path), format, "");
}

Task<std::unique_ptr<csv::Source>> open_rows(int descriptor, std::string name, RowFormat format,
                                             std::string sheet) {
  co_await check_available(format);
  if (format == RowFormat::csv) {
    csv::Reader reader = co_await csv::Reader::of_descriptor(descriptor, std::move(name));
    co_return to_source(std::move(reader));
  }
  auto open = [copy = Copy(descriptor), name = std::move(name),
               sheet = std::move(sheet)]() mutable {
    return open_workbook(copy.number(), name, std::move(sheet));
  };
  auto opening = blocking(BlockingPool::shared(), std::move(open));
  co_return co_await opening;
}

}  // namespace kit::db
