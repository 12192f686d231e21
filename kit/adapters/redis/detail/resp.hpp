// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/options.hpp"
#include "kit/adapters/redis/reply.hpp"
#include "kit/base/result.hpp"

namespace kit::redis::detail {

/// Reads the values of RESP2 and RESP3 from bytes in any pieces. Attributes are skipped, streamed
/// strings and aggregates refused: no server sends them. A failed one stays failed. What a length
/// promises takes no memory before it comes.
class RespParser {
 public:
  explicit RespParser(const ReplyLimits& limits) : limits_(limits) {}

  /// The next value; nothing when it takes more than `input`, all of which is then kept. What
  /// stands behind the value is left in `input`. Fails with `unavailable`: REDIS_PROTOCOL_ERROR, or
  /// REDIS_REPLY_TOO_LARGE past a limit.
  Result<std::optional<Reply>> next(std::string_view& input);
  /// Whether it has a part of a value.
  bool is_inside() const { return !line_.empty() || bulk_left_.has_value() || !open_.empty(); }

 private:
  /// An aggregate whose items come.
  struct Open {
    Reply::Kind kind;
    std::size_t left;
    bool is_attribute;
    std::vector<Reply> items;
  };
  enum class Bulk : std::uint8_t { text, verbatim, error };

  Result<bool> step(std::string_view& input);
  Result<bool> take_line(std::string_view& input);
  Result<bool> take_bulk(std::string_view& input);
  Result<> read_line(std::string_view line);
  Result<> begin_bulk(Bulk kind, std::string_view length);
  Result<> end_bulk();
  Result<> begin_aggregate(char type, std::string_view length);
  Result<std::size_t> length(std::string_view text, std::size_t most, std::string_view what) const;
  Result<> count(std::size_t bytes);
  Result<> put(Reply reply);

  const ReplyLimits limits_;
  std::string line_;                      // the part of a line that has come
  std::string bulk_;                      // the part of a bulk string that has come
  std::optional<std::size_t> bulk_left_;  // with its end of line
  Bulk bulk_kind_ = Bulk::text;
  std::vector<Open> open_;
  std::optional<Reply> done_;
  std::size_t elements_ = 0;
  std::size_t bytes_ = 0;
  std::optional<Error> failure_;
};

/// Appends a command as servers read it.
void write_command(std::string& out, std::span<const std::string_view> words);
/// How many bytes that takes.
std::size_t command_size(std::span<const std::string_view> words);

}  // namespace kit::redis::detail
