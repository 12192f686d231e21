// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/csv/source.hpp"
#include "kit/xlsx/limits.hpp"

namespace kit::xlsx {

/// Whether this program was built with libxlsxwriter: without it there are no workbooks, neither
/// read nor written.
bool is_available();

/// A finished workbook, in a file without a name: it is gone with this object, or with the process.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  int descriptor() const { return descriptor_; }
  /// Copies bytes from `offset` on and yields how many; 0 at the end.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> bytes) const;

 private:
  int descriptor_ = -1;
};

struct WriteOptions {
  std::string directory;  ///< For the file and what it is made of; on one disk with room.
  std::string sheet;      ///< Its name; cut where it is longer than the 31 characters allowed.
};

/// Writes a workbook with one sheet, a row at a time, with constant memory: the first row is the
/// header, bold and always in sight. Numbers are numbers where the cell reads as the same one (15
/// digits, whole ones up to 2^53), dates are dates from March 1900 on; everything else is text,
/// and no text is ever run as a formula. `Reader` reads the same again. All calls block on the
/// disk. Thread safety: one thread at a time. Whatever happens, nothing is left on the disk.
class Writer {
 public:
  /// Fails with `internal` when `directory` can't be written to.
  static Result<Writer> open(std::span<const std::string_view> columns, WriteOptions options);
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();

  /// Fails with `out_of_range` past the rows of a sheet and for texts that no cell can hold
  /// (EXPORT_TOO_LARGE), `resource_exhausted` (507, DISK_FULL).
  Result<> add(const csv::Fields& fields);
  /// Makes the file whole; nothing is added after that. Fails with `resource_exhausted` (507,
  /// DISK_FULL).
  Result<File> finish();

 private:
  struct State;
  explicit Writer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kit::xlsx
