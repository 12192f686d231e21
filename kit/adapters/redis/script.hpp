// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kit::redis {

/// A Lua script that servers keep by its hash (`Client::run`). A constant of a program: make it
/// once.
class Script {
 public:
  explicit Script(std::string text);

  const std::string& text() const { return text_; }
  /// SHA-1 in hexadecimal digits, as EVALSHA takes it.
  const std::string& hash() const { return hash_; }

 private:
  std::string text_;
  std::string hash_;
};

}  // namespace kit::redis
