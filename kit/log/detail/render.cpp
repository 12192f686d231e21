// SPDX-License-Identifier: Apache-2.0
#include "kit/log/detail/render.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "kit/base/digits.hpp"
#include "kit/base/json_text.hpp"
#include "kit/base/text.hpp"
#include "kit/base/text_writer.hpp"
#include "kit/base/time.hpp"

namespace kit::log::detail {
namespace {

constexpr std::string_view cut_mark = "...";

/// Code points that could forge or hide parts of a line: C1 controls, bidirectional marks, line and
/// paragraph separator.
bool is_harmful(std::uint32_t code_point) {
  return (code_point >= 0x80 && code_point <= 0x9F) || code_point == 0x061C ||
         code_point == 0x200E || code_point == 0x200F ||
         (code_point >= 0x2028 && code_point <= 0x202E) ||
         (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0xFEFF;
}

/// Of a well-formed sequence of 2 or 3 bytes; 0 for longer ones, which are never harmful.
std::uint32_t short_code_point(std::string_view sequence) {
  auto bits = [&](std::size_t i, unsigned mask) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(sequence[i]) & mask);
  };
  if (sequence.size() == 2) return bits(0, 0x1F) << 6 | bits(1, 0x3F);
  if (sequence.size() == 3) return bits(0, 0x0F) << 12 | bits(1, 0x3F) << 6 | bits(2, 0x3F);
  return 0;
}

void append_unicode_escape(TextWriter& out, std::uint32_t code_point) {
  constexpr std::string_view digits = "0123456789abcdef";
  out.append("\\u");
  for (unsigned shift : {12U, 8U, 4U, 0U}) out.push_back(digits[(code_point >> shift) & 15]);
}

void append_ascii_escape(TextWriter& out, char c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
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
      append_unicode_escape(out, static_cast<unsigned char>(c));
  }
}

/// As in a JSON string, without the quotes.
void append_escaped(TextWriter& out, std::string_view text) {
  bool cut = text.size() > max_text;
  if (cut) text = text.substr(0, max_text);
  while (true) {
    char* const to = out.room(text.size());
    const std::size_t plain = copy_printable_prefix(to, text);
    out.advance_to(to + plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    std::size_t length = utf8_sequence(text);
    if (static_cast<unsigned char>(text.front()) < 0x80) {
      append_ascii_escape(out, text.front());
    } else if (length == 0) {
      if (!cut || text.size() > 3)
        out.append("\xEF\xBF\xBD");  // U+FFFD, but not for a cut through a character
      length = 1;
    } else if (std::uint32_t code_point = short_code_point(text.substr(0, length));
               is_harmful(code_point)) {
      append_unicode_escape(out, code_point);
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(length);
  }
  if (cut) out.append(cut_mark);
}

void append_quoted(TextWriter& out, std::string_view text) {
  out.push_back('"');
  append_escaped(out, text);
  out.push_back('"');
}

template <class T>
void append_number(TextWriter& out, T value) {
  constexpr std::size_t longest = 32;
  char* const to = out.room(longest);
  out.advance_to(std::to_chars(to, to + longest, value).ptr);
}

/// RFC 3339 with microseconds. All but the fraction is remembered per thread for the length of a
/// second.
void append_time(TextWriter& out, std::int64_t time_us) {
  constexpr std::size_t whole = 20;  // "2026-11-23T19:36:57."
  thread_local std::int64_t known_second = -1;
  thread_local std::array<char, Timestamp::text_size> known_text;
  const std::int64_t second = time_us / 1'000'000;
  if (second != known_second) {
    Timestamp{std::chrono::seconds{second}}.write_to(known_text.data());
    known_second = second;
  }
  char* to = out.room(Timestamp::text_size);
  std::memcpy(to, known_text.data(), whole);
  to = put_digits<6>(to + whole, static_cast<std::uint32_t>(time_us % 1'000'000));
  *to++ = 'Z';
  out.advance_to(to);
}

template <std::size_t N>
std::string_view id_text(const std::array<char, N>& id) {
  return id[0] == '\0' ? std::string_view() : std::string_view(id.data(), N);
}

/// Calls `put(key, text)` for each id the context has.
template <class Put>
void each_id(const LogContext* context, Put put) {
  if (context == nullptr) return;
  if (auto id = id_text(context->trace_id); !id.empty()) put("trace_id", id);
  if (auto id = id_text(context->span_id); !id.empty()) put("span_id", id);
  if (!context->request_id.empty()) put("request_id", context->request_id);
  if (!context->user.empty()) put("user", context->user);
}

/// "0.0015": never with an exponent.
void append_seconds(TextWriter& out, std::chrono::nanoseconds duration) {
  constexpr std::uint64_t second = 1'000'000'000;
  auto count = static_cast<std::uint64_t>(duration.count());
  if (duration.count() < 0) {
    out.push_back('-');
    count = 0 - count;
  }
  append_number(out, count / second);
  const auto fraction = static_cast<std::uint32_t>(count % second);
  if (fraction == 0) return;
  char* const to = out.room(10);
  *to = '.';
  char* end = put_digits<9>(to + 1, fraction);
  while (end[-1] == '0') --end;
  out.advance_to(end);
}

void append_readable(TextWriter& out, std::chrono::nanoseconds duration) {
  auto count = static_cast<double>(duration.count());
  auto with_unit = [&](double unit, std::string_view unit_name) {
    append_number(out, std::round(count / unit * 1000) / 1000);
    out.append(unit_name);
  };
  double size = std::abs(count);
  if (size < 1e3) return with_unit(1, "ns");
  if (size < 1e6) return with_unit(1e3, "us");
  if (size < 1e9) return with_unit(1e6, "ms");
  with_unit(1e9, "s");
}

/// Numbers and booleans, alike in both forms; false for the other kinds.
bool append_plain_value(TextWriter& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null:
      out.append("null");
      return true;
    case Value::Kind::boolean:
      out.append(value.boolean() ? "true" : "false");
      return true;
    case Value::Kind::int64:
      append_number(out, value.int64());
      return true;
    case Value::Kind::uint64:
      append_number(out, value.uint64());
      return true;
    case Value::Kind::float64:
      if (std::isfinite(value.float64())) {
        append_number(out, value.float64());
      } else {
        out.append("null");
      }
      return true;
    default:
      return false;
  }
}

void append_json_key(TextWriter& out, const Key& key) {
  out.append(",\"");
  if (key.is_plain()) {
    out.append(key.text());
  } else {
    append_escaped(out, key.text());
  }
  if (key.is_own()) out.push_back('_');  // no name twice in one object
  out.append("\":");
}

void append_json_value(TextWriter& out, const Value& value) {
  if (append_plain_value(out, value)) return;
  switch (value.kind()) {
    case Value::Kind::text:
      append_quoted(out, value.text());
      break;
    case Value::Kind::error:
      append_quoted(out, value.error().describe());
      break;
    default:
      append_seconds(out, value.duration());
  }
}

void render_json(TextWriter& out, const Record& record) {
  out.append(R"({"time":")");
  append_time(out, record.time_us);
  out.append(R"(","level":")");
  out.append(name(record.level));
  out.append(R"(","module":")");
  append_escaped(out, record.module);
  out.append(R"(","message":")");
  append_escaped(out, record.message);
  out.push_back('"');
  each_id(record.context, [&](std::string_view key, std::string_view id) {
    out.append(",\"");
    out.append(key);
    out.append("\":");
    append_quoted(out, id);
  });
  const std::size_t start = out.size();
  for (const Field& field : record.fields) {
    if (out.size() - start > max_fields) {
      out.append(R"(,"fields_cut":true)");
      break;
    }
    append_json_key(out, field.key);
    append_json_value(out, field.key.is_secret() ? Value(hidden_secret) : field.value);
  }
  if (record.left_out > 0) {
    out.append(",\"left_out\":");
    append_number(out, record.left_out);
  }
  out.append("}\n");
}

/// Without quotes where that is clear enough.
void append_console_text(TextWriter& out, std::string_view text) {
  bool bare = !text.empty() && text.size() < max_text && text.find_first_of(" ='") == text.npos &&
              printable_prefix(text) == text.size();
  if (bare) {
    out.append(text);
  } else {
    append_quoted(out, text);
  }
}

void append_console_value(TextWriter& out, const Value& value) {
  if (append_plain_value(out, value)) return;
  switch (value.kind()) {
    case Value::Kind::text:
      append_console_text(out, value.text());
      break;
    case Value::Kind::error:
      append_console_text(out, value.error().describe());
      break;
    default:
      append_readable(out, value.duration());
  }
}

struct Colours {
  std::string_view level;
  std::string_view dim;
  std::string_view off;
};

Colours colours_of(Style style, Level level) {
  if (style != Style::coloured) return {};
  constexpr std::array<std::string_view, 6> by_level = {"\x1b[90m", "\x1b[36m",   "\x1b[32m",
                                                        "\x1b[33m", "\x1b[1;31m", ""};
  return {by_level[static_cast<std::size_t>(level)], "\x1b[90m", "\x1b[0m"};
}

void pad(TextWriter& out, std::size_t used, std::size_t width) {
  for (; used < width; ++used) out.push_back(' ');
}

void render_console(TextWriter& out, Style style, const Record& record) {
  constexpr std::size_t module_width = 6;
  const Colours colours = colours_of(style, record.level);
  auto key = [&](std::string_view text) {
    out.push_back(' ');
    out.append(colours.dim);
    append_escaped(out, text);
    out.push_back('=');
    out.append(colours.off);
  };
  out.append(colours.dim);
  append_time(out, record.time_us);
  out.append(colours.off);
  out.push_back(' ');
  std::string_view level = name(record.level);
  out.append(colours.level);
  out.append(level);
  out.append(colours.off);
  pad(out, level.size(), 5);
  out.append(" ");
  append_escaped(out, record.module);
  pad(out, record.module.size(), module_width);
  out.append(" ");
  append_escaped(out, record.message);
  const std::size_t start = out.size();
  for (const Field& field : record.fields) {
    if (out.size() - start > max_fields) {
      out.append(" fields_cut=true");
      break;
    }
    key(field.key.text());
    append_console_value(out, field.key.is_secret() ? Value(hidden_secret) : field.value);
  }
  if (record.left_out > 0) {
    key("left_out");
    append_number(out, record.left_out);
  }
  each_id(record.context, [&](std::string_view id_key, std::string_view id) {
    key(id_key);
    append_console_text(out, id);
  });
  out.append("\n");
}

}  // namespace

void render(std::string& line, Style style, const Record& record) {
  TextWriter out(line);
  if (style == Style::json) {
    render_json(out, record);
  } else {
    render_console(out, style, record);
  }
}

}  // namespace kit::log::detail
