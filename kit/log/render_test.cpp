// SPDX-License-Identifier: Apache-2.0
#include "kit/log/detail/render.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace kit::log::detail {
namespace {

using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ns;

constexpr std::int64_t some_time = 1'609'459'200'000'042;  // 2021-01-01T00:00:00.000042Z

std::string rendered(Style style, std::string_view message, Fields fields,
                     const LogContext* context = nullptr) {
  std::string out;
  render(out, style, {some_time, Level::info, "http", message, context, fields});
  return out;
}

/// The part of a line that the fields make.
std::string json_fields(Fields fields) {
  std::string line = rendered(Style::json, "m", fields);
  constexpr std::string_view before =
      R"({"time":"2021-01-01T00:00:00.000042Z","level":"info","module":"http","message":"m")";
  EXPECT_TRUE(line.starts_with(before)) << line;
  EXPECT_TRUE(line.ends_with("}\n")) << line;
  return line.substr(before.size(), line.size() - before.size() - 2);
}

std::string console_fields(Fields fields) {
  std::string line = rendered(Style::console, "m", fields);
  constexpr std::string_view before = "2021-01-01T00:00:00.000042Z info  http   m";
  EXPECT_TRUE(line.starts_with(before)) << line;
  return line.substr(before.size(), line.size() - before.size() - 1);
}

TEST(RenderTest, ShowsEveryKindOfValueAsJson) {
  EXPECT_EQ(json_fields({{"a", 1}, {"b", -2L}, {"c", 3U}, {"d", true}, {"e", nullptr}}),
            R"(,"a":1,"b":-2,"c":3,"d":true,"e":null)");
  EXPECT_EQ(json_fields({{"f", 1.5}, {"g", std::nan("")}, {"h", "text"}, {"i", std::string("s")}}),
            R"(,"f":1.5,"g":null,"h":"text","i":"s")");
  EXPECT_EQ(json_fields({{"j", 1500us}, {"k", 2s}, {"l", Id<struct UserTag>(7)}}),
            R"(,"j":0.0015,"k":2,"l":7)");
  EXPECT_EQ(json_fields({{"j", 15123ns}, {"k", -3ms}, {"l", 0ns}, {"m", -1'000'000'001ns}}),
            R"(,"j":0.000015123,"k":-0.003,"l":0,"m":-1.000000001)");
  EXPECT_EQ(json_fields({{"j", std::chrono::nanoseconds::min()}}), R"(,"j":-9223372036.854775808)");
  EXPECT_EQ(json_fields({{"m", Secret<std::string>("hunter2")}}), R"(,"m":"***")");
  Error error(Code::not_found, "no such row");
  EXPECT_TRUE(json_fields({{"error", error}}).starts_with(R"(,"error":"NOT_FOUND no such row ()"));
}

TEST(RenderTest, ShowsEveryKindOfValueOnTheConsole) {
  EXPECT_EQ(console_fields({{"a", 1}, {"b", "word"}, {"c", "two words"}, {"d", ""}, {"e", "x=y"}}),
            R"( a=1 b=word c="two words" d="" e="x=y")");
  EXPECT_EQ(console_fields({{"a", 12ns}, {"b", 1500us}, {"c", 20us}, {"d", 90s}, {"e", -3ms}}),
            " a=12ns b=1.5ms c=20us d=90s e=-3ms");
  EXPECT_EQ(console_fields({{"a", "line\nbreak"}}), R"( a="line\nbreak")");
}

TEST(RenderTest, ShowsTheContext) {
  LogContext context;
  std::string_view("4bf92f3577b34da6a3ce929d0e0e4736").copy(context.trace_id.data(), 32);
  std::string_view("00f067aa0ba902b7").copy(context.span_id.data(), 16);
  context.request_id = "req-1";
  EXPECT_EQ(
      rendered(Style::json, "m", {{"a", 1}}, &context),
      R"({"time":"2021-01-01T00:00:00.000042Z","level":"info","module":"http","message":"m",)"
      R"("trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","request_id":"req-1","a":1})"
      "\n");
  EXPECT_EQ(
      rendered(Style::console, "m", {{"a", 1}}, &context),
      "2021-01-01T00:00:00.000042Z info  http   m a=1 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 "
      "span_id=00f067aa0ba902b7 request_id=req-1\n");
  LogContext empty;
  EXPECT_EQ(rendered(Style::json, "m", {}, &empty), rendered(Style::json, "m", {}));
}

TEST(RenderTest, ColoursTheLevel) {
  std::string line = rendered(Style::coloured, "m", {{"a", 1}});
  EXPECT_NE(line.find("\x1b[32minfo\x1b[0m"), std::string::npos) << line;
  EXPECT_EQ(rendered(Style::console, "m", {{"a", 1}}).find('\x1b'), std::string::npos);
}

TEST(RenderTest, EscapesWhatCouldForgeALine) {
  auto check = [](std::string_view text, std::string_view shown) {
    std::string wanted = ",\"k\":\"" + std::string(shown) + "\"";
    EXPECT_EQ(json_fields({{"k", text}}), wanted);
    EXPECT_NE(rendered(Style::json, text, {}).find("\"message\":\"" + std::string(shown) + "\""),
              std::string::npos);
    std::string console = rendered(Style::console, text, {{"k", text}});
    EXPECT_NE(console.find(" k=\"" + std::string(shown) + "\"\n"), std::string::npos) << console;
    EXPECT_EQ(console.find('\n'), console.size() - 1);
    EXPECT_EQ(console.find('\x1b'), std::string::npos);
  };
  check("a\r\nb\tc", R"(a\r\nb\tc)");
  check("\x1b[2J", R"(\u001b[2J)");
  check("quote\" slash\\", R"(quote\" slash\\)");
  check("del\x7F", R"(del\u007f)");
  check("c1\xC2\x85", R"(c1\u0085)");
  check("bidi\xE2\x80\xAE\xE2\x81\xA6", R"(bidi\u202e\u2066)");
  check("ls\xE2\x80\xA8", R"(ls\u2028)");
  check("bad\xFFutf8", "bad\xEF\xBF\xBDutf8");
  check("fine caf\xC3\xA9 \xF0\x9F\x8E\xB5 \xE2\x82\xAC",
        "fine caf\xC3\xA9 \xF0\x9F\x8E\xB5 \xE2\x82\xAC");
}

TEST(RenderTest, HidesFieldsThatAreSecretByName) {
  for (std::string_view key :
       {"password",   "Password",     "db_password",  "authorization", "Proxy-Authorization",
        "cookie",     "set-cookie",   "Set-Cookie",   "secret",        "client_secret",
        "token",      "X-Auth-Token", "accessToken",  "signing_key",   "api-key",
        "apikey",     "dsn",          "database_dsn", "passwd",        "passphrase",
        "credentials"}) {
    EXPECT_TRUE(is_secret_key(key)) << key;
    EXPECT_EQ(json_fields({{key, "hunter2"}}).find("hunter2"), std::string::npos) << key;
    EXPECT_EQ(console_fields({{key, "hunter2"}}).find("hunter2"), std::string::npos) << key;
  }
  for (std::string_view key : {"", "key", "tokens", "keyboard", "secretary", "user", "path",
                               "monkey", "passwords_checked", "n", "e", "y"}) {
    EXPECT_FALSE(is_secret_key(key)) << key;
  }
}

TEST(RenderTest, KeysAreKnownWhenCompiled) {
  static_assert(Key("password").is_secret() && !Key("path").is_secret());
  static_assert(Key("path").is_plain() && !Key("a\"b").is_plain());
  static_assert(Key("level").is_own() && !Key("levels").is_own());
  EXPECT_EQ(json_fields({{"a\"b\n", 1}}), R"(,"a\"b\n":1)");
  const std::string dynamic = "api_key";
  EXPECT_EQ(json_fields({{dynamic, "hunter2"}}), R"(,"api_key":"***")");
}

TEST(RenderTest, KeepsNamesOfFieldsApartFromItsOwn) {
  EXPECT_EQ(
      json_fields({{"level", 1}, {"message", 2}, {"time", 3}, {"module", 4}, {"request_id", 5}}),
      R"(,"level_":1,"message_":2,"time_":3,"module_":4,"request_id_":5)");
}

TEST(RenderTest, CutsWhatIsTooLong) {
  std::string at_limit(max_text, 'x');
  EXPECT_EQ(json_fields({{"k", at_limit}}), ",\"k\":\"" + at_limit + "\"");
  EXPECT_EQ(json_fields({{"k", at_limit + "y"}}), ",\"k\":\"" + at_limit + "...\"");
  // Never half of a character, and no sign of one.
  std::string split_character = at_limit.substr(1) + "\xC3\xA9";
  EXPECT_EQ(json_fields({{"k", split_character}}), ",\"k\":\"" + at_limit.substr(1) + "...\"");
  std::string line = json_fields({{"a", at_limit},
                                  {"b", at_limit},
                                  {"c", at_limit},
                                  {"d", at_limit},
                                  {"e", at_limit},
                                  {"f", at_limit},
                                  {"g", at_limit}});
  EXPECT_LT(line.size(), std::size_t{60} * 1024);
  EXPECT_TRUE(line.ends_with(R"(,"fields_cut":true)"));
}

}  // namespace
}  // namespace kit::log::detail
