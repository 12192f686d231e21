// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/slots.hpp"

#include <gtest/gtest.h>

#include "kit/adapters/redis/detail/commands.hpp"

namespace kit::redis::detail {
namespace {

Reply node(std::string host, std::int64_t port) {
  return Reply::aggregate(Reply::Kind::array,
                          {Reply::text(std::move(host)), Reply::integer(port), Reply::text("id")});
}

Reply range(std::int64_t first, std::int64_t last, std::vector<Reply> nodes) {
  std::vector<Reply> items = {Reply::integer(first), Reply::integer(last)};
  items.insert(items.end(), nodes.begin(), nodes.end());
  return Reply::aggregate(Reply::Kind::array, std::move(items));
}

Reply array(std::vector<Reply> items) {
  return Reply::aggregate(Reply::Kind::array, std::move(items));
}

TEST(SlotsTest, KeysHaveTheSlotsThatServersGiveThem) {
  // As CLUSTER KEYSLOT says.
  EXPECT_EQ(slot_of("123456789"), 0x31C3);
  EXPECT_EQ(slot_of("foo"), 12'182);
  EXPECT_EQ(slot_of(""), 0);
  EXPECT_EQ(slot_of("{user1000}.following"), slot_of("user1000"));
  EXPECT_EQ(slot_of("foo{}{bar}"), 8'363);
  EXPECT_EQ(slot_of("foo{{bar}}zap"), slot_of("{bar"));
  EXPECT_EQ(slot_of("foo{bar}{zap}"), slot_of("bar"));
  EXPECT_EQ(slot_of("foo{bar"), slot_of("foo{bar"));
}

TEST(SlotsTest, AMapIsReadOrRefused) {
  const Address asked{"10.0.0.1", 7000};
  const Reply good =
      array({range(0, 5'000, {node("a", 1), node("b", 2)}), range(5'001, 16'382, {node("", 7'001)}),
             range(16'383, 16'383, {node("a", 1)})});
  auto map = parse_slots(good, asked);
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(map->shards.size(), 2u);
  EXPECT_EQ(map->find(5'000)->primary, (Address{"a", 1}));
  EXPECT_EQ(map->find(5'000)->replicas, (std::vector<Address>{{"b", 2}}));
  EXPECT_EQ(map->find(5'001)->primary, (Address{"10.0.0.1", 7'001}));
  EXPECT_EQ(map->find(16'383)->primary.host, "a");
  for (const Reply& wrong :
       {array({}), Reply(), Reply::error("CLUSTERDOWN x"), array({Reply::integer(1)}),
        array({range(0, 16'384, {node("a", 1)})}), array({range(-1, 1, {node("a", 1)})}),
        array({range(2, 1, {node("a", 1)})}), array({range(0, 1, {})}),
        array({range(0, 1, {node("a", 0)})}), array({range(0, 1, {node("a", 65'536)})}),
        array({range(0, 1, {node("?", 1)})}), array({range(0, 1, {array({})})})}) {
    EXPECT_FALSE(parse_slots(wrong, asked).ok());
  }
}

TEST(SlotsTest, RedirectionsAreReadOrRefused) {
  const Address from{"me", 7000};
  auto moved = parse_redirection("MOVED 3999 127.0.0.1:6381", from);
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->slot, 3'999);
  EXPECT_EQ(moved->to, (Address{"127.0.0.1", 6'381}));
  EXPECT_EQ(parse_redirection("ASK 1 :6381", from)->to, (Address{"me", 6'381}));
  EXPECT_EQ(parse_redirection("MOVED 1 ::1:6381", from)->to, (Address{"::1", 6'381}));
  for (const std::string_view wrong :
       {"MOVED", "MOVED 1", "MOVED x a:1", "MOVED 16384 a:1", "MOVED -1 a:1", "MOVED 1 a",
        "MOVED 1 a:0", "MOVED 1 a:65536", "MOVED 1 ?:1", "ERR MOVED 1 a:1", ""})
    EXPECT_FALSE(parse_redirection(wrong, from)) << wrong;
}

TEST(SlotsTest, AMapIsRefreshedOnceASecondAtMost) {
  SlotTable table({{"seed", 1}});
  const auto now = Clock::time_point() + std::chrono::hours(1);
  EXPECT_TRUE(table.begin_refresh(now));
  EXPECT_FALSE(table.begin_refresh(now + std::chrono::seconds(5)));  // one at a time
  table.end_refresh(Error(Code::unavailable, "nobody"));
  EXPECT_FALSE(table.begin_refresh(now + std::chrono::milliseconds(999)));
  EXPECT_TRUE(table.begin_refresh(now + std::chrono::milliseconds(1'000)));
  table.end_refresh(std::nullopt);
  EXPECT_FALSE(table.begin_refresh(now + std::chrono::seconds(9)));  // no doubt
  table.doubt();
  EXPECT_TRUE(table.begin_refresh(now + std::chrono::seconds(9)));
  table.end_refresh(std::nullopt);
}

TEST(SlotsTest, ANodeThatNamesAnotherIsBelievedAtOnce) {
  SlotTable table({{"seed", 1}});
  const std::uint64_t before = table.version();
  table.move({7, {"a", 1}});
  EXPECT_NE(table.version(), before);
  EXPECT_EQ(table.map()->find(7)->primary, (Address{"a", 1}));
  EXPECT_EQ(table.map()->find(8), nullptr);
  const std::uint64_t after = table.version();
  table.move({7, {"a", 1}});
  EXPECT_EQ(table.version(), after);
  EXPECT_EQ(table.whom_to_ask().size(), 2u);
  EXPECT_NE(table.whom_to_ask().front(), table.whom_to_ask().front());
}

TEST(SlotsTest, WhoWaitsForARefreshIsTold) {
  SlotTable table({{"seed", 1}});
  int told = 0;
  EXPECT_FALSE(table.when_refreshed([&] { ++told; }));
  EXPECT_TRUE(table.begin_refresh(Clock::time_point()));
  EXPECT_TRUE(table.when_refreshed([&] { ++told; }));
  EXPECT_EQ(told, 0);
  table.end_refresh(std::nullopt);
  EXPECT_EQ(told, 1);
}

using Words = std::vector<std::string_view>;

TEST(CommandsTest, KeysAreFound) {
  const auto check = [](Words words, const Words& expected) {
    EXPECT_EQ(keys_of(find_command(words), words), expected) << words[0];
  };
  check({"get", "k"}, {"k"});
  check({"GET"}, {});
  check({"MGET", "a", "b"}, {"a", "b"});
  check({"MSET", "a", "1", "b", "2"}, {"a", "b"});
  check({"BLPOP", "a", "b", "0"}, {"a", "b"});
  check({"EVAL", "return 1", "2", "a", "b", "x"}, {"a", "b"});
  check({"EVAL", "return 1", "0", "x"}, {});
  check({"EVALSHA", "hash", "999", "a"}, {"a"});
  check({"EVAL", "return 1", "-1", "a"}, {});
  check({"ZUNIONSTORE", "to", "2", "a", "b", "WEIGHTS", "1", "2"}, {"to", "a", "b"});
  check({"BLMPOP", "0", "2", "a", "b", "LEFT"}, {"a", "b"});
  check({"SINTERCARD", "2", "a", "b", "LIMIT", "1"}, {"a", "b"});
  check({"BITOP", "AND", "to", "a"}, {"to", "a"});
  check({"XREAD", "COUNT", "2", "STREAMS", "a", "b", "0", "0"}, {"a", "b"});
  check({"XREADGROUP", "GROUP", "streams", "c", "STREAMS", "a", ">"}, {"a"});
  check({"XREADGROUP", "GROUP", "g", "c", "STREAMS"}, {});
  check({"XINFO", "STREAM", "s"}, {"s"});
  check({"RENAME", "a", "b"}, {"a", "b"});
  check({"PING"}, {});
  check({"PUBLISH", "channel", "x"}, {});
  check({"MODULE.COMMAND", "k", "x"}, {"k"});
}

TEST(CommandsTest, OnlyWhatChangesNothingIsARead) {
  for (const std::string_view word : {"GET", "mget", "HGETALL", "LRANGE", "XRANGE", "ZSCORE",
                                      "EXISTS", "TTL", "SMEMBERS", "EVAL_RO", "PING"})
    EXPECT_TRUE(is_read(Words{word, "k"})) << word;
  for (const std::string_view word :
       {"SET", "DEL", "INCR", "GETDEL", "GETEX", "GETSET", "EXPIRE", "EVAL", "EVALSHA", "XADD",
        "XREADGROUP", "PUBLISH", "RPOP", "SPOP", "NOSUCH", "SORT", "TOUCH", "XACK", "XCLAIM"})
    EXPECT_FALSE(is_read(Words{word, "k"})) << word;
  EXPECT_FALSE(is_read(Words{}));
}

TEST(CommandsTest, WhatBelongsOnItsOwnConnectionIsRefusedElsewhere) {
  const auto reason = [](Words words, bool is_own) {
    const auto result = check_command(find_command(words), words, 1'000, is_own);
    return result.ok() ? std::string("fine") : result.error().reason();
  };
  for (const std::string_view word : {"BLPOP", "MULTI", "exec", "WATCH", "SELECT", "AUTH", "HELLO",
                                      "WAIT", "READONLY", "ASKING"}) {
    EXPECT_EQ(reason({word, "x"}, false), "REDIS_NOT_SHARED") << word;
    EXPECT_EQ(reason({word, "x"}, true), "fine") << word;
  }
  for (const std::string_view word : {"MONITOR", "SYNC", "PSYNC", "QUIT", "RESET", "SUBSCRIBE",
                                      "psubscribe", "SSUBSCRIBE", "UNSUBSCRIBE", "MIGRATE"}) {
    EXPECT_EQ(reason({word, "x"}, false), "REDIS_NOT_SHARED") << word;
    EXPECT_EQ(reason({word, "x"}, true), "REDIS_NOT_SHARED") << word;
  }
  EXPECT_EQ(reason({"CLIENT", "REPLY", "OFF"}, true), "REDIS_NOT_SHARED");
  EXPECT_EQ(reason({"CLIENT", "TRACKING", "ON"}, false), "REDIS_NOT_SHARED");
  EXPECT_EQ(reason({"CLIENT", "list"}, false), "fine");
  EXPECT_EQ(reason({"XREAD", "BLOCK", "0", "STREAMS", "s", "$"}, false), "REDIS_NOT_SHARED");
  EXPECT_EQ(reason({"XREAD", "STREAMS", "BLOCK", "0"}, false), "fine");
  EXPECT_EQ(reason({"XREADGROUP", "GROUP", "BLOCK", "c", "STREAMS", "s", ">"}, false),
            "REDIS_NOT_SHARED");
}

TEST(CommandsTest, ALargeCommandIsRefused) {
  const std::string value(100, 'x');
  const Words words = {"SET", "k", value};
  EXPECT_TRUE(check_command(find_command(words), words, 128, false).ok());
  EXPECT_EQ(check_command(find_command(words), words, 127, false).error().reason(),
            "REDIS_COMMAND_TOO_LARGE");
  EXPECT_FALSE(check_command({}, Words{}, 128, false).ok());
  EXPECT_FALSE(check_command({}, Words{""}, 128, false).ok());
}

}  // namespace
}  // namespace kit::redis::detail
