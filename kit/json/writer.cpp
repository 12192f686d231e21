// SPDX-License-Identifier: Apache-2.0
#include "kit/json/writer.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

#include "kit/base/assert.hpp"
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

char* put(char* to, std::string_view text) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

template <class T>
char* put_number(char* to, T value) {
  return std::to_chars(to, to + longest_number, value).ptr;
}

template <class T>
char* put_quoted(char* to, const T& value) {
  *to++ = '"';
  to = value.write_to(to);
  *to++ = '"';
  return to;
}

constexpr std::size_t around_name = 4;  // comma, quotes, colon

}  // namespace

char* Writer::put_name(char* to, std::string_view name) {
  if (comma_) *to++ = ',';
  *to++ = '"';
  to = put(to, name);
  *to++ = '"';
  *to++ = ':';
  return to;
}

void Writer::name_next(std::string_view name) {
  extend(name.size() + around_name, [&](char* to) { return put_name(to, name); });
  comma_ = false;
}

void Writer::null_member(std::string_view name) {
  extend(name.size() + around_name + 4, [&](char* to) { return put(put_name(to, name), "null"); });
  comma_ = true;
}

void Writer::int64_member(std::string_view name, std::int64_t what) {
  extend(name.size() + around_name + longest_number,
         [&](char* to) { return put_number(put_name(to, name), what); });
  comma_ = true;
}

void Writer::timestamp_member(std::string_view name, const Timestamp& what) {
  extend(name.size() + around_name + Timestamp::text_size + 2,
         [&](char* to) { return put_quoted(put_name(to, name), what); });
  comma_ = true;
}

void Writer::decimal_member(std::string_view name, const Decimal& what) {
  extend(name.size() + around_name + Decimal::max_text_size + 2,
         [&](char* to) { return put_quoted(put_name(to, name), what); });
  comma_ = true;
}

void Writer::string_member(std::string_view name, std::string_view what) {
  std::size_t plain = 0;
  extend(name.size() + around_name + what.size() + 2, [&](char* to) {
    to = put_name(to, name);
    *to++ = '"';
    plain = copy_json_plain_prefix(to, what);
    to += plain;
    if (plain == what.size()) *to++ = '"';
    return to;
  });
  comma_ = true;
  if (plain < what.size()) escape_rest(what.substr(plain));
}

void Writer::reopen_object() {
  KIT_ASSERT(out_.ends_with('}'), "an object was just written");
  out_.pop_back();
  comma_ = !out_.ends_with('{');
}

void Writer::int64(std::int64_t value) {
  separate();
  extend(longest_number, [&](char* to) { return put_number(to, value); });
}

void Writer::uint64(std::uint64_t value) {
  separate();
  extend(longest_number, [&](char* to) { return put_number(to, value); });
}

void Writer::float64(double value) {
  if (!std::isfinite(value)) return null();
  separate();
  extend(longest_number, [&](char* to) { return put_number(to, value); });
}

void Writer::float32(float value) {
  if (!std::isfinite(value)) return null();
  separate();
  extend(longest_number, [&](char* to) { return put_number(to, value); });
}

void Writer::decimal(const Decimal& value) {
  separate();
  extend(Decimal::max_text_size + 2, [&](char* to) { return put_quoted(to, value); });
}

void Writer::value(const Timestamp& instant) {
  separate();
  extend(Timestamp::text_size + 2, [&](char* to) { return put_quoted(to, instant); });
}

void Writer::quoted(std::string_view plain) {
  separate();
  extend(plain.size() + 2, [&](char* to) {
    *to++ = '"';
    to = put(to, plain);
    *to++ = '"';
    return to;
  });
}

void Writer::string(std::string_view value) {
  if (json_plain_prefix(value) == value.size()) return quoted(value);
  separate();
  out_.push_back('"');
  escape_rest(value);
}

/// With the quote that ends it.
void Writer::escape_rest(std::string_view text) {
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
