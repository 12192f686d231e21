// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/csv/source.hpp"
#include "kit/xlsx/limits.hpp"

namespace kit::xlsx {

struct ReadOptions {
  std::string sheet;  ///< By name, in any case; empty: the first.
  Limits limits;
};

/// Reads the records of a sheet of a workbook (.xlsx: ISO 29500), whoever wrote it. The first row
/// that has a value is the header and says how many columns there are; rows without values are no
/// records. A formula counts as the value stored with it. Numbers have 15 digits, as spreadsheets
/// show them; dates and times become `2021-01-31`, `13:45:00` or a timestamp; truth is `true`. A
/// cell with nothing in it has no value, one with an apostrophe an empty text.
/// Refused with the cell: errors like #REF!, formulas without a value, values right of the header,
/// cells and rows that come twice or in no order. Files from outside are kept within
/// `ReadOptions::limits`.
class Reader final : public csv::Source {
 public:
  /// Reads from an open file; `name` is for messages. Goes through the sheet once for its checksum
  /// and keeps the shared texts in memory: blocks for as long. Fails with `invalid_argument` and
  /// what is wrong with the file. Lifetime: of the descriptor, until this returns.
  static Result<Reader> of_descriptor(int descriptor, std::string name, ReadOptions options);
  /// Reads from memory, for tests.
  static Result<Reader> from_text(std::string text, ReadOptions options);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader() override;

  /// As any source. XML that is malformed and rows past the limits end the file.
  Result<bool> next(csv::Record& record) override;
  Result<> rewind() override;
  Result<std::size_t> read_at(std::size_t offset, std::span<char> bytes) const override;
  std::size_t bytes_read() const override;
  std::size_t bytes_total() const override;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kit::xlsx
