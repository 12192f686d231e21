// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/detail/xml_reader.hpp"

#include <algorithm>
#include <array>

#include "kit/base/text.hpp"
#include "kit/xlsx/detail/problem.hpp"
#include "kit/xlsx/detail/utf8.hpp"

namespace kit::xlsx::detail {
namespace {

constexpr int end_of_file = -1;
constexpr std::size_t max_name = 256;
constexpr std::size_t max_attributes = 128;

bool is_blank(int byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/// Bytes of other characters than ASCII are taken as they are: names are only compared.
bool is_name_byte(int byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' || byte == '.' || byte == ':' ||
         byte >= 0x80;
}

/// What XML 1.0 allows, as characters or as references.
bool is_allowed(std::uint32_t code) {
  if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
  return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && code != 0xfffe && code != 0xffff;
}

std::string_view without_prefix(std::string_view name) {
  return name.substr(name.find(':') + 1);
}

/// No control characters, and UTF-8. The two last code points of the plane slip through: harmless.
bool is_clean(std::string_view text) {
  return is_utf8(text) && std::ranges::none_of(text, [](char c) {
           const auto byte = static_cast<unsigned char>(c);
           return byte < 0x20 && !is_blank(byte);
         });
}

}  // namespace

XmlReader::Token XmlReader::fail(std::string what) {
  if (!failure_) failure_ = problem("malformed XML: " + std::move(what));
  return Token::failed;
}

int XmlReader::peek() {
  if (at_ < piece_.size()) return static_cast<unsigned char>(piece_[at_]);
  if (failure_) return end_of_file;
  before_ += piece_.size();
  at_ = 0;
  piece_ = {};
  Result<std::string_view> piece = input_();
  if (!piece) {
    failure_ = std::move(piece).error();
    return end_of_file;
  }
  piece_ = *piece;
  return piece_.empty() ? end_of_file : static_cast<unsigned char>(piece_[0]);
}

int XmlReader::take() {
  const int next = peek();
  if (next != end_of_file) ++at_;
  return next;
}

void XmlReader::skip_blanks() {
  while (is_blank(peek())) take();
}

bool XmlReader::expect(std::string_view literal) {
  for (const char wanted : literal) {
    if (take() != static_cast<unsigned char>(wanted))
      return refuse("'" + std::string(literal) + "' was expected");
  }
  return true;
}

bool XmlReader::read_name(std::string& name) {
  name.clear();
  while (is_name_byte(peek())) {
    name.push_back(static_cast<char>(take()));
    if (name.size() > max_name) return refuse("a name is too long");
  }
  if (name.empty()) return refuse("a name was expected");
  return true;
}

bool XmlReader::read_reference(std::string& out) {
  take();  // &
  std::string word;
  while (peek() != ';') {
    const int next = take();
    if (next == end_of_file || word.size() > 10) return refuse("a reference is not ended");
    word.push_back(static_cast<char>(next));
  }
  take();
  constexpr std::array<std::pair<std::string_view, char>, 5> known{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [name, byte] : known) {
    if (word == name) return out.push_back(byte), true;
  }
  const bool is_hex = word.starts_with("#x");
  const std::string digits = word.starts_with('#') ? word.substr(is_hex ? 2 : 1) : "";
  const std::optional<std::uint32_t> code = parse_code(digits, is_hex ? 16 : 10);
  if (!code) return refuse("the entity &" + valid_utf8(word) + "; is not known");
  if (!is_allowed(*code)) return refuse("a reference to a character that XML does not allow");
  append_utf8(out, *code);
  return true;
}

bool XmlReader::read_value(std::string& value) {
  value.clear();
  const int quote = take();
  if (quote != '"' && quote != '\'') return refuse("an attribute has no quotes");
  while (peek() != quote) {
    if (peek() == end_of_file || peek() == '<') return refuse("an attribute is not ended");
    if (value.size() > max_token_) return refuse("an attribute is too long");
    if (peek() != '&') {
      const int next = take();
      value.push_back(is_blank(next) ? ' ' : static_cast<char>(next));
    } else if (!read_reference(value)) {
      return false;
    }
  }
  take();
  return is_clean(value) || refuse("an attribute is not valid UTF-8 text");
}

bool XmlReader::read_attributes() {
  attributes_.clear();
  std::size_t bytes = 0;
  while (true) {
    const bool has_blank = is_blank(peek());
    skip_blanks();
    if (peek() == '>' || peek() == '/') return true;
    if (!has_blank) return refuse("a tag is not ended");
    std::pair<std::string, std::string> attribute;
    if (!read_name(attribute.first)) return false;
    skip_blanks();
    if (!expect("=")) return false;
    skip_blanks();
    if (!read_value(attribute.second)) return false;
    bytes += attribute.first.size() + attribute.second.size();
    if (attributes_.size() == max_attributes || bytes > max_token_)
      return refuse("a tag has too many attributes");
    if (std::ranges::find(attributes_, attribute.first, &decltype(attribute)::first) !=
        attributes_.end()) {
      return refuse("an attribute is given twice");
    }
    attributes_.push_back(std::move(attribute));
  }
}

std::optional<std::string_view> XmlReader::attribute(std::string_view name) const {
  for (const auto& [full, value] : attributes_) {
    if (without_prefix(full) == name) return value;
  }
  return std::nullopt;
}

bool XmlReader::skip_until(std::string_view end) {
  std::string tail;
  for (std::size_t count = 0; tail != end; ++count) {
    const int next = take();
    if (next == end_of_file) return refuse("'" + std::string(end) + "' is missing");
    if (count > max_token_) return refuse("a comment or instruction is too long");
    if (tail.size() == end.size()) tail.erase(0, 1);
    tail.push_back(static_cast<char>(next));
  }
  return true;
}

/// `<?xml ... encoding="..."?>`, or another instruction.
bool XmlReader::skip_declaration() {
  const bool is_first = position() == 2 || (position() == 5 && !has_root_);
  std::string name;
  if (!read_name(name)) return false;
  if (name != "xml") return skip_until("?>");
  if (!is_first) return refuse("a declaration that is not at the beginning");
  std::string text;
  while (peek() != '>') {
    const int next = take();
    if (next == end_of_file || text.size() > 200) return refuse("the declaration is not ended");
    text.push_back(static_cast<char>(next));
  }
  take();
  const std::string lower = to_lower(text);
  const std::size_t at = lower.find("encoding");
  if (at != std::string::npos && lower.find("utf-8", at) == std::string::npos)
    return refuse("the encoding is not UTF-8");
  return true;
}

bool XmlReader::read_cdata() {
  if (!expect("CDATA[")) return false;
  const std::size_t begin = text_.size();
  while (!std::string_view(text_).substr(begin).ends_with("]]>")) {
    const int next = take();
    if (next == end_of_file) return refuse("']]>' is missing");
    if (text_.size() > max_token_) return refuse("a text is too long");
    text_.push_back(static_cast<char>(next));
  }
  text_.resize(text_.size() - 3);
  return true;
}

/// Up to the next tag. Line ends become line feeds, as XML has them.
bool XmlReader::read_text() {
  while (peek() != '<' && peek() != end_of_file) {
    if (text_.size() > max_token_) return refuse("a text is too long");
    if (peek() == '&') {
      if (!read_reference(text_)) return false;
      continue;
    }
    const int next = take();
    if (next != '\r') {
      text_.push_back(static_cast<char>(next));
    } else if (peek() != '\n') {
      text_.push_back('\n');
    }
  }
  return !failure_;
}

XmlReader::Token XmlReader::close() {
  open_.pop_back();
  return Token::end;
}

XmlReader::Token XmlReader::read_end() {
  take();  // the slash
  if (!read_name(full_name_)) return Token::failed;
  skip_blanks();
  if (!expect(">")) return Token::failed;
  if (open_.empty() || open_.back() != full_name_)
    return fail("the end tag of " + valid_utf8(full_name_) + " is not the one that is due");
  name_ = without_prefix(full_name_);
  return close();
}

XmlReader::Token XmlReader::read_start() {
  if (open_.empty() && has_root_) return fail("something stands behind the last element");
  if (!read_name(full_name_) || !read_attributes()) return Token::failed;
  is_empty_element_ = peek() == '/';
  if (is_empty_element_) take();
  if (!expect(">")) return Token::failed;
  if (open_.size() == max_depth_) return fail("elements are nested too deeply");
  has_root_ = true;
  open_.push_back(full_name_);
  name_ = without_prefix(full_name_);
  return Token::start;
}

XmlReader::Token XmlReader::next() {
  if (failure_) return Token::failed;
  if (std::exchange(is_empty_element_, false)) return close();
  text_.clear();
  if (position() == 0 && peek() == 0xef && !expect("\xef\xbb\xbf")) return Token::failed;
  while (true) {
    if (position() > stop_) {
      failure_ = problem("a row, or what stands before it, is too long");
      return Token::failed;
    }
    const int here = peek();
    if (here != '<' && here != end_of_file) {
      if (!read_text()) return Token::failed;
      if (!is_clean(text_)) return fail("a text is not valid UTF-8");
      if (!open_.empty()) return Token::text;
      if (!trim(text_).empty()) return fail("text stands outside of the elements");
      text_.clear();
      continue;
    }
    if (failure_) return Token::failed;
    if (here == end_of_file) {
      if (!open_.empty() || !has_root_) return fail("the document is cut off");
      return Token::eof;
    }
    take();
    if (peek() == '/') return read_end();
    if (peek() == '?') {
      take();
      if (!skip_declaration()) return Token::failed;
    } else if (peek() == '!') {
      take();
      if (peek() == '-') {
        if (!expect("--") || !skip_until("-->")) return Token::failed;
      } else if (peek() == '[' && !open_.empty()) {
        take();
        if (!read_cdata()) return Token::failed;
        return is_clean(text_) ? Token::text : fail("a text is not valid UTF-8");
      } else {
        return fail("document types and entities are refused");
      }
    } else {
      return read_start();
    }
  }
}

bool XmlReader::skip() {
  const std::size_t outside = open_.size() - 1;
  while (open_.size() > outside || is_empty_element_) {
    const Token token = next();
    if (token == Token::failed || token == Token::eof) return false;
  }
  return true;
}

}  // namespace kit::xlsx::detail
