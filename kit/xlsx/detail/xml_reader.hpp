// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/function.hpp"
#include "kit/base/result.hpp"

namespace kit::xlsx::detail {

/// Reads XML (UTF-8) token by token, in memory bounded by its limits. Strict: no document types,
/// so no entities but the five of XML; every end tag must be that of its start tag. Names are given
/// without their prefixes.
class XmlReader {
 public:
  enum class Token : std::uint8_t { start, end, text, eof, failed };
  /// Yields the next piece of the document, empty at its end.
  using Input = Function<Result<std::string_view>()>;

  /// `max_token` limits a text between two tags, a tag, and a comment; `max_depth` the elements in
  /// elements.
  XmlReader(Input input, std::size_t max_token, std::size_t max_depth)
      : input_(std::move(input)), max_token_(max_token), max_depth_(max_depth) {}

  Token next();
  /// Of the start or end tag. Lifetime of all views: until the next call.
  std::string_view name() const { return name_; }
  /// An attribute of the start tag, by its name without prefix.
  std::optional<std::string_view> attribute(std::string_view name) const;
  /// A part of the text of an element, decoded. Text around comments comes in several parts.
  std::string_view text() const { return text_; }
  /// Elements that are open, with the one that has just begun.
  std::size_t depth() const { return open_.size(); }
  /// Bytes read so far.
  std::uint64_t position() const { return before_ + at_; }
  /// Fails when more than `bytes` are read from now on; calling it again begins anew.
  void stop_after(std::uint64_t bytes) { stop_ = position() + bytes; }
  /// After `failed`, which stays: why.
  const Error& error() const { return *failure_; }
  /// Reads on to the end of the element that has begun. False: failed.
  bool skip();

 private:
  int peek();
  int take();
  Token fail(std::string what);
  bool refuse(std::string what) { return fail(std::move(what)), false; }
  bool expect(std::string_view literal);
  bool read_name(std::string& name);
  bool read_attributes();
  bool read_value(std::string& value);
  bool read_reference(std::string& out);
  bool read_text();
  bool read_cdata();
  bool skip_until(std::string_view end);
  bool skip_declaration();
  Token read_start();
  Token read_end();
  Token close();
  void skip_blanks();

  Input input_;
  std::size_t max_token_;
  std::size_t max_depth_;
  std::string_view piece_;
  std::size_t at_ = 0;
  std::uint64_t before_ = 0;  ///< Bytes of the pieces before this one.
  std::uint64_t stop_ = UINT64_MAX;
  std::optional<Error> failure_;
  std::vector<std::string> open_;  ///< Full names.
  bool has_root_ = false;
  bool is_empty_element_ = false;  ///< Its end is due.
  std::string full_name_;
  std::string_view name_;
  std::string text_;
  std::vector<std::pair<std::string, std::string>> attributes_;
};

}  // namespace kit::xlsx::detail
