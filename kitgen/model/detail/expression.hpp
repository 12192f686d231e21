// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kitgen::model {

inline constexpr std::size_t max_expression_bytes = 1'024;
inline constexpr int max_expression_depth = 32;

/// What stands in `computed: "..."`, taken apart; nothing is known yet about names and types.
struct Expression {
  enum class Kind { number, text, flag, null, name, call };
  Kind kind = Kind::null;
  /// The number or text itself, a name, or what is called: "+", "=", "is null", "lower", "if".
  std::string text;
  std::size_t offset = 0;  ///< Where in the text it is told about.
  std::size_t length = 1;
  std::vector<Expression> operands;
};

/// Told once, at the first mistake.
using ExpressionError = std::function<void(std::size_t offset, std::size_t length,
                                           std::string message, std::string help)>;

/// Reads the whole text:
///
///     or, and, not, = != <> < <= > >=, is null, is not null, ||, + -, * /, unary -, ( ),
///     numbers, 'texts', true, false, null, names, name(...), case when ... then ... else ... end
std::optional<Expression> parse_expression(std::string_view text, const ExpressionError& fail);

}  // namespace kitgen::model
