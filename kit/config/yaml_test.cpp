// SPDX-License-Identifier: Apache-2.0
#include "kit/config/detail/yaml.hpp"

#include <gtest/gtest.h>

namespace kit::config::detail {
namespace {

std::string problem(std::string_view text) {
  auto root = read_yaml("f.yaml", text);
  return root ? "" : root.error().message();
}

std::string nested(std::size_t levels) {
  std::string out = "a: ";
  for (std::size_t i = 1; i < levels; ++i) out += "[";
  for (std::size_t i = 1; i < levels; ++i) out += "]";
  return out;
}

TEST(YamlTest, ReadsATreeWithPositions) {
  auto root = read_yaml("f.yaml", "http:\n  port: 8080\n  hosts: [a, 'b c']\nempty:\n");
  ASSERT_TRUE(root);
  ASSERT_EQ(root->members.size(), 2U);
  const YamlNode& http = root->members[0].value;
  EXPECT_EQ(http.kind, YamlNode::Kind::map);
  EXPECT_EQ(http.members[0].name, "port");
  EXPECT_EQ(http.members[0].value.text, "8080");
  EXPECT_EQ(http.members[0].position.line, 2);
  EXPECT_EQ(http.members[0].position.column, 3);
  EXPECT_EQ(http.members[0].value.position.column, 9);
  EXPECT_EQ(http.members[1].value.items[1].text, "b c");
  EXPECT_EQ(root->members[1].value.kind, YamlNode::Kind::empty);
}

TEST(YamlTest, NothingIsAnEmptyConfiguration) {
  EXPECT_EQ(problem(""), "");
  EXPECT_EQ(problem("# only a comment\n"), "");
  EXPECT_EQ(problem("---\n"), "");
}

TEST(YamlTest, RefusesWhatConfigurationsNeedNot) {
  EXPECT_EQ(problem("a: &x 1\n"),
            "f.yaml:1:4: anchors (&name) are not allowed here: write the value out");
  EXPECT_NE(problem("a: &x 1\nb: *x\n"), "");
  EXPECT_NE(problem("a: *x\n"), "");
  EXPECT_EQ(problem("a: !secret 1\n"), "f.yaml:1:4: tags (!name) are not allowed here");
  EXPECT_NE(problem("a: !!str 1\n"), "");
  EXPECT_EQ(problem("a:\n  <<: {b: 1}\n"), "f.yaml:2:3: merge keys (<<) are not allowed here");
  EXPECT_EQ(problem("a: 1\nb: 2\na: 3\n"), "f.yaml:3:1: the key 'a' stands twice in one mapping");
  EXPECT_EQ(problem("a: 1\n---\nb: 2\n"),
            "f.yaml:3:1: a second document (---) is not allowed here");
  EXPECT_EQ(problem("- a\n- b\n"),
            "f.yaml:1:1: the top of the file must be a mapping such as 'http:'");
  EXPECT_EQ(problem("just text\n"),
            "f.yaml:1:1: the top of the file must be a mapping such as 'http:'");
  EXPECT_EQ(problem("[a]: 1\n"), "f.yaml:1:1: a key must be a plain name");
  EXPECT_EQ(problem("a: b\x01\n"), "f.yaml:1:5: a control character is not allowed here");
  EXPECT_EQ(problem("a: \xFF\n"), "f.yaml:1:1: is not UTF-8 text");
}

TEST(YamlTest, SaysWhereTheTextIsNoYaml) {
  EXPECT_TRUE(problem("a: [1, 2\n").starts_with("f.yaml:2:1: is not YAML: "))
      << problem("a: [1, 2\n");
  EXPECT_TRUE(problem("a: 1\n b: 2\n").starts_with("f.yaml:2:")) << problem("a: 1\n b: 2\n");
  EXPECT_EQ(problem("a: 'open\n"), "f.yaml:2:1: is not YAML: illegal EOF in scalar");
  EXPECT_EQ(problem("a: \"open\nb: 2\n"), "f.yaml:3:1: is not YAML: illegal EOF in scalar");
  EXPECT_EQ(problem("a: |\n  block\n"), "");
  EXPECT_EQ(problem("a: \"\\\xC3\xA9\"\n"),
            "f.yaml:1:7: is not YAML: unknown escape character: \xEF\xBF\xBD");
}

TEST(YamlTest, LimitsDepth) {
  EXPECT_EQ(problem(nested(max_yaml_depth)), "");
  EXPECT_NE(problem(nested(max_yaml_depth + 1)).find("nested deeper than 32 levels"),
            std::string::npos);
  EXPECT_NE(problem("a: " + std::string(500'000, '[')), "");
}

TEST(YamlTest, LimitsNodes) {
  auto list_of = [](std::size_t items) {
    std::string out = "a: [";
    for (std::size_t i = 0; i < items; ++i) out += i == 0 ? "x" : ",x";
    return out + "]";
  };
  // The mapping, its key and the list are nodes too.
  EXPECT_EQ(problem(list_of(max_yaml_nodes - 3)), "");
  EXPECT_NE(problem(list_of(max_yaml_nodes - 2)).find("more than 50000 nodes"), std::string::npos);
}

TEST(YamlTest, LimitsSize) {
  std::string text = "a: 1\n#";
  text.resize(max_yaml_bytes, '#');
  EXPECT_EQ(problem(text), "");
  text += "#";
  EXPECT_EQ(problem(text), "f.yaml:1:1: larger than 1 MiB");
}

TEST(YamlTest, BombsAreCheap) {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    char before = static_cast<char>(c - 1);
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) bomb += std::string(i == 0 ? "*" : ",*") + before;
    bomb += "]\n";
  }
  EXPECT_EQ(problem(bomb), "f.yaml:1:4: anchors (&name) are not allowed here: write the value out");
}

}  // namespace
}  // namespace kit::config::detail
