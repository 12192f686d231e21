// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// The only doors through which free text of a schema (docs, defaults, patterns, enum values, file
/// names) enters generated code. Each gives well-formed output for any input bytes; control and
/// bidirectional characters never pass unescaped.
namespace kitgen::model {

/// A C++ string literal with its quotes: "a \"b\"\n". Trigraph and hexadecimal run-on safe, ASCII
/// only.
std::string cpp_string(std::string_view text);

/// One line for a `//` comment: line breaks become blanks, `*/` and trailing backslashes are broken
/// up, control and bidirectional characters removed.
std::string cpp_comment(std::string_view text);

/// The text as lines of at most `width` characters for a block of comments, each safe as by
/// `cpp_comment`; words stay whole, blank lines of the text are kept, none at the end. Empty text:
/// no lines.
std::vector<std::string> comment_lines(std::string_view text, std::size_t width);

/// "name": a quoted SQL identifier (SQLite, PostgreSQL; MySQL with ANSI_QUOTES).
std::string sql_ident(std::string_view name);

/// 'it''s': an SQL string literal. NUL and other control characters are removed: no dialect can
/// carry them all.
std::string sql_literal(std::string_view text);

/// A JSON string with its quotes, ASCII only; also a valid YAML double-quoted scalar.
std::string json_string(std::string_view text);

/// A TypeScript string literal with double quotes.
std::string ts_string(std::string_view text);

/// A proto string literal with double quotes.
std::string proto_string(std::string_view text);

}  // namespace kitgen::model
