// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace kit::log {

/// Whether a field of this name is never shown: password, access_token, Set-Cookie, signing_key ...
constexpr bool is_secret_key(std::string_view key) {
  if (key.empty() || std::string_view("nNeEdDtTyYsS").find(key.back()) == std::string_view::npos) {
    return false;
  }
  constexpr std::size_t longest = 16;  // the end of a name is enough
  if (key.size() > longest) key.remove_prefix(key.size() - longest);
  std::array<char, longest> folded{};
  for (std::size_t i = 0; i < key.size(); ++i) {
    const char c = key[i];
    folded[i] = c == '-' ? '_' : c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  const std::string_view end(folded.data(), key.size());
  switch (end.back()) {
    case 'n':
      return end.ends_with("authorization") || end.ends_with("token") || end.ends_with("dsn");
    case 'e':
      return end.ends_with("cookie") || end.ends_with("passphrase");
    case 'd':
      return end.ends_with("password") || end.ends_with("passwd") || end == "pwd";
    case 't':
      return end.ends_with("secret");
    case 'y':
      return end.ends_with("_key") || end.ends_with("apikey");
    default:
      return end.ends_with("credentials") || end.ends_with("cookies");
  }
}

/// The name of a field. What has to be known of a literal is found out when it is compiled.
class Key {
 public:
  template <std::size_t N>
  consteval Key(const char (&literal)[N]) : Key(std::string_view(literal, N - 1)) {}
  template <std::convertible_to<std::string_view> Text>
  constexpr Key(const Text& text) : Key(static_cast<std::string_view>(text)) {}
  constexpr Key(std::string_view text)
      : text_(text),
        is_plain_(all_plain(text)),
        is_secret_(is_secret_key(text)),
        is_own_(is_own(text)) {}

  constexpr std::string_view text() const { return text_; }
  /// Needs no escape.
  constexpr bool is_plain() const { return is_plain_; }
  constexpr bool is_secret() const { return is_secret_; }
  /// The name of something that every line has.
  constexpr bool is_own() const { return is_own_; }

 private:
  static constexpr bool all_plain(std::string_view text) {
    for (const char c : text) {
      if (c < 0x20 || c > 0x7E || c == '"' || c == '\\') return false;
    }
    return true;
  }
  static constexpr bool is_own(std::string_view text) {
    for (const std::string_view own : {"time", "level", "module", "message", "trace_id", "span_id",
                                       "request_id", "user", "left_out"}) {
      if (text == own) return true;
    }
    return false;
  }

  std::string_view text_;
  bool is_plain_;
  bool is_secret_;
  bool is_own_;
};

}  // namespace kit::log
