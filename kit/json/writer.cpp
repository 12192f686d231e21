// SPDX-License-Identifier: Apache-2.0
#include "kit/json/writer.hpp"

#include <charconv>
#include <cmath>

#include "kit/base/json_text.hpp"
#include "kit/base/text.hpp"

namespace kit::json {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t longest_number = 32;  // shortest round trip of a double takes at most 24

void append_escape(std::string& out, char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00");
      out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
      out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
}

}  // namespace

void Writer::int64(std::int64_t value) {
  separate();
  extend(longest_number, [&](char* to) {
    return static_cast<std::size_t>(std::to_chars(to, to + longest_number, value).ptr - to);
  });
}

void Writer::uint64(std::uint64_t value) {
  separate();
  extend(longest_number, [&](char* to) {
    return static_cast<std::size_t>(std::to_chars(to, to + longest_number, value).ptr - to);
  });
}

void Writer::float64(double value) {
  if (!std::isfinite(value)) return null();
  separate();
  extend(longest_number, [&](char* to) {
    return static_cast<std::size_t>(std::to_chars(to, to + longest_number, value).ptr - to);
  });
}

void Writer::float32(float value) {
  if (!std::isfinite(value)) return null();
  separate();
  extend(longest_number, [&](char* to) {
    return static_cast<std::size_t>(std::to_chars(to, to + longest_number, value).ptr - to);
  });
}

void Writer::quoted(std::string_view plain) {
  const bool comma = comma_;
  comma_ = true;
  extend(plain.size() + 3, [&](char* to) {
    char* const start = to;
    if (comma) *to++ = ',';
    *to++ = '"';
    std::memcpy(to, plain.data(), plain.size());
    to += plain.size();
    *to++ = '"';
    return static_cast<std::size_t>(to - start);
  });
}

void Writer::string(std::string_view value) {
  if (json_plain_prefix(value) == value.size()) return quoted(value);
  escape(value);
}

void Writer::escape(std::string_view text) {
  separate();
  out_.push_back('"');
  while (!text.empty()) {
    std::size_t plain = json_plain_prefix(text);
    out_.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      append_escape(out_, text.front());
      text.remove_prefix(1);
    } else if (std::size_t length = utf8_sequence(text); length > 0) {
      out_.append(text.substr(0, length));
      text.remove_prefix(length);
    } else {
      out_.append(replacement);
      text.remove_prefix(1);
    }
  }
  out_.push_back('"');
}

}  // namespace kit::json
