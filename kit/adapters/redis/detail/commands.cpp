// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/commands.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "kit/adapters/redis/detail/resp.hpp"
#include "kit/base/text.hpp"

namespace kit::redis::detail {
namespace {

constexpr CommandInfo read(std::string_view name, Keys keys = Keys::first) {
  return {name, keys, Use::any, true};
}
constexpr CommandInfo write(std::string_view name, Keys keys) {
  return {name, keys, Use::any, false};
}
constexpr CommandInfo own(std::string_view name, Keys keys = Keys::none) {
  return {name, keys, Use::own, false};
}
constexpr CommandInfo subscribe(std::string_view name) {
  return {name, Keys::none, Use::subscribe, false};
}
constexpr CommandInfo never(std::string_view name) {
  return {name, Keys::none, Use::never, false};
}

/// Sorted by name. What is not here changes something, and its first argument is its key.
constexpr std::array commands = {
    own("ASKING"),
    own("AUTH"),
    read("BITCOUNT"),
    write("BITOP", Keys::from_2),
    read("BITPOS"),
    own("BLMOVE", Keys::two),
    own("BLMPOP", Keys::counted_2),
    own("BLPOP", Keys::but_last),
    own("BRPOP", Keys::but_last),
    own("BRPOPLPUSH", Keys::two),
    own("BZMPOP", Keys::counted_2),
    own("BZPOPMAX", Keys::but_last),
    own("BZPOPMIN", Keys::but_last),
    write("CLIENT", Keys::none),
    write("CLUSTER", Keys::none),
    read("COMMAND", Keys::none),
    write("CONFIG", Keys::each_node),
    write("COPY", Keys::two),
    read("DBSIZE", Keys::each_node),
    write("DEL", Keys::all),
    own("DISCARD"),
    read("DUMP"),
    read("ECHO", Keys::none),
    write("EVAL", Keys::script),
    write("EVALSHA", Keys::script),
    read("EVALSHA_RO", Keys::script),
    read("EVAL_RO", Keys::script),
    own("EXEC"),
    read("EXISTS", Keys::all),
    read("EXPIRETIME"),
    write("FCALL", Keys::script),
    read("FCALL_RO", Keys::script),
    write("FLUSHALL", Keys::each_node),
    write("FLUSHDB", Keys::each_node),
    read("GEODIST"),
    read("GEOHASH"),
    read("GEOPOS"),
    read("GEOSEARCH"),
    write("GEOSEARCHSTORE", Keys::two),
    read("GET"),
    read("GETBIT"),
    read("GETRANGE"),
    own("HELLO"),
    read("HEXISTS"),
    read("HGET"),
    read("HGETALL"),
    read("HKEYS"),
    read("HLEN"),
    read("HMGET"),
    read("HRANDFIELD"),
    read("HSCAN"),
    read("HSTRLEN"),
    read("HVALS"),
    read("INFO", Keys::none),
    read("KEYS", Keys::each_node),
    read("LASTSAVE", Keys::each_node),
    read("LCS", Keys::two),
    read("LINDEX"),
    read("LLEN"),
    write("LMOVE", Keys::two),
    write("LMPOP", Keys::counted_1),
    read("LPOS"),
    read("LRANGE"),
    write("MEMORY", Keys::second),
    read("MGET", Keys::all),
    never("MIGRATE"),
    never("MONITOR"),
    write("MSET", Keys::pairs),
    write("MSETNX", Keys::pairs),
    own("MULTI"),
    read("OBJECT", Keys::second),
    read("PEXPIRETIME"),
    read("PFCOUNT", Keys::all),
    write("PFMERGE", Keys::all),
    read("PING", Keys::none),
    subscribe("PSUBSCRIBE"),
    never("PSYNC"),
    read("PTTL"),
    write("PUBLISH", Keys::none),
    read("PUBSUB", Keys::none),
    subscribe("PUNSUBSCRIBE"),
    never("QUIT"),
    read("RANDOMKEY", Keys::each_node),
    own("READONLY"),
    own("READWRITE"),
    write("RENAME", Keys::two),
    write("RENAMENX", Keys::two),
    never("REPLCONF"),
    never("RESET"),
    read("ROLE", Keys::none),
    write("RPOPLPUSH", Keys::two),
    read("SCAN", Keys::each_node),
    read("SCARD"),
    write("SCRIPT", Keys::each_node),
    read("SDIFF", Keys::all),
    write("SDIFFSTORE", Keys::all),
    own("SELECT"),
    read("SINTER", Keys::all),
    read("SINTERCARD", Keys::counted_1),
    write("SINTERSTORE", Keys::all),
    read("SISMEMBER"),
    read("SMEMBERS"),
    read("SMISMEMBER"),
    write("SMOVE", Keys::two),
    read("SORT_RO"),
    read("SRANDMEMBER"),
    read("SSCAN"),
    subscribe("SSUBSCRIBE"),
    read("STRLEN"),
    subscribe("SUBSCRIBE"),
    read("SUNION", Keys::all),
    write("SUNIONSTORE", Keys::all),
    subscribe("SUNSUBSCRIBE"),
    never("SYNC"),
    read("TIME", Keys::none),
    write("TOUCH", Keys::all),
    read("TTL"),
    read("TYPE"),
    write("UNLINK", Keys::all),
    subscribe("UNSUBSCRIBE"),
    own("UNWATCH"),
    own("WAIT"),
    own("WATCH", Keys::all),
    write("XGROUP", Keys::second),
    read("XINFO", Keys::second),
    read("XLEN"),
    read("XPENDING"),
    read("XRANGE"),
    read("XREAD", Keys::streams),
    write("XREADGROUP", Keys::streams),
    read("XREVRANGE"),
    read("ZCARD"),
    read("ZCOUNT"),
    read("ZDIFF", Keys::counted_1),
    write("ZDIFFSTORE", Keys::counted_2),
    read("ZINTER", Keys::counted_1),
    read("ZINTERCARD", Keys::counted_1),
    write("ZINTERSTORE", Keys::counted_2),
    read("ZLEXCOUNT"),
    write("ZMPOP", Keys::counted_1),
    read("ZMSCORE"),
    read("ZRANDMEMBER"),
    read("ZRANGE"),
    read("ZRANGEBYLEX"),
    read("ZRANGEBYSCORE"),
    write("ZRANGESTORE", Keys::two),
    read("ZRANK"),
    read("ZREVRANGE"),
    read("ZREVRANGEBYLEX"),
    read("ZREVRANGEBYSCORE"),
    read("ZREVRANK"),
    read("ZSCAN"),
    read("ZSCORE"),
    read("ZUNION", Keys::counted_1),
    write("ZUNIONSTORE", Keys::counted_2),
};
static_assert(std::ranges::is_sorted(commands, {}, &CommandInfo::name));

constexpr std::size_t longest_name = 32;

bool has_word(Command words, std::string_view wanted) {
  return std::ranges::any_of(words, [&](std::string_view word) { return iequals(word, wanted); });
}

/// STREAMS stands behind options and before keys, which may have its name.
std::size_t streams_at(Command words) {
  std::size_t i = 1;
  if (!words.empty() && iequals(words[0], "XREADGROUP")) i = 4;  // GROUP name consumer
  for (; i < words.size(); ++i) {
    if (iequals(words[i], "STREAMS")) return i;
  }
  return words.size();
}

std::span<const std::string_view> some(Command words, std::size_t from, std::size_t count) {
  if (from >= words.size()) return {};
  return words.subspan(from, std::min(count, words.size() - from));
}

std::size_t number_at(Command words, std::size_t at) {
  if (at >= words.size()) return 0;
  const auto number = parse_int(words[at]);
  return number && *number > 0 ? static_cast<std::size_t>(*number) : 0;
}

std::vector<std::string_view> copied(std::span<const std::string_view> words) {
  return {words.begin(), words.end()};
}

Error not_shared(std::string_view what, std::string_view instead) {
  return Error(Code::failed_precondition,
               std::string(what) + " cannot be sent here: " + std::string(instead))
      .with_reason("REDIS_NOT_SHARED");
}

}  // namespace

CommandInfo find_command(Command words) {
  CommandInfo unknown;
  if (words.empty() || words[0].size() > longest_name) return unknown;
  std::array<char, longest_name> upper;
  const std::string_view name = words[0];
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    upper[i] = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  const std::string_view wanted(upper.data(), name.size());
  const auto found = std::ranges::lower_bound(commands, wanted, {}, &CommandInfo::name);
  if (found == commands.end() || found->name != wanted) return unknown;
  CommandInfo info = *found;
  if (info.keys == Keys::streams) {
    const Command options = words.first(streams_at(words));
    if (has_word(options, "BLOCK")) info.use = Use::own;
  }
  if (info.name == "CLIENT" && words.size() > 1) {
    constexpr std::array<std::string_view, 6> harmless = {"ID",      "INFO", "LIST",
                                                          "GETNAME", "KILL", "UNPAUSE"};
    const auto is_word = [&](std::string_view word) { return iequals(word, words[1]); };
    if (iequals(words[1], "REPLY")) {
      info.use = Use::never;
    } else if (std::ranges::none_of(harmless, is_word)) {
      info.use = Use::own;
    }
  }
  return info;
}

std::vector<std::string_view> keys_of(const CommandInfo& info, Command words) {
  const std::size_t arguments = words.empty() ? 0 : words.size() - 1;
  switch (info.keys) {
    case Keys::none:
    case Keys::each_node:
      return {};
    case Keys::first:
      return copied(some(words, 1, 1));
    case Keys::second:
      return copied(some(words, 2, 1));
    case Keys::two:
      return copied(some(words, 1, 2));
    case Keys::all:
      return copied(some(words, 1, arguments));
    case Keys::from_2:
      return copied(some(words, 2, arguments));
    case Keys::but_last:
      return copied(some(words, 1, arguments > 0 ? arguments - 1 : 0));
    case Keys::counted_1:
      return copied(some(words, 2, number_at(words, 1)));
    case Keys::script:
      return copied(some(words, 3, number_at(words, 2)));
    case Keys::counted_2: {
      auto keys = copied(some(words, 3, number_at(words, 2)));
      // BLMPOP and BZMPOP have a time to wait there.
      if (info.use == Use::any) keys.insert(keys.begin(), words.size() > 1 ? words[1] : "");
      return keys;
    }
    case Keys::pairs: {
      std::vector<std::string_view> keys;
      for (std::size_t i = 1; i < words.size(); i += 2) keys.push_back(words[i]);
      return keys;
    }
    case Keys::streams: {
      const std::size_t first = streams_at(words) + 1;
      return copied(some(words, first, first < words.size() ? (words.size() - first) / 2 : 0));
    }
  }
  return {};
}

Result<> check_command(const CommandInfo& info, Command words, std::size_t largest, bool is_own) {
  if (words.empty() || words[0].empty())
    return Error(Code::invalid_argument, "a command of Redis without a name");
  const std::size_t size = command_size(words);
  if (size > largest) {
    return Error(Code::invalid_argument, "a command of Redis has " + std::to_string(size) +
                                             " bytes, at most " + std::to_string(largest) +
                                             " are sent")
        .with_reason("REDIS_COMMAND_TOO_LARGE");
  }
  switch (info.use) {
    case Use::any:
      return {};
    case Use::own:
      if (is_own) return {};
      return not_shared(info.name, "use blocking(), transaction() or a session");
    case Use::subscribe:
      return not_shared(info.name, "use subscribe()");
    case Use::never:
      return not_shared(info.name, "it would end what the connection is for");
  }
  return {};
}

}  // namespace kit::redis::detail

namespace kit::redis {

bool is_read(Command words) {
  return detail::find_command(words).is_read;
}

}  // namespace kit::redis
