// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/csv/source.hpp"

namespace kit::csv {

/// Reads CSV (RFC 4180, UTF-8, optional byte order mark, CRLF or LF) piece by piece, in memory
/// bounded by the longest record (limit 1 MiB). Strict: a quote inside an unquoted field, text
/// after a closing quote, a lone carriage return, a record of another width than the first, invalid
/// UTF-8 and NUL are errors that name line and column (counted in characters from 1).
class Reader final : public Source {
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
  ~Reader() override;

  /// As any source; an unclosed quote and a record past the limit end the file.
  Result<bool> next(Record& record) override;
  Result<> rewind() override;
  Result<std::size_t> read_at(std::size_t offset, std::span<char> bytes) const override;
  std::size_t bytes_read() const override;
  std::size_t bytes_total() const override;

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
