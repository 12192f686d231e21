// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::csv {

/// What a field holds: nothing where the file has nothing between two commas, the empty text where
/// it has `""`.
using Field = std::optional<std::string_view>;

/// One record of a CSV file. Lifetime: until the reader's next call.
struct Record {
  std::size_t line = 0;  ///< Where the record begins, from 1; a quoted field may span lines.
  std::span<const Field> fields;
};

/// Reads CSV (RFC 4180, UTF-8, optional byte order mark, CRLF or LF) piece by piece, in memory
/// bounded by the longest record (limit 1 MiB). Strict: a quote inside an unquoted field, text
/// after a closing quote, a lone carriage return, a record of another width than the first, invalid
/// UTF-8 and NUL are errors that name line and column (counted in characters from 1).
class Reader {
 public:
  static constexpr std::size_t max_record_bytes = 1024 * 1024;

  /// Opens a file. Fails with `not_found` or `permission_denied`, naming the path.
  static Result<Reader> open(const std::string& path);
  /// Reads a file that is open, from its beginning; `name` is for messages. Lifetime: of the
  /// descriptor, until this returns.
  static Result<Reader> of_descriptor(int descriptor, std::string name);
  /// Reads from memory, for tests.
  static Reader from_text(std::string text);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  /// The next record; false at the end of the file. Fails with `invalid_argument` for a bad record
  /// (`record.line` says where it began, the violation says what is wrong); the next call goes on
  /// behind it, except after an unclosed quote or a record past the limit, which end the file.
  Result<bool> next(Record& record);
  /// Begins again with the first record. Fails with `unavailable` where there is no way back (a
  /// pipe).
  Result<> rewind();
  /// Copies raw bytes of the very file that `next` reads, whatever its path leads to by now, and
  /// yields how many; 0 at the end. `next` goes on where it was. Fails as `next` does for a file.
  Result<std::size_t> read_at(std::size_t offset, std::span<char> bytes) const;
  /// Bytes read so far and in all, for progress.
  std::size_t bytes_read() const;
  std::size_t bytes_total() const;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Appends one record to `out`, quoting where needed, ended by LF (as the Chinook files are); the
/// reader gives the same fields back. A lone field without a value is an empty line.
/// `guard_formulas`: fields that begin with = + - @ TAB or CR get a leading apostrophe, so that a
/// spreadsheet does not run them; plain numbers stay as they are. `unguarded` takes it away again:
/// a field that has apostrophes before such a character gets another one.
void write_record(std::string& out, std::span<const Field> fields, bool guard_formulas = false);

/// What a field was before it was guarded.
std::string_view unguarded(std::string_view field);

}  // namespace kit::csv
