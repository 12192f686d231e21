// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace kitgen::schema {

/// A place in a schema; line and column start at 1, columns count characters (code points). Line 0:
/// the file as a whole.
struct Position {
  int line = 0;
  int column = 0;
  int file = 0;  ///< 0: the schema itself; then what it includes, in the order of reading.
  bool operator==(const Position&) const = default;
  friend auto operator<=>(const Position& a, const Position& b) {
    return std::tie(a.file, a.line, a.column) <=> std::tie(b.file, b.line, b.column);
  }
};

enum class Severity { error, warning };

/// One thing wrong with a schema, told so that the author can mend it without asking.
struct Diagnostic {
  std::string file;
  Position at;
  Severity severity = Severity::error;
  std::string message;     ///< "unknown type 'strng'"
  std::string suggestion;  ///< "did you mean 'string'?"; "" for none
  std::string source;      ///< The offending line, for the caret; "" when there is none
  int length = 1;          ///< Characters under the caret.
};

/// Sorts by place (a warning after an error on the same place) and drops repeated ones.
void sort_diagnostics(std::vector<Diagnostic>& diagnostics);

/// Compiler-like text of one: `file:line:column: error: message`, the source line, a caret, the
/// suggestion.
std::string to_string(const Diagnostic& diagnostic);

/// All of them, then a count ("3 errors, 1 warning"). Empty for none.
std::string to_string(const std::vector<Diagnostic>& diagnostics);

bool has_errors(const std::vector<Diagnostic>& diagnostics);

}  // namespace kitgen::schema
