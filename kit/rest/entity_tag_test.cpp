// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/entity_tag.hpp"

#include <gtest/gtest.h>

namespace kit::rest {
namespace {

struct With {
  explicit With(std::string_view name, std::string_view value) : header{name, value} {
    request.headers = {&header, 1};
  }
  http::Header header;
  http::Request request;
};

TEST(EntityTags, OfSomeFieldsNameTheVersionToo) {
  FieldMask shown = FieldMask::none(10);
  shown.add(0);
  shown.add(4);
  EXPECT_EQ(version_tag(7, shown), "\"7-11\"");
  EXPECT_EQ(*expected_version(With("If-Match", "\"7-11\"").request), 7);
  for (const char* none : {"\"-7\"", "\"-\"", "\"x-7\"", "W/\"7-11\""}) {
    EXPECT_EQ(*expected_version(With("If-Match", none).request), -1) << none;
  }
}

TEST(ExpectedVersion, DatesAreNoVersions) {
  const With dated("If-Unmodified-Since", "Sat, 29 Oct 1994 19:43:31 GMT");
  const auto version = expected_version(dated.request);
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().reason(), "PRECONDITION_NOT_SUPPORTED");
  EXPECT_FALSE(refuse_version(dated.request));
  const http::Header both[] = {{"If-Match", "\"7\""}, dated.header};
  http::Request request;
  request.headers = both;
  EXPECT_EQ(*expected_version(request), 7) << "If-Match goes first";
}

TEST(ExpectedVersion, ReadsOneTag) {
  const http::Request none;
  EXPECT_EQ(*expected_version(none), std::nullopt);
  EXPECT_EQ(*expected_version(With("If-Match", "*").request), std::nullopt);
  EXPECT_EQ(*expected_version(With("if-match", "\"7\"").request), 7);
  EXPECT_EQ(*expected_version(With("If-Match", "  \"7\" ").request), 7);
}

TEST(ExpectedVersion, TagsThatNoVersionHasNeverMatch) {
  for (const char* tag :
       {"W/\"7\"", "\"abc\"", "\"\"", "\"0\"", "\"-3\"", "\"99999999999999999999\"", "\"07\"",
        "\"+7\"", "\"7-\"", "\"7-zz\"", "\"7-1F\"", "\"7-01\"", "\"7-1-\"", "\"7--1\"",
        "\"7-11111111111111111\""}) {
    EXPECT_EQ(*expected_version(With("If-Match", tag).request), -1) << tag;
  }
}

TEST(ExpectedVersion, RefusesWhatIsNoTag) {
  for (const char* bad : {"7", "\"7", "\"7\", \"8\"", "\"7\" x", "", "W/7"}) {
    const auto version = expected_version(With("If-Match", bad).request);
    ASSERT_FALSE(version) << bad;
    EXPECT_EQ(version.error().code(), Code::invalid_argument);
    EXPECT_EQ(version.error().reason(), "IF_MATCH_INVALID");
  }
}

TEST(RefuseVersion, OnlyStarAndNothingPass) {
  EXPECT_TRUE(refuse_version(http::Request()));
  EXPECT_TRUE(refuse_version(With("If-Match", "*").request));
  const auto refused = refuse_version(With("If-Match", "\"1\"").request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().http_status(), 412);
  EXPECT_EQ(refused.error().reason(), "VERSION_MISMATCH");
}

TEST(RefuseConditions, NamesTheHeader) {
  EXPECT_TRUE(refuse_conditions(http::Request()));
  EXPECT_TRUE(refuse_conditions(With("Accept", "*/*").request));
  for (const char* name : {"If-Match", "If-None-Match", "If-Unmodified-Since"}) {
    for (const char* value : {"*", "\"7\"", ""}) {
      const auto refused = refuse_conditions(With(name, value).request);
      ASSERT_FALSE(refused) << name;
      EXPECT_EQ(refused.error().code(), Code::invalid_argument);
      EXPECT_EQ(refused.error().reason(), "PRECONDITION_NOT_SUPPORTED");
      EXPECT_TRUE(refused.error().message().starts_with(name)) << refused.error().message();
    }
  }
}

TEST(Revalidate, AnswersNotModifiedWithoutABody) {
  http::Response response;
  response.body = "{}";
  response.content_type = "application/json";
  set_tag(response, version_tag(3));
  EXPECT_TRUE(revalidate(With("If-None-Match", "\"2\"").request, response));
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(revalidate(With("If-None-Match", "\"2\", W/\"3\"").request, response));
  EXPECT_EQ(response.status, 304);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.headers.back(), (std::pair<std::string, std::string>("ETag", "\"3\"")));
}

/// The HTTP status of a GET whose answer has `tag`.
int status_of(const char* if_match, std::string tag) {
  http::Response response;
  set_tag(response, std::move(tag));
  const Result<> read = revalidate(With("If-Match", if_match).request, response);
  if (read) return response.status;
  return read.error().code() == Code::invalid_argument ? 400 : read.error().http_status();
}

TEST(Revalidate, RefusesWhatIfMatchDoesNotList) {
  for (const char* fits : {"*", "\"3\"", " \"2\" ,\"3\""}) EXPECT_EQ(status_of(fits, "\"3\""), 200);
  for (const char* stale : {"\"2\"", "W/\"3\"", "\"2\", \"4\""})
    EXPECT_EQ(status_of(stale, "\"3\""), 412) << stale;
  for (const char* bad : {"", "3", "\"3", "\"3\" x"})
    EXPECT_EQ(status_of(bad, "\"3\""), 400) << bad;
  // Weak tags are never equal where a change could follow.
  EXPECT_EQ(status_of("\"3\"", "W/\"3\""), 412);
  EXPECT_EQ(status_of("*", "W/\"3\""), 200);
}

TEST(RefuseKnown, RefusesTheCurrentTagAndStar) {
  http::Response current;
  set_tag(current, version_tag(3));
  EXPECT_FALSE(has_none_match(http::Request()));
  EXPECT_TRUE(has_none_match(With("If-None-Match", "*").request));
  EXPECT_TRUE(refuse_known(With("If-None-Match", "\"2\"").request, current));
  for (const char* known : {"*", "\"3\"", "W/\"3\"", "\"2\", \"3\""}) {
    const auto refused = refuse_known(With("If-None-Match", known).request, current);
    ASSERT_FALSE(refused) << known;
    EXPECT_EQ(refused.error().http_status(), 412);
    EXPECT_EQ(refused.error().reason(), "VERSION_KNOWN");
  }
}

TEST(ContentTag, IsWeakAndFollowsTheContent) {
  EXPECT_EQ(content_tag(""), "W/\"cbf29ce484222325\"");
  EXPECT_NE(content_tag("a"), content_tag("b"));
  EXPECT_TRUE(is_known(With("If-None-Match", "*").request, content_tag("a")));
  EXPECT_TRUE(is_known(With("If-None-Match", content_tag("a")).request, content_tag("a")));
  EXPECT_FALSE(is_known(With("If-None-Match", "garbage").request, content_tag("a")));
}

}  // namespace
}  // namespace kit::rest
