// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <compare>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/secret.hpp"

namespace kit::config {

/// A size in bytes: "512", "64KiB", "1MiB", "2GiB" (and kB, MB, GB for the decimal units).
struct Bytes {
  std::uint64_t count = 0;
  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};

/// What a layer says about a setting, before it has a type.
struct Raw {
  enum class Kind : std::uint8_t { text, list, map, empty };
  Kind kind = Kind::text;
  std::string text;
  std::vector<std::string> items;                            // of a list
  std::vector<std::pair<std::string, std::string>> members;  // of a map
  /// From the environment or the command line, where lists are "a,b" and maps "k=v,k=v".
  bool is_one_line = false;

  /// For a message: "'80a'", "a list", shortened and without control characters.
  std::string shown() const;
};

std::optional<bool> parse_bool(const Raw& raw);
std::optional<std::int64_t> parse_signed(const Raw& raw);
std::optional<std::uint64_t> parse_unsigned(const Raw& raw);
std::optional<double> parse_number(const Raw& raw);
std::optional<std::string> parse_text(const Raw& raw);
/// "250ms", "5s", "1h30m"; units ns us ms s m h d; "0" needs none.
std::optional<std::chrono::nanoseconds> parse_span(const Raw& raw);
std::optional<Bytes> parse_bytes(const Raw& raw);
std::optional<std::vector<std::string>> parse_list(const Raw& raw);
std::optional<std::map<std::string, std::string>> parse_map(const Raw& raw);

std::string format_span(std::chrono::nanoseconds span);
std::string format_bytes(Bytes bytes);
std::string format_number(double number);
std::string format_list(const std::vector<std::string>& list);
std::string format_map(const std::map<std::string, std::string>& map);

/// How a type is read from and shown as configuration; specialise it for types of your own.
///
/// `type` is for the reference ("duration"), `expected` for messages ("a duration such as 250ms,
/// 5s, 2m or 1h").
template <class T>
struct Codec;

template <>
struct Codec<bool> {
  static constexpr std::string_view type = "boolean";
  static std::string expected() { return "true or false"; }
  static std::optional<bool> parse(const Raw& raw) { return parse_bool(raw); }
  static std::string format(bool value) { return value ? "true" : "false"; }
};

template <std::integral T>
struct Codec<T> {
  static constexpr std::string_view type = "integer";
  static std::string expected() { return "a whole number"; }
  static std::optional<T> parse(const Raw& raw) {
    if constexpr (std::signed_integral<T>) {
      auto wide = parse_signed(raw);
      if (wide && std::in_range<T>(*wide)) return static_cast<T>(*wide);
    } else {
      auto wide = parse_unsigned(raw);
      if (wide && std::in_range<T>(*wide)) return static_cast<T>(*wide);
    }
    return std::nullopt;
  }
  static std::string format(T value) { return std::to_string(value); }
};

template <>
struct Codec<double> {
  static constexpr std::string_view type = "number";
  static std::string expected() { return "a number"; }
  static std::optional<double> parse(const Raw& raw) { return parse_number(raw); }
  static std::string format(double value) { return format_number(value); }
};

template <>
struct Codec<std::string> {
  static constexpr std::string_view type = "string";
  static std::string expected() { return "a text"; }
  static std::optional<std::string> parse(const Raw& raw) { return parse_text(raw); }
  static std::string format(const std::string& value) { return value; }
};

template <class T>
struct Codec<Secret<T>> {
  static constexpr std::string_view type = "secret";
  static std::string expected() { return Codec<T>::expected(); }
  static std::optional<Secret<T>> parse(const Raw& raw) {
    auto value = Codec<T>::parse(raw);
    if (!value) return std::nullopt;
    return Secret<T>(*std::move(value));
  }
  static std::string format(const Secret<T>& value) {
    return Codec<T>::format(value.reveal()).empty() ? std::string() : std::string(hidden_secret);
  }
};

template <class Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  static constexpr std::string_view type = "duration";
  static std::string expected() { return "a duration such as 250ms, 5s, 2m or 1h"; }
  static std::optional<Duration> parse(const Raw& raw) {
    auto span = parse_span(raw);
    if (!span) return std::nullopt;
    auto value = std::chrono::duration_cast<Duration>(*span);
    if (value != *span) return std::nullopt;  // finer than the setting
    return value;
  }
  static std::string format(Duration value) {
    return format_span(std::chrono::duration_cast<std::chrono::nanoseconds>(value));
  }
};

template <>
struct Codec<Bytes> {
  static constexpr std::string_view type = "size";
  static std::string expected() { return "a size such as 512, 64KiB or 1MiB"; }
  static std::optional<Bytes> parse(const Raw& raw) { return parse_bytes(raw); }
  static std::string format(Bytes value) { return format_bytes(value); }
};

template <>
struct Codec<std::vector<std::string>> {
  static constexpr std::string_view type = "list";
  static std::string expected() { return "a list of texts"; }
  static auto parse(const Raw& raw) { return parse_list(raw); }
  static std::string format(const std::vector<std::string>& value) { return format_list(value); }
};

template <>
struct Codec<std::map<std::string, std::string>> {
  static constexpr std::string_view type = "map";
  static std::string expected() { return "a mapping of names to texts"; }
  static auto parse(const Raw& raw) { return parse_map(raw); }
  static std::string format(const std::map<std::string, std::string>& value) {
    return format_map(value);
  }
};

}  // namespace kit::config
