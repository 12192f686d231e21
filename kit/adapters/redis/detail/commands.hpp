// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/redis.hpp"
#include "kit/base/result.hpp"

namespace kit::redis::detail {

/// Where a command may be sent.
enum class Use : std::uint8_t {
  any,
  own,        ///< Only on a connection of its own: it changes the connection, or waits.
  subscribe,  ///< Only by `Client::subscribe`.
  never,      ///< What would make answers and commands lose one another.
};

/// Where the keys of a command are.
enum class Keys : std::uint8_t {
  first,      ///< Only its first argument.
  second,     ///< Only its second.
  all,        ///< All arguments.
  but_last,   ///< All but the last one.
  pairs,      ///< Every other one.
  two,        ///< The first two.
  counted_1,  ///< As many as the first argument says.
  counted_2,  ///< The first, and as many as the second argument says.
  script,     ///< As many as the second argument says, and not the first.
  from_2,     ///< From the second on.
  streams,    ///< The first half behind STREAMS.
  none,
  each_node,  ///< None; what it answers is of one node.
};

struct CommandInfo {
  std::string_view name{};
  Keys keys = Keys::first;
  Use use = Use::any;
  bool is_read = false;
};

/// What is known of a command; of an unknown one that its first argument is its key.
CommandInfo find_command(Command words);
/// In the order of the command; none for what has none, or is too short.
std::vector<std::string_view> keys_of(const CommandInfo& info, Command words);
/// Fails with `invalid_argument` for no command, one that is too large, and `failed_precondition`
/// (REDIS_NOT_SHARED) for one that may not be sent there. `is_own`: a connection of its own.
Result<> check_command(const CommandInfo& info, Command words, std::size_t largest, bool is_own);

}  // namespace kit::redis::detail
