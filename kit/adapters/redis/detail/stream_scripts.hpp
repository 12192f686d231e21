// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kit/adapters/redis/script.hpp"

namespace kit::redis::detail {

// What is done to a stream, each at once. Keys of one call are of one partition, or of one topic.

/// KEYS: count. ARGV: wanted. How many partitions the topic has.
const Script& count_script();
/// KEYS: stream. ARGV: most kept, then for each message how many words and these. Yields how many
/// were added: all, or none when there is no room for all.
const Script& publish_script();
/// KEYS: members. ARGV: member, how long one counts in ms. How many there are.
const Script& member_script();
/// KEYS: stream. ARGV: group. Has the group read the stream from its beginning.
const Script& group_script();
/// Takes or keeps the lease and reads; with a count of 0 it does not read. KEYS: stream, lease.
/// ARGV: group, member, lease in ms, number of the call, after ('>': what is new; an id: what is
/// pending behind it), count, ids of pending ones to leave out. Yields state ("other", "late",
/// "new": read from "0-0", "mine"), entries, how often each was delivered, the last pending id that
/// was looked at (empty: there was none), and how many of the group's are gone.
const Script& take_script();
/// KEYS: stream, lease. ARGV: group, member, lease in ms, ids. 1; 0: it is another member's.
const Script& acknowledge_script();
/// KEYS: lease. ARGV: member, number of the call.
const Script& release_script();

}  // namespace kit::redis::detail
