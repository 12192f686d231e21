// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "kit/adapters/redis/detail/engine.hpp"

namespace kit::redis::detail {

/// How often one command is sent to another node that a node named.
inline constexpr int most_redirections = 5;

/// Who has `slot` (nobody in particular without one), a replica for `is_read` where the options say
/// so. Asks the cluster first when nothing is known of it. Fails with `unavailable`
/// (REDIS_SLOT_UNSERVED) when nobody is known to have it.
Task<std::shared_ptr<Node>> find_node(std::shared_ptr<Thread> thread,
                                      std::optional<std::uint16_t> slot, bool is_read);

/// A node has sent one elsewhere: where to, or nothing when the reply is another one.
struct Elsewhere {
  std::shared_ptr<Node> node{};
  bool asking = false;
};
std::optional<Elsewhere> redirected(Thread& thread, const Node& from, const Reply& reply);

/// The one slot of `keys`; nothing without keys. Fails with `invalid_argument` (REDIS_CROSSSLOT).
Result<std::optional<std::uint16_t>> slot_of_keys(const std::vector<std::string_view>& keys);

/// One command, in a cluster.
Task<Reply> cluster_command(std::shared_ptr<Thread> thread, Command words, CommandInfo info,
                            std::optional<std::string_view> key);
Task<std::vector<Reply>> cluster_pipeline(std::shared_ptr<Thread> thread, Commands commands);

}  // namespace kit::redis::detail
