// SPDX-License-Identifier: Apache-2.0
#include "kit/json/reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "kit/base/assert.hpp"
#include "kit/base/json_text.hpp"
#include "kit/base/text.hpp"
#include "kit/json/writer.hpp"

namespace kit::json {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  auto byte = [&](std::uint32_t value) { out.push_back(static_cast<char>(value)); };
  auto tail = [&](unsigned shift) { byte(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    byte(code_point);
  } else if (code_point < 0x800) {
    byte(0xC0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    byte(0xE0 | (code_point >> 12));
    tail(6);
    tail(0);
  } else {
    byte(0xF0 | (code_point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

/// What stands at the start of `rest`, for a message.
std::string describe_found(std::string_view rest) {
  if (rest.empty()) return "the end of the input";
  auto c = static_cast<unsigned char>(rest.front());
  std::size_t length = utf8_sequence(rest);
  if (c > 0x20 && c != 0x7F && length > 0) return "'" + std::string(rest.substr(0, length)) + "'";
  if (c == ' ') return "a blank";
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "byte 0x";
  out.push_back(digits[c >> 4]);
  out.push_back(digits[c & 15]);
  return out;
}

/// `text` as a JSON string of a bearable length.
std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 64;
  std::string out;
  Writer(out).string(text.substr(0, longest));
  if (text.size() > longest) out.insert(out.size() - 1, "...");
  return out;
}

}  // namespace

std::string_view describe(Kind kind) {
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::boolean:
      return "a boolean";
    case Kind::number:
      return "a number";
    case Kind::string:
      return "a string";
    case Kind::array:
      return "an array";
    case Kind::object:
      return "an object";
    case Kind::none:
      break;
  }
  return "nothing";
}

Reader::Reader(std::string_view text)
    : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}
Reader::~Reader() = default;

bool Reader::fail(const char* expected) {
  if (!failed_) expected_ = expected;
  failed_ = true;
  return false;
}

bool Reader::fail_with(std::string message) {
  if (!failed_) message_ = std::move(message);
  failed_ = true;
  return false;
}

Error Reader::error() const {
  std::string_view before(begin_, static_cast<std::size_t>(at_ - begin_));
  auto line = std::count(before.begin(), before.end(), '\n') + 1;
  if (auto newline = before.rfind('\n'); newline != before.npos) before.remove_prefix(newline + 1);
  std::string text =
      "line " + std::to_string(line) + ", column " + std::to_string(utf8_length(before) + 1) + ": ";
  if (expected_ != nullptr) {
    std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    text.append("expected ").append(expected_).append(", found ").append(describe_found(rest));
  } else {
    text.append(message_);
  }
  return Error(Code::invalid_argument, std::move(text));
}

inline void Reader::skip_blanks() {
  if (at_ != end_ && static_cast<unsigned char>(*at_) > ' ') return;
  while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
}

Kind Reader::peek() {
  if (failed_ || !pending_) return Kind::none;
  skip_blanks();
  if (at_ == end_) return fail("a value"), Kind::none;
  switch (*at_) {
    case '{':
      return Kind::object;
    case '[':
      return Kind::array;
    case '"':
      return Kind::string;
    case 't':
    case 'f':
      return Kind::boolean;
    case 'n':
      return Kind::null;
    default:
      break;
  }
  if (*at_ == '-' || is_digit(*at_)) return Kind::number;
  if (at_ == begin_ && std::string_view(at_, end_).starts_with("\xEF\xBB\xBF")) {
    fail_with("the text starts with a byte order mark, which JSON does not allow");
  } else {
    fail("a value");
  }
  return Kind::none;
}

bool Reader::enter(Frame frame) {
  if (depth_ == max_depth) {
    return fail_with("nested deeper than " + std::to_string(max_depth) + " levels");
  }
  levels_[depth_++] = {frame, false, static_cast<std::uint32_t>(key_total_), 0,
                       static_cast<std::uint32_t>(key_texts_.size())};
  ++at_;
  pending_ = false;
  return true;
}

void Reader::leave() {
  const Level& level = levels_[--depth_];
  key_total_ = level.first_key;
  if (level.key_count > keys_compared_in_line) large_sets_.pop_back();
  while (key_texts_.size() > level.first_text) key_texts_.pop_back();
  ++at_;
}

/// Goes to where the next member or element starts; false at the end of the container and when the
/// text is malformed.
bool Reader::next_place(Frame frame, char closing) {
  if (failed_) return false;
  KIT_ASSERT(depth_ > 0 && levels_[depth_ - 1].frame == frame,
             "next_key() belongs to an object, next_element() to an array");
  if (pending_ && !skip_value()) return false;
  Level& level = levels_[depth_ - 1];
  skip_blanks();
  if (at_ != end_ && *at_ == closing) {
    leave();
    return false;
  }
  if (level.started) {
    if (at_ == end_ || *at_ != ',')
      return fail(frame == Frame::object ? "',' or '}'" : "',' or ']'");
    ++at_;
    skip_blanks();
  }
  level.started = true;
  return true;
}

bool Reader::begin_object() {
  return peek() == Kind::object && enter(Frame::object);
}
bool Reader::begin_array() {
  return peek() == Kind::array && enter(Frame::array);
}

bool Reader::next_element() {
  if (!next_place(Frame::array, ']')) return false;
  pending_ = true;
  return peek() != Kind::none;
}

std::optional<std::string_view> Reader::next_key() {
  if (!next_place(Frame::object, '}')) return std::nullopt;
  const char* const start = at_;
  auto key = scan_key();
  if (!key) return std::nullopt;
  const char* const after = at_;
  at_ = start;  // where a failure would be
  if (!add_key(*key)) return std::nullopt;
  at_ = after;
  skip_blanks();
  if (at_ == end_ || *at_ != ':') return fail("':' after the member name"), std::nullopt;
  ++at_;
  pending_ = true;
  return key;
}

std::optional<std::string_view> Reader::scan_key() {
  if (at_ == end_ || *at_ != '"') {
    return fail("a member name in double quotes"), std::nullopt;
  }
  auto key = scan_string(scratch_);
  if (key && key->data() == scratch_.data()) key = key_texts_.emplace_back(*key);
  return key;
}

inline Reader::KeyRef& Reader::key_ref(std::size_t index) {
  return index < inline_keys ? inline_keys_[index] : more_keys_[index - inline_keys];
}

/// Notes a key of the innermost object; false when the object has it already or has too many.
bool Reader::add_key(std::string_view key) {
  Level& level = levels_[depth_ - 1];
  bool fresh = true;
  if (level.key_count >= keys_compared_in_line) {
    if (level.key_count == keys_compared_in_line) {
      auto& set = large_sets_.emplace_back();
      for (std::size_t i = level.first_key; i < key_total_; ++i) {
        set.emplace(key_ref(i).data, key_ref(i).size);
      }
    }
    fresh = large_sets_.back().insert(key).second;
  } else {
    for (std::size_t i = level.first_key; i < key_total_ && fresh; ++i) {
      const KeyRef& known = key_ref(i);
      fresh = known.size != key.size() || std::string_view(known.data, known.size) != key;
    }
    if (key_total_ >= inline_keys) more_keys_.resize(key_total_ - inline_keys + 1);
    key_ref(key_total_++) = {key.data(), key.size()};
  }
  if (++level.key_count > max_members) {
    return fail_with("an object has more than " + std::to_string(max_members) + " members");
  }
  return fresh || fail_with("the member " + quoted(key) + " stands twice in one object");
}

/// Moves over characters that stand for themselves, to a quote or a backslash.
inline bool Reader::scan_plain(const char*& at) {
  while (true) {
    at += json_plain_prefix({at, static_cast<std::size_t>(end_ - at)});
    if (at != end_ && static_cast<unsigned char>(*at) >= 0x80) {
      std::size_t length = utf8_sequence({at, static_cast<std::size_t>(end_ - at)});
      at += length;
      if (length > 0) continue;
      at_ = at;
      return fail_with("the text is not well-formed UTF-8 here");
    }
    if (at != end_ && (*at == '"' || *at == '\\')) return true;
    at_ = at;
    return fail(at == end_ ? "a closing '\"'" : "an escape such as \\n for a control character");
  }
}

std::optional<std::string_view> Reader::scan_string(std::string& decoded) {
  const char* const start = at_ + 1;
  const char* at = start;
  if (!scan_plain(at)) return std::nullopt;
  std::string_view text(start, static_cast<std::size_t>(at - start));
  at_ = at;
  if (*at == '"') {
    ++at_;
    return text;
  }
  decoded.assign(text);
  if (!decode_rest(decoded)) return std::nullopt;
  return decoded;
}

bool Reader::decode_rest(std::string& decoded) {
  while (*at_ != '"') {
    if (!decode_escape(decoded)) return false;
    const char* const start = at_;
    const char* at = at_;
    if (!scan_plain(at)) return false;
    decoded.append(start, at);
    at_ = at;
  }
  ++at_;
  return true;
}

bool Reader::decode_escape(std::string& decoded) {
  ++at_;
  if (at_ == end_) return fail("an escape");
  switch (*at_) {
    case '"':
    case '\\':
    case '/':
      decoded.push_back(*at_);
      break;
    case 'b':
      decoded.push_back('\b');
      break;
    case 'f':
      decoded.push_back('\f');
      break;
    case 'n':
      decoded.push_back('\n');
      break;
    case 'r':
      decoded.push_back('\r');
      break;
    case 't':
      decoded.push_back('\t');
      break;
    case 'u':
      ++at_;
      return decode_unicode(decoded);
    default:
      return fail("one of \" \\ / b f n r t u after the backslash");
  }
  ++at_;
  return true;
}

/// After "\u": four digits, and a second escape when they are the first half of a pair.
bool Reader::decode_unicode(std::string& decoded) {
  const char* const start = at_ - 2;
  auto lone = [&] {
    at_ = start;
    return fail_with("a surrogate \\uD800 to \\uDFFF stands alone instead of in a pair");
  };
  auto unit = scan_hex4();
  if (!unit) return false;
  std::uint32_t code_point = *unit;
  if (code_point >= 0xDC00 && code_point <= 0xDFFF) return lone();
  if (code_point >= 0xD800 && code_point <= 0xDBFF) {
    if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return lone();
    at_ += 2;
    auto low = scan_hex4();
    if (!low) return false;
    if (*low < 0xDC00 || *low > 0xDFFF) return lone();
    code_point = 0x10000 + ((code_point - 0xD800) << 10) + (*low - 0xDC00);
  }
  append_utf8(decoded, code_point);
  return true;
}

std::optional<std::uint32_t> Reader::scan_hex4() {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    char c = at_ == end_ ? '\0' : *at_;
    std::uint32_t digit = 0;
    if (is_digit(c)) {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
      digit = static_cast<std::uint32_t>((c | 0x20) - 'a') + 10;
    } else {
      return fail("four hexadecimal digits after \\u"), std::nullopt;
    }
    value = value * 16 + digit;
  }
  return value;
}

std::optional<std::string_view> Reader::try_string() {
  if (peek() != Kind::string) return std::nullopt;
  auto text = scan_string(scratch_);
  if (text) pending_ = false;
  return text;
}

/// The number here, checked against the grammar and not yet taken.
std::optional<std::string_view> Reader::scan_number() {
  if (peek() != Kind::number) return std::nullopt;
  const char* at = at_;
  auto digits = [&] {
    if (at == end_ || !is_digit(*at)) {
      at_ = at;
      return fail("a digit");
    }
    while (at != end_ && is_digit(*at)) ++at;
    return true;
  };
  if (*at == '-') ++at;
  const char* const whole = at;
  if (!digits()) return std::nullopt;
  if (*whole == '0' && at - whole > 1) {
    at_ = whole;
    return fail_with("a number must not start with 0"), std::nullopt;
  }
  if (at != end_ && *at == '.') {
    ++at;
    if (!digits()) return std::nullopt;
  }
  if (at != end_ && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end_ && (*at == '+' || *at == '-')) ++at;
    if (!digits()) return std::nullopt;
  }
  return std::string_view(at_, static_cast<std::size_t>(at - at_));
}

template <class T>
std::optional<T> Reader::try_integer() {
  auto text = scan_number();
  if (!text) return std::nullopt;
  T value{};
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  at_ = end;
  pending_ = false;
  return value;
}

std::optional<std::int64_t> Reader::try_int64() {
  return try_integer<std::int64_t>();
}
std::optional<std::uint64_t> Reader::try_uint64() {
  return try_integer<std::uint64_t>();
}

std::optional<double> Reader::try_double() {
  auto text = scan_number();
  if (!text) return std::nullopt;
  auto value = parse_double(*text);
  if (!value) return std::nullopt;
  at_ += text->size();
  pending_ = false;
  return value;
}

std::optional<std::string_view> Reader::number_text() {
  auto text = scan_number();
  if (!text) return std::nullopt;
  at_ += text->size();
  pending_ = false;
  return text;
}

bool Reader::accept_word(const char* word, std::size_t size) {
  if (!std::string_view(at_, end_).starts_with(std::string_view(word, size))) return fail(word);
  at_ += size;
  pending_ = false;
  return true;
}

std::optional<bool> Reader::try_bool() {
  if (peek() != Kind::boolean) return std::nullopt;
  const bool value = *at_ == 't';
  if (!(value ? accept_word("true", 4) : accept_word("false", 5))) return std::nullopt;
  return value;
}

bool Reader::try_null() {
  return peek() == Kind::null && accept_word("null", 4);
}

bool Reader::skip_value() {
  switch (peek()) {
    case Kind::object:
      if (!enter(Frame::object)) return false;
      while (next_key()) skip_value();  // at most max_depth deep
      break;
    case Kind::array:
      if (!enter(Frame::array)) return false;
      while (next_element()) skip_value();
      break;
    case Kind::string:
      try_string();
      break;
    case Kind::number:
      number_text();
      break;
    case Kind::boolean:
      try_bool();
      break;
    case Kind::null:
      try_null();
      break;
    case Kind::none:
      break;
  }
  return !failed_;
}

std::optional<std::string_view> Reader::raw_value() {
  if (peek() == Kind::none) return std::nullopt;
  const char* const start = at_;
  if (!skip_value()) return std::nullopt;
  return std::string_view(start, static_cast<std::size_t>(at_ - start));
}

bool Reader::finish() {
  if (pending_) skip_value();
  while (!failed_ && depth_ > 0) {
    if (levels_[depth_ - 1].frame == Frame::object) {
      next_key();
    } else {
      next_element();
    }
  }
  if (failed_) return false;
  skip_blanks();
  return at_ == end_ || fail("the end of the input after the value");
}

}  // namespace kit::json
