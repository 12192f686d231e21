// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <string_view>
#include <utility>

namespace kit {

/// What stands in logs, dumps and documents in the place of a secret.
inline constexpr std::string_view hidden_secret = "***";

/// A value that is never printed: streams, logs, JSON and configuration dumps show "***". Only
/// `reveal()` gives it.
template <class T>
class Secret {
 public:
  using value_type = T;

  Secret() = default;
  explicit Secret(T value) : value_(std::move(value)) {}
  /// `{.secret = "..."}`: what is written in a program becomes secret by itself.
  Secret(const char* literal)
    requires std::constructible_from<T, const char*>
      : value_(literal) {}
  /// The secret itself, for the one place that needs it.
  const T& reveal() const { return value_; }

  template <class Stream>
  friend Stream& operator<<(Stream& stream, const Secret&) {
    stream << hidden_secret;
    return stream;
  }

 private:
  T value_{};
};

}  // namespace kit
