// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/quote.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace kitgen::model {
namespace {

TEST(Quote, CppStrings) {
  EXPECT_EQ(cpp_string("a \"b\" \\ c\n"), R"("a \"b\" \\ c\n")");
  EXPECT_EQ(cpp_string("?\?/"), R"("\?\?/")");
  EXPECT_EQ(cpp_string("\xC3\xA9"
                       "f"),
            R"("\303\251f")");
  EXPECT_EQ(cpp_string(std::string_view("a\0b", 3)), R"("a\000b")");
  EXPECT_EQ(cpp_string("\xFF"), R"("\357\277\275")");  // not UTF-8: the replacement character
}

TEST(Quote, CommentsStayComments) {
  EXPECT_EQ(cpp_comment("one\ntwo"), "one two");
  EXPECT_EQ(cpp_comment("ends */ here /* and"), "ends * / here / * and");
  EXPECT_EQ(cpp_comment("continued \\\\"), "continued");
  EXPECT_EQ(cpp_comment("a\xE2\x80\xAE"
                        "b\x1B[2J\xE2\x80\xA8"
                        "c"),
            "ab[2J c");
  EXPECT_FALSE(cpp_comment("x?\?/").ends_with("?\?/"));
}

TEST(Quote, CommentLinesWrapAtWords) {
  const auto lines = comment_lines("one two three\n\nfour\n\n", 9);
  EXPECT_EQ(lines, (std::vector<std::string>{"one two", "three", "", "four"}));
  EXPECT_TRUE(comment_lines("", 80).empty());
  for (const std::string& line : comment_lines("a \\ b \\", 2)) EXPECT_FALSE(line.ends_with('\\'));
}

TEST(Quote, Sql) {
  EXPECT_EQ(sql_ident("na\"me"), "\"na\"\"me\"");
  EXPECT_EQ(sql_literal("it's"), "'it''s'");
  EXPECT_EQ(sql_literal(std::string_view("a\0\nb\\", 5)), "'ab\\'");
}

TEST(Quote, JsonAndTypeScript) {
  EXPECT_EQ(json_string("a\"\\\n\x01"), R"("a\"\\\n\u0001")");
  EXPECT_EQ(json_string("\xF0\x9F\x8E\xB5"), R"("\ud83c\udfb5")");
  EXPECT_EQ(ts_string("</script>\xE2\x80\xA8"), R"("\u003c/script\u003e\u2028")");
}

// Every byte value in every place: what comes out is ASCII (or, in comments and SQL, free of line
// breaks and NUL).
TEST(Quote, AnyBytesGiveSafeText) {
  std::string text;
  for (int first = 0; first < 256; ++first) {
    text += static_cast<char>(first);
    text += static_cast<char>(255 - first);
    text += "*/'\"\\?";
  }
  for (const std::string& quoted :
       {cpp_string(text), json_string(text), ts_string(text), proto_string(text)}) {
    EXPECT_TRUE(std::ranges::all_of(quoted, [](char c) { return c >= 0x20 && c < 0x7F; }));
  }
  EXPECT_EQ(cpp_comment(text).find("*/"), std::string::npos);
  for (const std::string& shown : {cpp_comment(text), sql_literal(text)}) {
    EXPECT_TRUE(
        std::ranges::none_of(shown, [](char c) { return c == '\n' || c == '\r' || c == '\0'; }));
  }
}

}  // namespace
}  // namespace kitgen::model
