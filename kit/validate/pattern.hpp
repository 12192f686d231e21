// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>

namespace kit::validate {

/// A regular expression of the schema (RE2 syntax), compiled once. Matching takes time linear in
/// the text whatever the pattern is. Asserts that the expression is one: kitgen has checked it.
/// Thread safety: constant, any thread.
class Pattern {
 public:
  explicit Pattern(std::string_view expression);
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern();

  /// Whether the whole of `text` matches.
  bool matches(std::string_view text) const;
  /// The expression as written.
  std::string_view expression() const;

 private:
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace kit::validate
