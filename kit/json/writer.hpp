// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "kit/base/decimal.hpp"
#include "kit/base/id.hpp"
#include "kit/base/secret.hpp"
#include "kit/base/time.hpp"
#include "kit/base/uuid.hpp"

namespace kit::json {

/// A member name that needs no escaping, checked when compiled: what generated code writes names
/// with.
class Name {
 public:
  template <std::size_t N>
  consteval Name(const char (&text)[N]) : text_(text, N - 1) {
    for (char c : text_) {
      if (c < 0x20 || c > 0x7E || c == '"' || c == '\\') throw "a JSON name literal is plain ASCII";
    }
  }
  constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

/// Appends JSON to a string; puts the commas itself.
///
///     json::Writer writer(body);
///     writer.begin_object();
///     writer.member("id", customer.id);
///     writer.member("email", customer.email);
///     writer.end_object();
///
/// What is nested how is up to the caller and not checked. Decimals, times, durations and uuids are
/// written as strings in their wire form, so that no client rounds them. Bytes that are no UTF-8
/// become U+FFFD: the output is always well-formed. Lifetime: `out` outlives the writer. Cost: no
/// allocation but the growth of `out`.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  /// Takes back the end of the object that was just written, for more members.
  void reopen_object();
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  /// The name of the next value, known when compiled. Cost: one copy.
  void member(Name name) { name_next(name.text()); }
  /// A name with its value; what values mostly are goes with its name in one step.
  template <class T>
  void member(Name name, const T& what) {
    if constexpr (std::signed_integral<T> && !std::same_as<T, char>) {
      int64_member(name.text(), what);
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
      string_member(name.text(), what);
    } else if constexpr (std::same_as<T, Timestamp>) {
      timestamp_member(name.text(), what);
    } else if constexpr (std::same_as<T, Decimal>) {
      decimal_member(name.text(), what);
    } else {
      member(name);
      value(what);
    }
  }
  template <class Tag, class Rep>
  void member(Name name, const Id<Tag, Rep>& id) {
    member(name, id.value());
  }
  template <class T>
  void member(Name name, const std::optional<T>& optional) {
    if (optional) {
      member(name, *optional);
    } else {
      null_member(name.text());
    }
  }

  /// The name of the next value, escaped where needed.
  void key(std::string_view name) {
    string(name);
    out_.push_back(':');
    comma_ = false;
  }

  void null() { literal("null"); }
  void boolean(bool value) { value ? literal("true") : literal("false"); }
  void int64(std::int64_t value);
  void uint64(std::uint64_t value);
  /// Shortest text that reads back as the same number; null for NaN and infinities, which JSON
  /// lacks.
  void float64(double value);
  void float32(float value);
  void string(std::string_view value);
  void decimal(const Decimal& value);
  /// `value` is JSON already.
  void raw(std::string_view value) { literal(value); }

  void value(std::nullptr_t) { null(); }
  void value(std::same_as<bool> auto value) { boolean(value); }
  template <std::integral T>
    requires(!std::same_as<T, bool> && !std::same_as<T, char>)
  void value(T number) {
    if constexpr (std::signed_integral<T>) {
      int64(number);
    } else {
      uint64(number);
    }
  }
  void value(double number) { float64(number); }
  void value(float number) { float32(number); }
  void value(std::string_view text) { string(text); }
  void value(const std::string& text) { string(text); }
  void value(const char* text) { string(text); }
  void value(const Decimal& number) { decimal(number); }
  void value(const Timestamp& instant);
  void value(const Date& date) { quoted(date.to_string()); }
  void value(const TimeOfDay& time) { quoted(time.to_string()); }
  void value(std::chrono::microseconds duration) { quoted(format_duration(duration)); }
  void value(const Uuid& uuid) { quoted(uuid.to_string()); }
  template <class Tag, class Rep>
  void value(const Id<Tag, Rep>& id) {
    value(id.value());
  }
  template <class T>
  void value(const Secret<T>&) {
    quoted(hidden_secret);
  }
  /// By the name that `to_string` gives.
  template <class E>
    requires std::is_enum_v<E>
  void value(E name) {
    string(to_string(name));
  }
  template <class T>
  void value(const std::vector<T>& values) {
    begin_array();
    for (const auto& each : values) value(each);
    end_array();
  }
  template <class T>
  void value(const std::optional<T>& optional) {
    optional ? value(*optional) : null();
  }

 private:
  /// Appends at most `most` bytes; `fill(to)` writes them and returns the place behind.
  template <class Fill>
  void extend(std::size_t most, Fill fill) {
    const std::size_t size = out_.size();
    out_.resize_and_overwrite(size + most, [&](char* data, std::size_t) {
      return static_cast<std::size_t>(fill(data + size) - data);
    });
  }
  void separate() {
    if (comma_) out_.push_back(',');
    comma_ = true;
  }
  void open(char bracket) {
    separate();
    out_.push_back(bracket);
    comma_ = false;
  }
  void close(char bracket) {
    out_.push_back(bracket);
    comma_ = true;
  }
  void literal(std::string_view text) {
    separate();
    out_.append(text);
  }
  void name_next(std::string_view name);
  void null_member(std::string_view name);
  void int64_member(std::string_view name, std::int64_t what);
  void string_member(std::string_view name, std::string_view what);
  void timestamp_member(std::string_view name, const Timestamp& what);
  void decimal_member(std::string_view name, const Decimal& what);
  /// The comma, if one is due, and a name with its colon; `extend` has made room.
  char* put_name(char* to, std::string_view name);
  void quoted(std::string_view plain);
  void escape_rest(std::string_view text);

  std::string& out_;
  bool comma_ = false;
};

}  // namespace kit::json
