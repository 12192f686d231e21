// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/resp.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace kit::redis::detail {
namespace {

/// "1", "'text'", "-ERR", "[1,null]", "{k:v}", "!push[..]".
std::string shown(const Reply& reply) {
  switch (reply.kind()) {
    case Reply::Kind::null:
      return "null";
    case Reply::Kind::text:
      return "'" + reply.bytes() + "'";
    case Reply::Kind::error:
      return "-" + reply.bytes();
    case Reply::Kind::integer:
      return std::to_string(reply.as_integer().value());
    case Reply::Kind::boolean:
      return reply.as_boolean().value() ? "true" : "false";
    case Reply::Kind::real: {
      const double value = reply.as_real().value();
      return std::isnan(value) ? "nan" : std::to_string(value);
    }
    default:
      break;
  }
  std::string text = reply.kind() == Reply::Kind::map    ? "{"
                     : reply.kind() == Reply::Kind::push ? "!["
                                                         : "[";
  for (const Reply& item : reply.items()) text += shown(item) + ",";
  if (!reply.items().empty()) text.pop_back();
  return text + (reply.kind() == Reply::Kind::map ? "}" : "]");
}

/// All values of `bytes`, which come `step` at a time; then the reason of an error, or "..." for a
/// value that has not ended.
std::string parse(std::string_view bytes, std::size_t step, const ReplyLimits& limits) {
  RespParser parser(limits);
  std::string all;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    std::string_view part = bytes.substr(at, step);
    while (!part.empty()) {
      auto reply = parser.next(part);
      if (!reply) {
        std::string_view more = "+OK\r\n";
        EXPECT_FALSE(parser.next(more).ok()) << "a failed one stays failed";
        return all + reply.error().reason();
      }
      if (*reply) all += shown(**reply) + ";";
    }
  }
  return parser.is_inside() ? all + "..." : all;
}

void check(std::string_view bytes, std::string_view expected, const ReplyLimits& limits = {}) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{7}, bytes.size()}) {
    EXPECT_EQ(parse(bytes, step, limits), expected) << "in steps of " << step;
  }
}

constexpr std::string_view bad = "REDIS_PROTOCOL_ERROR";
constexpr std::string_view large = "REDIS_REPLY_TOO_LARGE";

TEST(RespTest, EveryKindOfValue) {
  check("+OK\r\n+\r\n", "'OK';'';");
  check("-ERR no\r\n", "-ERR no;");
  check(":42\r\n:-7\r\n:+1\r\n:0\r\n", "42;-7;1;0;");
  check(":9223372036854775807\r\n:-9223372036854775808\r\n",
        "9223372036854775807;-9223372036854775808;");
  check("$5\r\na\r\nb\n\r\n$0\r\n\r\n$-1\r\n", "'a\r\nb\n';'';null;");
  check("*2\r\n:1\r\n$1\r\nx\r\n*0\r\n*-1\r\n", "[1,'x'];[];null;");
  check("_\r\n#t\r\n#f\r\n", "null;true;false;");
  check(",1.5\r\n,inf\r\n,-inf\r\n,nan\r\n,10\r\n,-2.5e3\r\n",
        "1.500000;inf;-inf;nan;10.000000;-2500.000000;");
  check("(-3492890328409238509324850943850943825024385\r\n",
        "'-3492890328409238509324850943850943825024385';");
  check("!8\r\nERR a\r\nb\r\n=8\r\ntxt:a\r\nb\r\n=4\r\nmkd:\r\n", "-ERR a\r\nb;'a\r\nb';'';");
  check("%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n_\r\n%0\r\n", "{'a',1,'b',[null]};{};");
  check("~2\r\n:1\r\n:2\r\n", "[1,2];");
  check(">2\r\n+message\r\n+x\r\n", "!['message','x'];");
  check("*2\r\n*1\r\n*0\r\n*2\r\n:1\r\n:2\r\n", "[[[]],[1,2]];");
}

TEST(RespTest, AttributesAreSkipped) {
  check("|1\r\n+ttl\r\n:3600\r\n+OK\r\n", "'OK';");
  check("*2\r\n:1\r\n|1\r\n+a\r\n*1\r\n:9\r\n:2\r\n", "[1,2];");
  check("|0\r\n:1\r\n*1\r\n|0\r\n:1\r\n", "1;[1];");
}

TEST(RespTest, AValueThatHasNotEnded) {
  for (const std::string_view part :
       {"+O", "$5\r\nab", "*2\r\n:1\r\n", ":1\r", "$0\r\n\r", "|1\r\n+a\r\n"})
    check(part, "...");
}

TEST(RespTest, WhatNoServerSendsIsRefused) {
  for (const std::string_view wrong : {"\r\n",
                                       "OK\r\n",
                                       "+OK\n",
                                       "+a\rb\r\n",
                                       ":\r\n",
                                       ":1x\r\n",
                                       ":+-1\r\n",
                                       ": 1\r\n",
                                       ":9223372036854775808\r\n",
                                       "$x\r\n",
                                       "$-2\r\n",
                                       "$+1\r\n",
                                       "$1\r\nab\r\n",
                                       "$01x\r\n",
                                       "*-2\r\n",
                                       "*\r\n",
                                       "%-1\r\n",
                                       "#x\r\n",
                                       "#\r\n",
                                       "_x\r\n",
                                       ",\r\n",
                                       ",1.5x\r\n",
                                       ",1e999\r\n",
                                       "(12a\r\n",
                                       "(\r\n",
                                       "=3\r\nabc\r\n",
                                       "=4\r\nabcd\r\n",
                                       "!-1\r\n",
                                       "~-1\r\n",
                                       ">-1\r\n",
                                       "@1\r\n",
                                       "\n",
                                       "*1\r\n>0\r\n",
                                       "$?\r\n",
                                       "*?\r\n",
                                       "%?\r\n",
                                       ";4\r\n",
                                       ".\r\n"})
    check(wrong, bad);
}

TEST(RespTest, LinesAreLimited) {
  ReplyLimits limits;
  limits.line = 10;
  check("+0123456789\r\n", "'0123456789';", limits);
  check("+01234567890\r\n", large, limits);
  check("-01234567890", "...", limits);
  check("-01234567890123", large, limits);  // without an end
}

TEST(RespTest, StringsAreLimited) {
  ReplyLimits limits;
  limits.bulk = 4;
  check("$4\r\nabcd\r\n", "'abcd';", limits);
  check("$5\r\n", large, limits);
  check("!5\r\n", large, limits);
  check("=5\r\n", large, limits);
  check("$9223372036854775807\r\n", large, limits);
  check("$67108864\r\nx", "...");
  check("$67108865\r\n", large);
}

TEST(RespTest, ValuesAreLimitedOverAllDepths) {
  ReplyLimits limits;
  limits.elements = 4;
  check("*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n", "[1,2,3,4];[1,2,3,4];",
        limits);
  check("*5\r\n", large, limits);
  check("%2\r\n:1\r\n:2\r\n:3\r\n:4\r\n", "{1,2,3,4};", limits);
  check("%3\r\n", large, limits);
  check("*2\r\n*2\r\n:1\r\n:2\r\n:3\r\n", "[[1,2],3];", limits);
  check("*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n:3\r\n", "...", limits);
  check("*2\r\n*2\r\n:1\r\n:2\r\n*2\r\n:3\r\n:4\r\n", large, limits);
  check("*1000000\r\n", "...");
  check("*1000001\r\n", large);
}

TEST(RespTest, DepthIsLimited) {
  std::string deepest;
  for (int i = 0; i < 32; ++i) deepest += "*1\r\n";
  const std::string open(32, '['), closed(32, ']');
  check(deepest + ":1\r\n", open + "1" + closed + ";");
  check(deepest + "*1\r\n", large);
  check(deepest + "*0\r\n", large);
  check(deepest + "%1\r\n", large);
  check(deepest + "|1\r\n", large);
}

TEST(RespTest, TheWholeIsLimited) {
  ReplyLimits limits;
  limits.whole = 3 * sizeof(Reply) + 20;
  check("*2\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n", "['0123456789','0123456789'];", limits);
  check("*2\r\n$10\r\n0123456789\r\n$11\r\n01234567890\r\n", large, limits);
  // Attributes too: nobody sees them, but they would come for ever.
  check("|1\r\n+a\r\n+0123456789\r\n|1\r\n+a\r\n+0123456789\r\n", large, limits);
}

TEST(RespTest, WhatIsPromisedTakesNoMemory) {
  RespParser parser{ReplyLimits()};
  std::string many;
  for (int i = 0; i < 30; ++i) many += "*1000000\r\n";
  std::string_view input = many;
  EXPECT_TRUE(parser.next(input).ok());
  EXPECT_TRUE(parser.is_inside());
}

TEST(RespTest, CommandsAreWrittenAsArrays) {
  const std::vector<std::string_view> words = {"SET", "k\r\n", "", "0123456789"};
  std::string out;
  write_command(out, words);
  EXPECT_EQ(out, "*4\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$0\r\n\r\n$10\r\n0123456789\r\n");
  EXPECT_EQ(command_size(words), out.size());
  check(out, "['SET','k\r\n','','0123456789'];");
}

TEST(ReplyTest, AccessorsSayWhatIsThere) {
  EXPECT_EQ(Reply::text("12").as_integer().value(), 12);
  EXPECT_EQ(Reply::text("1.5").as_real().value(), 1.5);
  EXPECT_FALSE(Reply::text("x").as_integer().ok());
  EXPECT_FALSE(Reply::integer(2).as_boolean().ok());
  EXPECT_EQ(Reply().as_text().error().reason(), "REDIS_UNEXPECTED_REPLY");
  EXPECT_EQ(Reply::error("WRONGTYPE x").as_texts().error().code(), Code::failed_precondition);
  const Reply odd = Reply::aggregate(Reply::Kind::array, {Reply::text("a")});
  EXPECT_FALSE(odd.as_pairs().ok());
  EXPECT_EQ(odd.as_texts().value(), std::vector<std::string>{"a"});
}

TEST(ReplyTest, ErrorsOfTheServerHaveCodes) {
  const auto check = [](std::string_view text, Code code, std::string_view reason) {
    const Error error = Reply::error(std::string(text)).to_error();
    EXPECT_EQ(name(error.code()), name(code)) << text;
    EXPECT_EQ(error.reason(), reason) << text;
  };
  check("WRONGTYPE Operation", Code::failed_precondition, "REDIS_WRONGTYPE");
  check("OOM command not allowed", Code::resource_exhausted, "REDIS_OOM");
  for (const std::string_view word : {"LOADING", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN",
                                      "READONLY", "MOVED", "ASK", "BUSY", "MISCONF"})
    check(std::string(word) + " x", Code::unavailable, "REDIS_" + std::string(word));
  check("NOAUTH Authentication required.", Code::unauthenticated, "REDIS_NOAUTH");
  check("WRONGPASS invalid", Code::unauthenticated, "REDIS_WRONGPASS");
  check("NOPERM this user", Code::permission_denied, "REDIS_NOPERM");
  check("NOSCRIPT No", Code::failed_precondition, "REDIS_NOSCRIPT");
  check("EXECABORT Tr", Code::aborted, "REDIS_EXECABORT");
  check("BUSYGROUP Con", Code::already_exists, "REDIS_BUSYGROUP");
  check("NOGROUP No", Code::not_found, "REDIS_NOGROUP");
  check("ERR syntax error", Code::invalid_argument, "REDIS_ERROR");
  check("ERR unknown command 'X'", Code::unimplemented, "REDIS_ERROR");
  check("ERR max number of clients reached", Code::resource_exhausted, "REDIS_ERROR");
  check("MYERROR of a script", Code::unknown, "REDIS_MYERROR");
  check("in lower case", Code::unknown, "REDIS_ERROR");
  check("", Code::unknown, "REDIS_ERROR");
  EXPECT_EQ(
      Reply::error("ERR unknown command 'A', with args beginning with: 'pw' ").to_error().message(),
      "Redis: ERR unknown command 'A'");
  EXPECT_LE(Reply::error(std::string(5'000, '\xff')).to_error().message().size(), 2'000u);
}

}  // namespace
}  // namespace kit::redis::detail
