// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/quote.hpp"

#include <cstdint>

namespace kitgen::model {
namespace {

constexpr char32_t replacement = 0xFFFD;
constexpr std::string_view hex = "0123456789abcdef";

/// The next code point; a byte that is not UTF-8 reads as U+FFFD.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at++);
  if (first < 0x80) return first;
  const int more = first >= 0xF0 && first < 0xF5   ? 3
                   : first >= 0xE0 && first < 0xF0 ? 2
                   : first >= 0xC2 && first < 0xE0 ? 1
                                                   : 0;
  if (more == 0 || at + static_cast<std::size_t>(more) > text.size()) return replacement;
  char32_t value = first & (0x3FU >> more);
  for (int i = 0; i < more; ++i) {
    const unsigned char next = byte(at + static_cast<std::size_t>(i));
    if ((next & 0xC0U) != 0x80U) return replacement;
    value = (value << 6U) | (next & 0x3FU);
  }
  const char32_t smallest = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
  if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
    return replacement;
  at += static_cast<std::size_t>(more);
  return value;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t bits) {
    out += static_cast<char>(static_cast<unsigned char>(bits));
  };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6U));
    put(0x80 | (c & 0x3FU));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12U));
    put(0x80 | ((c >> 6U) & 0x3FU));
    put(0x80 | (c & 0x3FU));
  } else {
    put(0xF0 | (c >> 18U));
    put(0x80 | ((c >> 12U) & 0x3FU));
    put(0x80 | ((c >> 6U) & 0x3FU));
    put(0x80 | (c & 0x3FU));
  }
}

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0);
}
bool is_line_separator(char32_t c) {
  return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}
bool is_invisible(char32_t c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E ||
         c == 0x200F || c == 0xFEFF;
}

void append_u16(std::string& out, char32_t unit) {
  out += "\\u";
  for (unsigned shift = 16; shift > 0; shift -= 4) out += hex[(unit >> (shift - 4)) & 0xFU];
}

/// ASCII with \uXXXX escapes: JSON, TypeScript.
std::string utf16_escaped(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c >= 0x20 && c < 0x7F && c != '<' && c != '>') {  // no </script> as such
      out += static_cast<char>(c);
    } else if (c < 0x10000) {
      append_u16(out, c);
    } else {
      append_u16(out, 0xD800 + ((c - 0x10000) >> 10U));
      append_u16(out, 0xDC00 + ((c - 0x10000) & 0x3FFU));
    }
  }
  return out + "\"";
}

/// ASCII with three-digit octal escapes of the UTF-8 bytes, which unlike \x never swallow what
/// follows: C++, proto.
std::string byte_escaped(std::string_view text) {
  std::string utf8;
  for (std::size_t i = 0; i < text.size();) append_utf8(utf8, next_code_point(text, i));
  std::string out = "\"";
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\' || c == '?') {  // '?': no trigraphs
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else {
      out += '\\';
      out += static_cast<char>('0' + (byte >> 6U));
      out += static_cast<char>('0' + ((byte >> 3U) & 7U));
      out += static_cast<char>('0' + (byte & 7U));
    }
  }
  return out + "\"";
}

void append_word(std::vector<std::string>& lines, std::string_view word, std::size_t width) {
  if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width) lines.emplace_back();
  if (!lines.back().empty()) lines.back() += ' ';
  lines.back() += word;
}

}  // namespace

std::string cpp_string(std::string_view text) {
  return byte_escaped(text);
}
std::string proto_string(std::string_view text) {
  return byte_escaped(text);
}
std::string json_string(std::string_view text) {
  return utf16_escaped(text);
}
std::string ts_string(std::string_view text) {
  return utf16_escaped(text);
}

std::string cpp_comment(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (is_line_separator(c) || c == '\t') {
      out += ' ';
    } else if (is_control(c) || is_invisible(c)) {
      continue;
    } else if ((c == '/' && out.ends_with('*')) || (c == '*' && out.ends_with('/'))) {
      out += ' ';
      out += static_cast<char>(c);
    } else {
      append_utf8(out, c);
    }
  }
  while (out.ends_with('\\') || out.ends_with(' ')) out.pop_back();
  // A trigraph that is a backslash at the end of the line.
  if (out.ends_with("?\?/")) out += '.';
  return out;
}

std::vector<std::string> comment_lines(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string safe = cpp_comment(text.substr(start, end - start));
    lines.emplace_back();
    for (std::size_t from = 0; from < safe.size();) {
      const std::size_t blank = std::min(safe.find(' ', from), safe.size());
      if (blank > from)
        append_word(lines, std::string_view(safe).substr(from, blank - from), width);
      from = blank + 1;
    }
    start = end + 1;
  }
  // A line may have ended in front of a word that ends in a backslash.
  for (std::string& line : lines) {
    while (line.ends_with('\\')) line.pop_back();
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::string sql_ident(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '\0') continue;
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string sql_literal(std::string_view text) {
  std::string out = "'";
  for (std::size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    if (is_control(c)) continue;
    if (c == '\'') out += '\'';
    append_utf8(out, c);
  }
  return out + "'";
}

}  // namespace kitgen::model
