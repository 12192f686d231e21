// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/yaml.hpp"

#include <gtest/gtest.h>

namespace kitgen::schema {
namespace {

struct Outcome {
  std::optional<Node> root;
  std::vector<Diagnostic> diagnostics;
};

Outcome parse(std::string text) {
  const Source source("s.yaml", std::move(text));
  Diagnostics diagnostics(source);
  Outcome outcome;
  outcome.root = parse_yaml(source, diagnostics);
  outcome.diagnostics = diagnostics.take();
  return outcome;
}

std::string first_message(const Outcome& outcome) {
  return outcome.diagnostics.empty() ? "" : outcome.diagnostics[0].message;
}

std::string repeated(std::string_view piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

TEST(Yaml, KeysAndValuesKnowTheirPlaces) {
  const Outcome outcome = parse("a: 1\n\xC3\xA9: {b: \"x y\", c: [2, 3]}\n");
  ASSERT_TRUE(outcome.root.has_value());
  const std::vector<Entry>& entries = outcome.root->entries;
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].value.word.at, (Position{1, 4}));
  EXPECT_EQ(entries[1].key.at, (Position{2, 1}));
  const std::vector<Entry>& inner = entries[1].value.entries;
  EXPECT_EQ(inner[0].key.at, (Position{2, 5}));
  EXPECT_EQ(inner[0].value.word.at, (Position{2, 8}));
  EXPECT_EQ(inner[0].value.word.length, 5);
  EXPECT_TRUE(inner[0].value.word.quoted);
  EXPECT_EQ(inner[1].value.items[1].word.at, (Position{2, 22}));
}

TEST(Yaml, CommasInsideParenthesesJoin) {
  const Outcome outcome =
      parse("{a: decimal(10,2), b: decimal(12, 3), c: [decimal(1,0), x], d: (1,2,3)}");
  ASSERT_TRUE(outcome.root.has_value()) << first_message(outcome);
  const std::vector<Entry>& entries = outcome.root->entries;
  ASSERT_EQ(entries.size(), 4U);
  EXPECT_EQ(entries[0].value.word.text, "decimal(10,2)");
  EXPECT_EQ(entries[0].value.word.length, 13);
  EXPECT_EQ(entries[1].value.word.text, "decimal(12,3)");
  EXPECT_EQ(entries[2].value.items.size(), 2U);
  EXPECT_EQ(entries[3].value.word.text, "(1,2,3)");
}

TEST(Yaml, DepthHoldsAtAndPastItsEdge) {
  const int depth = static_cast<int>(max_yaml_depth);
  EXPECT_TRUE(parse(repeated("[", depth) + repeated("]", depth)).root.has_value());
  const Outcome past = parse(repeated("[", depth + 1) + repeated("]", depth + 1));
  EXPECT_FALSE(past.root.has_value());
  EXPECT_EQ(first_message(past), "nested more than 32 levels deep");
}

TEST(Yaml, NodesHoldAtAndPastTheirEdge) {
  const int count = static_cast<int>(max_yaml_nodes) - 1;  // the list is one, too
  EXPECT_TRUE(parse("[" + repeated("a,", count) + "]").root.has_value());
  EXPECT_FALSE(parse("[" + repeated("a,", count + 1) + "]").root.has_value());
}

TEST(Yaml, WindowsLinesAndAByteOrderMarkAreFine) {
  const Outcome outcome = parse(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n");
  ASSERT_TRUE(outcome.root.has_value());
  EXPECT_EQ(outcome.root->entries[1].value.word.text, "2");
  EXPECT_EQ(outcome.root->entries[0].key.at, (Position{1, 1}));
}

TEST(Yaml, QuotesEndWhereTheyEnd) {
  EXPECT_TRUE(parse("a: \"b \\\" c\"\nb: 'it''s'\n").diagnostics.empty());
  EXPECT_TRUE(parse("a: \"b\n  c\"\n").diagnostics.empty());
  for (const char* text :
       {"a: \"b\n", "a: 'b\n", "a: 'b''\n", "a: \"b\\\"\n", "a: \"b", "{a: \"b\n"}) {
    EXPECT_FALSE(parse(text).diagnostics.empty()) << text;
  }
}

TEST(Yaml, AnAliasIsToldButTheRestIsRead) {
  const Outcome outcome = parse("a: &x 1\nb: *x\nc: 3\n");
  ASSERT_TRUE(outcome.root.has_value());
  EXPECT_EQ(outcome.diagnostics.size(), 2U);
  EXPECT_TRUE(outcome.root->entries[1].value.is_broken());
  EXPECT_EQ(outcome.root->entries[2].value.word.text, "3");
}

// Hostile texts end in a tree or a message, and none takes time that grows with the square of its
// size: the test would run into its time limit.
TEST(Yaml, HostileTextsEnd) {
  for (const std::string_view piece :
       {"[",  "{a: ",    "- ",  "? ", "a: ",   "[a,",        "&a ", "!",
        "\"", "a\n",     "*a ", "%",  "---\n", "|\n",        "{",   "a: b\n",
        "'",  "- - a\n", "]",   "}",  ": ",    "\xC3\xA9: ", "{a,", "(,"}) {
    const int times = 128 * 1024 / static_cast<int>(piece.size());
    const Outcome outcome = parse(repeated(piece, times));
    const bool is_empty = piece == "%";  // directives of nothing
    EXPECT_TRUE(is_empty || outcome.root.has_value() || !outcome.diagnostics.empty()) << piece;
  }
  const Outcome one_line = parse("[" + repeated("abcdefghijklmnopqr,", 40'000) + "]");
  EXPECT_TRUE(one_line.root.has_value()) << first_message(one_line);
}

}  // namespace
}  // namespace kitgen::schema
