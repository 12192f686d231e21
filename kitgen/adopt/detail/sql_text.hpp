// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Reads the little of SQL expressions that a schema can carry too: conditions of checks and
/// partial indexes, default values. What is not understood is no error: it stays a comment.
namespace kitgen::adopt {

struct Token {
  enum class Kind { name, string, number, symbol };
  Kind kind = Kind::symbol;
  std::string text;        ///< Without quotes.
  bool is_quoted = false;  ///< A name in quotes: no keyword.
};

/// Nothing when a quote or comment is not closed. Casts (`::type`, `_utf8mb4'x'`) are left out.
std::optional<std::vector<Token>> tokens_of(std::string_view sql);

struct Condition {
  enum class Test { is_null, not_null, one_of, less, at_most, greater, at_least };
  std::string column;
  Test test = Test::not_null;
  bool of_length = false;           ///< `length(column) >= 3`
  std::vector<std::string> values;  ///< One for comparisons; of `one_of` all.
  bool values_are_text = false;
};

/// `a AND b ...` where each is a comparison of one column with literals; nothing otherwise.
std::optional<std::vector<Condition>> conditions_of(std::string_view sql);

struct Default {
  enum class Kind { null, text, number, boolean, now, other };
  Kind kind = Kind::other;
  std::string value;
};

Default default_of(std::string_view sql);

/// The conditions of CHECK in the text of a CREATE TABLE.
std::vector<std::string> checks_of(std::string_view create_table);

/// What follows WHERE in the text of a CREATE INDEX; "" for none.
std::string where_of(std::string_view create_index);

}  // namespace kitgen::adopt
