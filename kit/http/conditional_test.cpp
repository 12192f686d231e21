// SPDX-License-Identifier: Apache-2.0
#include "kit/http/conditional.hpp"

#include <gtest/gtest.h>

#include <string>

#include "kit/http/message_test_support.hpp"

namespace kit::http {
namespace {

using std::chrono::sys_days;
using std::chrono::sys_seconds;
using namespace std::chrono_literals;

constexpr sys_seconds noon = sys_days(2026y / 3 / 4) + 12h;

std::string date(std::string_view text) {
  const auto parsed = parse_http_date(text, noon);
  return parsed ? format_http_date(*parsed) : "none";
}

TEST(HttpDate, ReadsThreeForms) {
  const std::string expected = "Sun, 06 Nov 1994 08:49:37 GMT";
  EXPECT_EQ(date("Sun, 06 Nov 1994 08:49:37 GMT"), expected);
  EXPECT_EQ(date("Sunday, 06-Nov-94 08:49:37 GMT"), expected);
  EXPECT_EQ(date("Sun Nov  6 08:49:37 1994"), expected);
  EXPECT_EQ(date("Wed Nov 16 08:49:37 1994"), "Wed, 16 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(date("Thu, 29 Feb 2024 23:59:60 GMT"), "Fri, 01 Mar 2024 00:00:00 GMT");
}

TEST(HttpDate, AYearOfTwoDigitsIsAtMostFiftyAhead) {
  EXPECT_EQ(date("Friday, 04-Mar-76 00:00:00 GMT"), "none");  // 2076-03-04 is a Wednesday
  EXPECT_EQ(date("Wednesday, 04-Mar-76 00:00:00 GMT"), "Wed, 04 Mar 2076 00:00:00 GMT");
  EXPECT_EQ(date("Friday, 04-Mar-77 00:00:00 GMT"), "Fri, 04 Mar 1977 00:00:00 GMT");
}

TEST(HttpDate, RefusesEverythingElse) {
  for (const char* bad : {"",
                          "Sun",
                          "Sunday",
                          "sun, 06 Nov 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 08:49:37 UTC",
                          "Sun, 06 Nov 1994 08:49:37 GMT ",
                          " Sun, 06 Nov 1994 08:49:37 GMT",
                          "Mon, 06 Nov 1994 08:49:37 GMT",
                          "Sun, 6 Nov 1994 08:49:37 GMT",
                          "Sun, 06 nov 1994 08:49:37 GMT",
                          "Sun, 06 Nov 94 08:49:37 GMT",
                          "Sun, 06 Nov 1994 24:00:00 GMT",
                          "Sun, 06 Nov 1994 08:60:37 GMT",
                          "Sun, 06 Nov 1994 08:49:61 GMT",
                          "Thu, 30 Feb 2023 08:49:37 GMT",
                          "Sun, 06-Nov-94 08:49:37 GMT",
                          "Sunday, 06 Nov 1994 08:49:37 GMT",
                          "Sun Nov 6 08:49:37 1994",
                          "Sun Nov  6 08:49:37 1994 GMT",
                          "1994-11-06T08:49:37Z",
                          "Sun, 00 Nov 1994 08:49:37 GMT",
                          "Sun, 06 Nov +994 08:49:37 GMT"}) {
    EXPECT_EQ(date(bad), "none") << bad;
  }
}

TEST(EntityTags, AreReadToTheLetter) {
  EXPECT_EQ(parse_entity_tag("\"\"")->opaque, "");
  EXPECT_EQ(parse_entity_tag("\"a,b\"")->opaque, "a,b");
  EXPECT_TRUE(parse_entity_tag("W/\"\xc3\xa4\"")->is_weak);
  for (const char* bad : {"", "a", "\"", "\"a", "a\"", "w/\"a\"", "W/ \"a\"", "\"a\"b", "\"a b\"",
                          "\"a\x7f\"", "\"a\tb\"", "'a'"}) {
    EXPECT_FALSE(parse_entity_tag(bad)) << bad;
  }
}

TEST(EntityTags, MatchInLists) {
  const auto strong = [](std::string_view list, std::string_view tag = "\"b\"") {
    return match_tags(list, tag, TagComparison::strong);
  };
  const auto weak = [](std::string_view list, std::string_view tag = "\"b\"") {
    return match_tags(list, tag, TagComparison::weak);
  };
  for (const char* list : {"*", " * ", "\"b\"", "\"a\", \"b\"", ",, \"a\" ,\t\"b\",,"})
    EXPECT_EQ(strong(list), TagMatch::listed) << list;
  EXPECT_EQ(strong("W/\"b\""), TagMatch::unlisted);
  EXPECT_EQ(strong("\"b\"", "W/\"b\""), TagMatch::unlisted);
  EXPECT_EQ(weak("W/\"b\""), TagMatch::listed);
  EXPECT_EQ(weak("\"b\"", "W/\"b\""), TagMatch::listed);
  EXPECT_EQ(weak("\"B\""), TagMatch::unlisted);
  for (const char* list : {"", ",", "b", "\"b\" \"a\"", "\"b\", a", "*, \"b\"", "\"a\", *"}) {
    EXPECT_EQ(strong(list), TagMatch::malformed) << list;
    EXPECT_EQ(weak(list), TagMatch::malformed) << list;
  }
}

constexpr const char* before = "Wed, 04 Mar 2026 11:59:59 GMT";
constexpr const char* at_noon = "Wed, 04 Mar 2026 12:00:00 GMT";

int precondition(Method method, std::vector<Header> headers, bool exists = true) {
  const TestRequest request(method, std::move(headers));
  Validators validators;
  validators.exists = exists;
  if (exists) {
    validators.etag = "\"b\"";
    validators.last_modified = noon;
  }
  switch (evaluate_preconditions(request, validators)) {
    case Precondition::proceed:
      return 200;
    case Precondition::not_modified:
      return 304;
    case Precondition::failed:
      return 412;
  }
  return 0;
}

TEST(Preconditions, EachByItself) {
  EXPECT_EQ(precondition(Method::get, {}), 200);
  EXPECT_EQ(precondition(Method::get, {{"If-Match", "\"b\""}}), 200);
  EXPECT_EQ(precondition(Method::get, {{"If-Match", "*"}}), 200);
  EXPECT_EQ(precondition(Method::get, {{"If-Match", "\"a\""}}), 412);
  EXPECT_EQ(precondition(Method::get, {{"If-Match", "W/\"b\""}}), 412);
  EXPECT_EQ(precondition(Method::get, {{"If-Match", "garbage"}}), 412);
  EXPECT_EQ(precondition(Method::get, {{"If-Unmodified-Since", at_noon}}), 200);
  EXPECT_EQ(precondition(Method::put, {{"If-Unmodified-Since", before}}), 412);
  EXPECT_EQ(precondition(Method::put, {{"If-Unmodified-Since", "yesterday"}}), 200);
  EXPECT_EQ(precondition(Method::get, {{"If-None-Match", "W/\"b\""}}), 304);
  EXPECT_EQ(precondition(Method::head, {{"If-None-Match", "*"}}), 304);
  EXPECT_EQ(precondition(Method::put, {{"If-None-Match", "*"}}), 412);
  EXPECT_EQ(precondition(Method::get, {{"If-None-Match", "\"a\""}}), 200);
  EXPECT_EQ(precondition(Method::get, {{"If-None-Match", "\"a\""}, {"if-none-match", "\"b\""}}),
            304);
  EXPECT_EQ(precondition(Method::get, {{"If-Modified-Since", at_noon}}), 304);
  EXPECT_EQ(precondition(Method::get, {{"If-Modified-Since", before}}), 200);
  EXPECT_EQ(precondition(Method::put, {{"If-Modified-Since", at_noon}}), 200);
  EXPECT_EQ(precondition(Method::get, {{"If-Modified-Since", "garbage"}}), 200);
}

TEST(Preconditions, InTheirOrder) {
  // If-Match stands above If-Unmodified-Since, and either above If-None-Match.
  EXPECT_EQ(precondition(Method::get, {{"If-Match", "\"b\""}, {"If-Unmodified-Since", before}}),
            200);
  EXPECT_EQ(precondition(Method::get, {{"If-None-Match", "\"b\""}, {"If-Match", "\"a\""}}), 412);
  EXPECT_EQ(
      precondition(Method::get, {{"If-None-Match", "\"b\""}, {"If-Unmodified-Since", before}}),
      412);
  // If-None-Match stands above If-Modified-Since.
  EXPECT_EQ(precondition(Method::get, {{"If-Modified-Since", at_noon}, {"If-None-Match", "\"a\""}}),
            200);
}

TEST(Preconditions, OfWhatDoesNotExist) {
  EXPECT_EQ(precondition(Method::put, {{"If-Match", "*"}}, false), 412);
  EXPECT_EQ(precondition(Method::put, {{"If-Match", "\"b\""}}, false), 412);
  EXPECT_EQ(precondition(Method::put, {{"If-None-Match", "*"}}, false), 200);
}

std::string ranges(std::string_view field, std::uint64_t size = 100) {
  const auto parsed = parse_byte_ranges(field, size);
  if (!parsed) return "whole";
  std::string text;
  for (const ByteRange& range : *parsed)
    text += std::to_string(range.first) + "-" + std::to_string(range.last) + " ";
  return text;
}

TEST(ByteRanges, AreRead) {
  EXPECT_EQ(ranges("bytes=0-0"), "0-0 ");
  EXPECT_EQ(ranges("Bytes=10-"), "10-99 ");
  EXPECT_EQ(ranges("bytes=-5"), "95-99 ");
  EXPECT_EQ(ranges("bytes=-500"), "0-99 ");
  EXPECT_EQ(ranges("bytes=90-1000"), "90-99 ");
  EXPECT_EQ(ranges("bytes= 0-1 ,, 50-51\t,-1"), "0-1 50-51 99-99 ");
  EXPECT_EQ(ranges("bytes=50-51,0-1"), "50-51 0-1 ");
  EXPECT_EQ(ranges("bytes=0-1,200-300"), "0-1 ");
  EXPECT_EQ(ranges("bytes=0-99999999999999999999999"), "0-99 ");
}

TEST(ByteRanges, ThatNobodyHasAreEmpty) {
  for (const char* text : {"bytes=100-", "bytes=100-200", "bytes=-0", "bytes=200-300,-0",
                           "bytes=99999999999999999999999-"}) {
    EXPECT_EQ(ranges(text), "") << text;
  }
  EXPECT_EQ(ranges("bytes=0-", 0), "");
  EXPECT_EQ(ranges("bytes=-1", 0), "");
}

TEST(ByteRanges, ThatAreNoneAreIgnored) {
  for (const char* text :
       {"", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-", "bytes=1-a", "bytes=2-1",
        "bytes=1", "bytes=--1", "bytes=+1-2", "bytes=1 - 2", "bytes=0-1;2-3", "items=0-1",
        "bytes=0-1, x", "bytes=0-9,9-10", "bytes=0-,-1", "bytes=5-6,0-99"}) {
    EXPECT_EQ(ranges(text), "whole") << text;
  }
}

TEST(ByteRanges, AreAtMostSixteen) {
  std::string text = "bytes=0-0";
  for (int i = 1; i < 16; ++i) text += "," + std::to_string(i * 2) + "-" + std::to_string(i * 2);
  EXPECT_EQ(parse_byte_ranges(text, 100)->size(), max_byte_ranges);
  EXPECT_FALSE(parse_byte_ranges(text + ",98-98", 100));
  EXPECT_FALSE(parse_byte_ranges(text + ",200-", 100)) << "also those that nobody has";
}

Response answer(Method method, std::vector<Header> headers, bool is_static = false,
                std::string_view etag = "\"b\"") {
  const TestRequest request(method, std::move(headers));
  Response response;
  response.content_type = "text/plain";
  response.headers = {{"Cache-Control", "no-cache"}, {"Content-Encoding", "gzip"}};
  if (is_static) {
    response.static_body = "0123456789";
  } else {
    response.body = "0123456789";
  }
  Validators validators;
  validators.etag = etag;
  validators.last_modified = sys_days(2020y / 3 / 4);
  apply_conditions(request, validators, response);
  return response;
}

std::string text_of(const Response& response) {
  return response.static_body.empty() ? response.body : std::string(response.static_body);
}

TEST(ApplyConditions, AnswersWithAPart) {
  for (bool is_static : {false, true}) {
    const Response whole = answer(Method::get, {}, is_static);
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(field(whole, "ETag"), "\"b\"");
    EXPECT_EQ(field(whole, "Last-Modified"), "Wed, 04 Mar 2020 00:00:00 GMT");
    EXPECT_EQ(field(whole, "Accept-Ranges"), "bytes");
    EXPECT_EQ(text_of(whole), "0123456789");
    const Response part = answer(Method::get, {{"Range", "bytes=2-4"}}, is_static);
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(field(part, "Content-Range"), "bytes 2-4/10");
    EXPECT_EQ(part.content_type, "text/plain");
    EXPECT_EQ(text_of(part), "234");
    EXPECT_EQ(answer(Method::head, {{"Range", "bytes=2-4"}}, is_static).status, 200);
  }
}

TEST(ApplyConditions, AnswersWithSeveralParts) {
  const Response parts = answer(Method::get, {{"Range", "bytes=8-,0-1"}}, true);
  EXPECT_EQ(parts.status, 206);
  const std::string type = field(parts, "Content-Type");
  const std::string prefix = "multipart/byteranges; boundary=";
  ASSERT_TRUE(type.starts_with(prefix)) << type;
  EXPECT_EQ(parts.content_type, "");
  EXPECT_EQ(field(parts, "Content-Range"), "");
  const std::string line = "--" + type.substr(prefix.size());
  EXPECT_EQ(text_of(parts),
            line + "\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n" +
                line + "\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n" +
                line + "--\r\n");
  EXPECT_NE(field(answer(Method::get, {{"Range", "bytes=8-,0-1"}}), "Content-Type"), type);
}

TEST(ApplyConditions, IfRangeNeedsTheSameState) {
  const auto status = [](const char* condition, std::string_view etag = "\"b\"") {
    return answer(Method::get, {{"Range", "bytes=2-4"}, {"If-Range", condition}}, true, etag)
        .status;
  };
  EXPECT_EQ(status("\"b\""), 206);
  EXPECT_EQ(status("\"a\""), 200);
  EXPECT_EQ(status("W/\"b\""), 200);
  EXPECT_EQ(status("W/\"b\"", "W/\"b\""), 200);
  EXPECT_EQ(status("\"b\"", "W/\"b\""), 200);
  EXPECT_EQ(status("*"), 200);
  EXPECT_EQ(status("Wed, 04 Mar 2020 00:00:00 GMT"), 206);
  EXPECT_EQ(status("Wed, 04 Mar 2020 00:00:01 GMT"), 200);
  EXPECT_EQ(status("garbage"), 200);
  // A wrong If-Range makes a range that nobody has one that is not asked for.
  EXPECT_EQ(answer(Method::get, {{"Range", "bytes=99-"}, {"If-Range", "\"a\""}}).status, 200);
}

TEST(ApplyConditions, IfRangeTrustsNoDateOfTheRunningSecond) {
  const TestRequest request(
      Method::get, {{"Range", "bytes=2-4"}, {"If-Range", "Fri, 04 Mar 2050 00:00:00 GMT"}});
  Response response;
  response.body = "0123456789";
  Validators validators;
  validators.last_modified = sys_days(2050y / 3 / 4);
  apply_conditions(request, validators, response);
  EXPECT_EQ(response.status, 200);
}

TEST(ApplyConditions, RefusesRangesThatNobodyHas) {
  const Response refused = answer(Method::get, {{"Range", "bytes=10-"}});
  EXPECT_EQ(refused.status, 416);
  EXPECT_EQ(field(refused, "Content-Range"), "bytes */10");
  EXPECT_EQ(field(refused, "Content-Encoding"), "");
  EXPECT_EQ(refused.content_type, "application/json");
  EXPECT_NE(refused.body.find("RANGE_NOT_SATISFIABLE"), std::string::npos);
}

TEST(ApplyConditions, ConditionsComeBeforeRanges) {
  const Response known = answer(Method::get, {{"If-None-Match", "\"b\""}, {"Range", "bytes=10-"}});
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(text_of(known), "");
  EXPECT_EQ(known.content_type, "");
  EXPECT_EQ(field(known, "ETag"), "\"b\"");
  EXPECT_EQ(field(known, "Cache-Control"), "no-cache");
  EXPECT_EQ(field(known, "Content-Encoding"), "");
  const Response failed = answer(Method::get, {{"If-Match", "\"a\""}, {"Range", "bytes=0-1"}});
  EXPECT_EQ(failed.status, 412);
  EXPECT_NE(failed.body.find("PRECONDITION_FAILED"), std::string::npos);
}

}  // namespace
}  // namespace kit::http
