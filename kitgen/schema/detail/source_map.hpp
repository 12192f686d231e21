// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "kitgen/schema/yaml.hpp"

namespace kitgen::schema {

struct Comment {
  std::size_t offset = 0;
  int line = 0;
  std::size_t indent = 0;  ///< Blanks before it on its line.
  std::string text;        ///< With its #, without blanks at the end.
};

/// What the tree of a YAML text does not know: comments, where values end, how texts are quoted.
class SourceMap {
 public:
  /// Lifetime: `source` outlives this.
  SourceMap(const Source& source, const Node& root);

  const std::vector<Comment>& comments() const { return comments_; }
  std::size_t offset(Position at) const;
  int line_of(std::size_t offset) const;
  /// Behind the last byte of a scalar or of {...} and [...].
  std::size_t end(const Node& node) const;
  /// Whether nothing but blanks and dashes stands before the place on its line.
  bool is_first_on_line(std::size_t offset) const;
  bool is_blank_line(int line) const;
  /// Whether nothing but blanks, commas and closing brackets stands between the two.
  bool only_closes_between(std::size_t begin, std::size_t end) const;
  /// The text as written: quotes stay. Of a block (| or >) only the first line.
  std::string written(const Word& word) const;
  /// Whether it is a block of lines after | or >.
  bool is_block_text(const Word& word) const;
  /// The lines of such a block, without their common indentation.
  std::vector<std::string> block_lines(const Word& word) const;
  /// Whether a comment stands between the two.
  bool has_comment(std::size_t begin, std::size_t end) const;

 private:
  void find_texts(const Node& node, std::size_t indent);
  void find_text(const Word& word, std::size_t indent);
  void find_comments();
  std::size_t end_of_quotes(std::size_t begin) const;
  std::size_t end_of_block(std::size_t begin, std::size_t indent) const;
  std::size_t end_of_flow(std::size_t begin) const;
  /// The end of the quoted text or block that covers the offset, or the offset.
  std::size_t skip_text(std::size_t offset) const;

  const Source& source_;
  std::vector<std::size_t> line_starts_;
  std::map<std::size_t, std::size_t> texts_;  ///< Quoted texts and blocks: begin -> end.
  std::vector<Comment> comments_;
};

}  // namespace kitgen::schema
