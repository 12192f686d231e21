// SPDX-License-Identifier: Apache-2.0
#include "conversation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "kit/base/time.hpp"

namespace kitgen::golden {
namespace {

TEST(Conversation, has_requests_with_headers_bodies_and_remarks) {
  const std::vector<Step> steps = read_conversation(
      "# First.\nPOST /boxes {\"a\": 1}\n  If-Match: \"1\"\n-> 201 {\n     \"a\":1\n   }\n   ETag: "
      "x\n\n"
      "IMPORT Box\n| BoxId,Name\n| 1,Red\n-> 1 inserted\nGET /boxes\n# The end.\n");
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_EQ(steps[0].text, "# First.\nPOST /boxes {\"a\": 1}\n  If-Match: \"1\"\n");
  EXPECT_EQ(steps[0].target, "/boxes");
  EXPECT_EQ(steps[0].body, "{\"a\": 1}");
  EXPECT_THAT(steps[0].headers, testing::ElementsAre(testing::Pair("If-Match", "\"1\"")));
  EXPECT_EQ(steps[1].verb, "IMPORT");
  EXPECT_EQ(steps[1].body, "BoxId,Name\n1,Red\n");
  EXPECT_EQ(steps[2].verb, "GET");
  EXPECT_EQ(steps[2].body, "");
  EXPECT_EQ(steps[3].verb, "");
  EXPECT_THROW(read_conversation("-> 200\n"), std::runtime_error);
  EXPECT_THROW(read_conversation("FETCH /boxes\n"), std::runtime_error);
}

TEST(Conversation, names_what_differs_from_run_to_run) {
  Names names;
  const std::string one = "01890a5d-ac96-774b-bcce-b302099a8057";
  const std::string two = "01890a5d-ac96-774b-bcce-b302099a8058";
  EXPECT_EQ(names.to_file(two + " " + one + " " + two), "<uuid-1> <uuid-2> <uuid-1>");
  EXPECT_EQ(names.to_wire("/boxes/<uuid-2>"), "/boxes/" + one);
  EXPECT_EQ(names.to_file("W/\"0123456789abcdef\""), "<tag-1>");
  EXPECT_EQ(names.to_file("{\"next_cursor\":\"abc\"}"), "{\"next_cursor\":\"<cursor-1>\"}");
  EXPECT_EQ(names.to_wire("?cursor=<cursor-1>"), "?cursor=abc");
  const std::string old = "2021-01-01T00:00:00.000000Z";
  EXPECT_EQ(names.to_file(old + kit::Timestamp::now().to_string()), old + "<now>");
}

TEST(Conversation, json_is_laid_out_only_where_it_is_long) {
  EXPECT_EQ(layout(R"({"a":[1,2],"b":"}"})", 3), R"({"a":[1,2],"b":"}"})");
  const std::string text(60, 'x');
  EXPECT_EQ(layout(R"({"a":[1,")" + text + R"(,\""],"b":{"c":")" + text + R"("}})", 0),
            "{\n  \"a\":[1,\"" + text + ",\\\"\"],\n  \"b\":{\"c\":\"" + text + "\"}\n}");
}

}  // namespace
}  // namespace kitgen::golden
