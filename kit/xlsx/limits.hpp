// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace kit::xlsx {

/// How much a workbook from outside may ask for; each has a test at and past it. They hold for
/// what unpacks, whatever the size of the file is.
struct Limits {
  std::size_t entries = 4'096;                             ///< Files in the archive.
  std::uint64_t sheet_bytes = 512ULL * 1024 * 1024;        ///< XML of the sheet that is read.
  std::uint64_t strings_bytes = 128ULL * 1024 * 1024;      ///< XML of the shared strings.
  std::uint64_t strings_text_bytes = 64ULL * 1024 * 1024;  ///< Their text, which is kept.
  std::size_t strings = 1'000'000;                         ///< How many there are.
  std::uint64_t part_bytes = 8ULL * 1024 * 1024;           ///< XML of any other part.
  /// Bytes that one packed byte may become, in parts of more than 1 MiB.
  std::uint64_t ratio = 200;
  std::size_t row_bytes = 1024UL * 1024;  ///< XML of a row with what stands before it.
  std::size_t columns = 1'024;            ///< From A to the last header.
  std::size_t depth = 64;                 ///< Elements in elements.
};

/// The sizes of a sheet, which every spreadsheet program has.
inline constexpr std::size_t max_rows = 1'048'576;
inline constexpr std::size_t max_columns = 16'384;
/// In UTF-16 units, as spreadsheet programs count.
inline constexpr std::size_t max_cell_characters = 32'767;

}  // namespace kit::xlsx
