// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "kit/base/result.hpp"
#include "kit/queue/queue.hpp"

namespace kit::queue {

inline constexpr std::size_t most_messages = 1'000;  ///< In one `publish` or `receive`.
inline constexpr std::size_t most_topics = 64;       ///< Of one consumer.
inline constexpr std::size_t topic_limit = 249;      ///< And of a group's name.
inline constexpr std::size_t key_limit = 1'024;
inline constexpr std::size_t payload_limit = 1'048'576;
inline constexpr std::size_t id_limit = 128;    ///< Visible ASCII.
inline constexpr std::size_t type_limit = 128;  ///< Letters, digits and "._-".
inline constexpr std::size_t most_headers = 32;
inline constexpr std::size_t header_name_limit = 64;      ///< Of `[a-z0-9_-]`.
inline constexpr std::size_t header_value_limit = 1'024;  ///< Visible ASCII and blanks.

/// Headers that adapters carry the other parts of a message in: not for others.
bool is_reserved_header(std::string_view name);

/// Fails with `invalid_argument` (MESSAGE_INVALID) that names the first part that is past a limit.
Result<> check(const Message& message);
/// All of them, and how many they are.
Result<> check(std::span<const Message> messages);

/// Fails with `invalid_argument` (TOPIC_INVALID): empty, too long, another character, "." or "..",
/// or "__" at its beginning, which brokers keep for themselves.
Result<> check_topic(std::string_view topic);
/// The same for what `subscribe` is called with; a topic twice is refused too.
Result<> check_subscription(std::string_view group, std::span<const std::string> topics);

/// Bytes a message counts for where memory is bounded.
std::size_t weight(const Message& message);

}  // namespace kit::queue
