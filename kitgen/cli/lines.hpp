// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kitgen::cli {

/// A line and how it ends: "\n", "\r\n", or "" for the last one of a text without a final one.
struct Line {
  std::string_view text;
  std::string_view end;
  /// Both together.
  std::string_view whole() const { return {text.data(), text.size() + end.size()}; }
};

/// Lifetime: the lines look into `text`.
std::vector<Line> split_lines(std::string_view text);

inline constexpr std::string_view utf8_bom = "\xEF\xBB\xBF";

/// `text` as every machine sees it: without a byte order mark, and with "\n" for "\r\n". What a
/// checkout with other line ends does to a file is no edit.
std::string plain_text(std::string_view text);

/// `text`, whose lines end in "\n", with the byte order mark and the line ends of `model`.
std::string in_the_form_of(std::string_view model, std::string_view text);

inline constexpr std::size_t unmatched = static_cast<std::size_t>(-1);

/// For each line of `a` the line of `b` that stands for it, or `unmatched`; the pairs never cross.
/// Lines that occur once in both lead (patience), the rest is aligned by the shortest edit script
/// (Myers 1986).
/// Cost: linear for usual texts. Work is limited: what is left beyond it counts as replaced, which
/// is right though not the smallest difference.
std::vector<std::size_t> match_lines(std::span<const std::string_view> a,
                                     std::span<const std::string_view> b);

}  // namespace kitgen::cli
