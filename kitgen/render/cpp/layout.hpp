// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Lays code out as clang-format does with the style of the project, for users who have no
/// clang-format.
namespace kitgen::render {

inline constexpr std::size_t line_width = 100;

/// `head(arguments)tail` behind `indent` blanks, without a line break at the end: on one line where
/// it fits, otherwise filled below the opening parenthesis, otherwise filled on lines of their own.
std::string call(std::size_t indent, std::string_view head, std::span<const std::string> arguments,
                 std::string_view tail);

/// The declaration or the first line of the definition of a function: `type` and `name` part only
/// where they must.
std::string signature(std::size_t indent, std::string_view type, std::string_view name,
                      std::span<const std::string> parameters, std::string_view tail);

/// Takes what it ends with off a signature again: it counts for the width, but stands in the
/// template.
std::string cut_tail(std::string text, std::string_view tail);

/// `type variable = function(arguments);`, broken after '=' or after the parenthesis where it must.
std::string assign(std::size_t indent, const std::string& target, const std::string& function,
                   std::span<const std::string> arguments);

/// A constructor without a body: `head : items {}` on one line, on two, or with an item a line.
std::string constructor(std::size_t indent, const std::string& head,
                        std::span<const std::string> items);

/// The rows of a braced list of constants, one a line; marked where clang-format would put them in
/// columns.
std::string rows(const std::vector<std::string>& items);

/// A lambda that hands a row on: `auto sink = [&](const kit::db::Row& row) { return ...; };`
std::string sink(const std::string& expression);

/// `items` behind `first`, separated by ", ", in lines that begin with `indent` blanks after the
/// first one.
std::string fill(std::string_view first, std::span<const std::string> items, std::size_t indent);

/// `text` as it is when every line fits, otherwise between marks that keep clang-format away.
std::string protect(std::string text, std::size_t indent);

/// Sorted `#include` lines without repetitions, in the groups of the style: standard, then project.
std::string include_lines(std::vector<std::string> standard, std::vector<std::string> project);

}  // namespace kitgen::render
