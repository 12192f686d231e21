// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kitgen/schema/diagnostic.hpp"
#include "kitgen/schema/source.hpp"

namespace kitgen::schema {

/// A piece of text of the schema and its place; keys, names and plain values are all words.
struct Word {
  std::string text;
  Position at;
  int length = 1;  ///< Characters it takes in the source, for the caret.
  bool quoted = false;
  bool empty() const { return text.empty(); }
};

/// Collects what is wrong with a schema: one source, or several. At most `max_errors` are kept: a
/// hostile file must not make the report larger than itself. Lifetime: the sources outlive it.
class Diagnostics {
 public:
  static constexpr std::size_t max_errors = 200;

  explicit Diagnostics(const Source& source) : sources_{&source} {}
  /// Its index is the next one.
  void add_source(const Source& source) { sources_.push_back(&source); }

  void error(const Word& word, std::string message, std::string suggestion = {});
  void error(Position at, int length, std::string message, std::string suggestion = {});
  void warning(const Word& word, std::string message, std::string suggestion = {});

  /// "did you mean 'x'?" or "". Cost: edit distances to all candidates; nothing is computed once
  /// the report is full.
  std::string did_you_mean(std::string_view word,
                           std::span<const std::string_view> candidates) const;
  std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) const;

  /// "line 7", seen from the same file; otherwise "line 7 of api/common.yaml".
  std::string place(Position at, Position seen_from) const;

  bool full() const { return errors_ >= max_errors; }
  std::size_t error_count() const { return errors_; }
  /// Everything so far, sorted by place.
  std::vector<Diagnostic> take();

 private:
  void add(Severity severity, Position at, int length, std::string message, std::string suggestion);

  const Source& source_of(Position at) const {
    return *sources_[static_cast<std::size_t>(at.file)];
  }

  std::vector<const Source*> sources_;
  std::vector<Diagnostic> found_;
  std::size_t errors_ = 0;
  std::size_t warnings_ = 0;
};

/// 'text' for a message: cut after 60 characters, control and bidirectional characters replaced.
std::string in_quotes(std::string_view text);

/// "write true" for "yes", "On" and the like; "" when neither truth is meant.
std::string flag_help(std::string_view text);

/// "'a', 'b' or 'c'"; what is there twice is named once.
std::string one_of(std::span<const std::string_view> words);

}  // namespace kitgen::schema
