// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::csv {

/// What a field holds: nothing where the file has nothing between two commas, the empty text where
/// it has `""`.
using Field = std::optional<std::string_view>;

/// What the text of a field stands for, for files that have more than text.
enum class FieldKind : std::uint8_t { text, number, boolean, date };

/// The fields of a record that is written, and what they are; without `kinds` all are texts.
/// Lifetime: borrows both.
struct Fields : std::span<const Field> {
  using std::span<const Field>::span;
  Fields(const std::vector<Field>& fields, std::span<const FieldKind> kinds_of_fields)
      : std::span<const Field>(fields), kinds(kinds_of_fields) {}

  FieldKind kind(std::size_t index) const {
    return index < kinds.size() ? kinds[index] : FieldKind::text;
  }
  std::span<const FieldKind> kinds;
};

/// One record of a file. Lifetime: until the source's next call.
struct Record {
  /// Where the record begins, from 1: a line (a quoted field may span lines) or a row of a sheet.
  std::size_t line = 0;
  std::span<const Field> fields;
};

/// Records one after the other, from whatever form of file. Thread safety: one thread at a time.
class Source {
 public:
  virtual ~Source() = default;

  /// The next record; false at the end of the file. A record without fields is none: it only gives
  /// the caller a chance to do something else. Fails with `invalid_argument` for a bad record
  /// (`record.line` says where it began, the violation says what is wrong); the next call goes on
  /// behind it, except after what leaves no way to find the next one, which ends the file. Cost:
  /// reads the file, bounded by the longest record.
  virtual Result<bool> next(Record& record) = 0;
  /// Begins again with the first record. Fails with `unavailable` where there is no way back (a
  /// pipe).
  virtual Result<> rewind() = 0;
  /// Copies raw bytes of the very file that `next` reads, whatever its path leads to by now, and
  /// yields how many; 0 at the end. `next` goes on where it was. Fails as `next` does for a file.
  virtual Result<std::size_t> read_at(std::size_t offset, std::span<char> bytes) const = 0;
  /// Bytes that `next` went through so far and will have in all, unpacked: for progress.
  virtual std::size_t bytes_read() const = 0;
  virtual std::size_t bytes_total() const = 0;

 protected:
  Source() = default;
  Source(Source&&) = default;
  Source& operator=(Source&&) = default;
};

}  // namespace kit::csv
