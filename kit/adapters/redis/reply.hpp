// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"

namespace kit::redis {

/// What a server answers with: one value, or several inside one another. RESP2 and RESP3 give the
/// same where they can. The accessors fail with `internal` (REDIS_UNEXPECTED_REPLY) when the value
/// is of another kind, and with the server's error when it is one.
class Reply {
 public:
  enum class Kind : std::uint8_t {
    null,
    text,     ///< Simple, bulk and verbatim strings, and big numbers: bytes.
    integer,  ///< 64 bits.
    real,
    boolean,
    array,  ///< Sets too.
    map,    ///< Keys and values in turn in `items()`. RESP2 has arrays instead.
    push,   ///< What a server sends by itself.
    error,
  };

  Reply() = default;
  static Reply text(std::string value) { return Reply(Kind::text, std::move(value)); }
  static Reply error(std::string text) { return Reply(Kind::error, std::move(text)); }
  static Reply integer(std::int64_t value) { return Reply(Kind::integer, value); }
  static Reply boolean(bool value) { return Reply(Kind::boolean, value ? 1 : 0); }
  static Reply real(double value);
  /// `kind`: array, map or push.
  static Reply aggregate(Kind kind, std::vector<Reply> items);

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_error() const { return kind_ == Kind::error; }

  /// The text as it came: of a text or of an error.
  const std::string& bytes() const { return text_; }
  std::string take_bytes() { return std::move(text_); }
  /// Of arrays, maps and pushes; empty for all others.
  const std::vector<Reply>& items() const { return items_; }
  std::vector<Reply> take_items() { return std::move(items_); }

  Result<std::string> as_text() const;
  /// Nothing for null.
  Result<std::optional<std::string>> as_optional_text() const;
  /// Also of a text that is a number.
  Result<std::int64_t> as_integer() const;
  Result<double> as_real() const;
  /// Also of 0 and 1.
  Result<bool> as_boolean() const;
  Result<std::vector<std::string>> as_texts() const;
  Result<std::vector<std::optional<std::string>>> as_optional_texts() const;
  /// Of a map, or an array of keys and values in turn.
  Result<std::vector<std::pair<std::string, std::string>>> as_pairs() const;
  /// The error it is. Only when `is_error()`.
  Error to_error() const;

  friend bool operator==(const Reply&, const Reply&) = default;

 private:
  Reply(Kind kind, std::string value) : kind_(kind), text_(std::move(value)) {}
  Reply(Kind kind, std::int64_t value) : kind_(kind), integer_(value) {}
  Error other_than(std::string_view wanted) const;

  Kind kind_ = Kind::null;
  std::int64_t integer_ = 0;  // of a real its bits
  std::string text_;
  std::vector<Reply> items_;
};

/// "array" and the like, for messages.
std::string_view name(Reply::Kind kind);

}  // namespace kit::redis
