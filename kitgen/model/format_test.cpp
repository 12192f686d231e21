// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "kit/base/text.hpp"
#include "kitgen/model/load.hpp"
#include "kitgen/schema/yaml.hpp"

namespace kitgen::model {
namespace {

namespace fs = std::filesystem;

std::string formatted(const std::string& text) {
  const schema::Source source("shop.yaml", text);
  schema::Diagnostics diagnostics(source);
  std::optional<std::string> result = schema::format(source, diagnostics);
  return result ? *result : "error: " + schema::to_string(diagnostics.take());
}

/// The model without the lines things stand in; nothing when the schema has errors.
std::string meaning(const std::string& text) {
  const Loaded loaded = load_text(text, "shop.yaml");
  if (!loaded.service) return {};
  std::string text_of_model = dump(*loaded.service);
  const std::string mark = " line=";
  for (std::size_t at = text_of_model.find(mark); at != std::string::npos;
       at = text_of_model.find(mark, at)) {
    const std::size_t end = text_of_model.find_first_not_of("0123456789", at + mark.size());
    text_of_model.erase(at, end - at);
  }
  return text_of_model;
}

std::vector<std::string> comments(const std::string& text) {
  std::vector<std::string> found;
  for (const std::string_view line : kit::split(text, '\n')) {
    const std::size_t at = line.find("#!");  // as the tests below write them
    if (at != std::string_view::npos) found.emplace_back(line.substr(at));
  }
  std::ranges::sort(found);
  return found;
}

/// The layout changes nothing but the layout, and once.
void check_layout(const std::string& text, const std::string& name) {
  const std::string once = formatted(text);
  ASSERT_FALSE(once.starts_with("error: ")) << name << "\n" << once;
  EXPECT_EQ(formatted(once), once) << name;
  EXPECT_EQ(meaning(once), meaning(text)) << name;
  EXPECT_EQ(comments(once), comments(text)) << name;
}

std::string text_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Every schema of the tree that is YAML a schema may be: files, and parts of golden cases.
std::vector<std::pair<std::string, std::string>> schemas() {
  std::vector<std::pair<std::string, std::string>> found;
  const fs::path root = KIT_SOURCE_DIR;
  for (const fs::path& folder : {root / "tests/golden", root / "examples/store/api"}) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string name = entry.path().string();
      if (!entry.is_regular_file()) continue;
      std::string text = text_of(entry.path());
      if (name.ends_with(".txt")) {
        for (const std::string mark : {"-- schema.yaml --\n", "==> schema\n"}) {
          const std::size_t begin = text.find(mark);
          if (begin == std::string::npos) continue;
          text = text.substr(begin + mark.size());
          text = text.substr(0, text.find("\n" + mark.substr(0, 3)) + 1);
        }
      } else if (!name.ends_with("schema.yaml") && !name.ends_with("store.yaml") &&
                 !name.ends_with("sqlite.yaml")) {
        continue;
      }
      found.emplace_back(name, text);
    }
  }
  return found;
}

TEST(Format, SaysTheSameOfEverySchemaOfTheTree) {
  int meant = 0;
  int read = 0;
  for (const auto& [name, text] : schemas()) {
    const schema::Source source(name, text);
    schema::Diagnostics diagnostics(source);
    const auto root = schema::parse_yaml(source, diagnostics);
    if (!root || !root->is_map() || root->flow || diagnostics.error_count() > 0) continue;
    ++read;
    meant += meaning(text).empty() ? 0 : 1;
    check_layout(text, name);
  }
  EXPECT_GT(read, 80);
  EXPECT_GT(meant, 20);
}

TEST(Format, KeepsCommentsWhereverTheyStand) {
  const std::string text = text_of(fs::path(KIT_SOURCE_DIR) / "examples/store/api/store.yaml");
  std::mt19937 random(7);  // NOLINT(cert-msc51-cpp): the same days each time
  for (int day = 0; day < 30; ++day) {
    std::string with;
    int number = 0;
    for (const std::string_view line : kit::split(text, '\n')) {
      const auto chance = random() % 6;
      const std::string note = "#! " + std::to_string(number++);
      if (chance == 0) with += std::string(random() % 9, ' ') + note + "\n";
      if (chance == 1) with += "\n";
      with += line;
      const bool may_follow = !line.empty() && line.find('#') == std::string_view::npos;
      if (chance == 2 && may_follow) with += std::string(1 + random() % 3, ' ') + note;
      with += "\n";
    }
    check_layout(with, "day " + std::to_string(day));
  }
}

TEST(Format, KeepsCommentsInsideBraces) {
  std::mt19937 random(11);  // NOLINT(cert-msc51-cpp)
  const std::string text = text_of(fs::path(KIT_SOURCE_DIR) / "examples/store/api/store.yaml");
  for (int day = 0; day < 30; ++day) {
    std::string with;
    int number = 0;
    for (const char c : text) {
      with += c;
      // A line break after a comma, with a comment or without.
      const bool in_type = std::string_view(with).ends_with("(10,");
      if (c == ',' && !in_type && random() % 9 == 0)
        with += (random() % 2 == 0 ? " #! " + std::to_string(number++) : "") + "\n          ";
    }
    std::erase(with, '\t');
    const schema::Source source("x", with);
    schema::Diagnostics diagnostics(source);
    if (!schema::parse_yaml(source, diagnostics) || diagnostics.error_count() > 0)
      continue;  // the comma was one of a comment
    check_layout(with, "day " + std::to_string(day));
  }
}

TEST(Format, LaysOut) {
  EXPECT_EQ(formatted(R"(kit:   1   #! version
service: 'shop'
enums:
    Kind: [a,   b]
    LongerKind: {doc: "x: y", values: [c]}
entities:
    Item:
        #! lead
        doc: >-
            A long
              text.

            More.
        fields:
            name: {type: string,max: 40}


            #! of price
            price:   {type: decimal( 10,2 ), min: 0}   #! money
            #! at the end
        #! further out
    Other:
        fields: {a: string,
          #! inside
          b: int32}   #! behind
        indexes:
        -   fields: [a]
            unique: true
        - [a, b]
)"),
            R"(kit: 1  #! version
service: 'shop'

enums:
  Kind:       [a, b]
  LongerKind: {doc: "x: y", values: [c]}

entities:
  Item:
    #! lead
    doc: >-
      A long
        text.

      More.
    fields:
      name: {type: string, max: 40}

      #! of price
      price: {type: decimal( 10,2 ), min: 0}  #! money
      #! at the end
    #! further out

  Other:
    fields:  #! behind
      a: string
      #! inside
      b: int32
    indexes:
      - fields: [a]
        unique: true
      - [a, b]
)");
}

TEST(Format, RefusesWhatIsBroken) {
  for (const char* text : {"", "a: [", "a: {b: c", "[a, b]", "{kit: 1}", "\tkit: 1", "a: &x 1",
                           "a: \"", "a: 1\na: 2", "just text"}) {
    EXPECT_TRUE(formatted(text).starts_with("error: ")) << text;
  }
}

TEST(Format, TextsOfSeveralLinesAreTextsInQuotes) {
  EXPECT_EQ(formatted("kit: 1\ndoc: one\n  two\n\n  three\n"),
            "kit: 1\ndoc: \"one two\\nthree\"\n");
  check_layout(
      "kit: 1\nservice: shop\nentities:\n  Item:\n    doc: one\n\n      \"two\" \\x\n"
      "    fields: {a: int32}\n",
      "several lines");
}

TEST(Format, SaysWhereItCannotGoOn) {
  const auto check = [](const std::string& text, const std::string& place,
                        const std::string& message) {
    EXPECT_THAT(formatted(text), testing::StartsWith("error: shop.yaml:" + place + ": error: "))
        << text;
    EXPECT_THAT(formatted(text), testing::HasSubstr(message));
  };
  check("kit: 1\nx:\n  - - a\n    - b\n", "3:5", "cannot be laid out anew");
  check("", "1:1", "there is no schema in this file");
  check("# only\n# comments\n", "1:1", "there is no schema in this file");
  check("# first\n[a, b]\n", "2:1", "a schema is a mapping of lines");
  check("kit: 1\nb: decimal(10, # digits\n  2)\n", "2:16", "inside parentheses");
}

TEST(Format, IsSafeWithAnything) {
  // Whatever comes out says the same, or nothing comes out.
  std::mt19937 random(3);  // NOLINT(cert-msc51-cpp)
  const std::string letters = "ab: \n  {}[],#'\"|>-&\\\xC3\xA9";
  for (int round = 0; round < 20'000; ++round) {
    std::string text = "k: 1\n";
    const auto size = random() % 60;
    for (unsigned i = 0; i < size; ++i) text += letters[random() % letters.size()];
    const std::string once = formatted(text);
    if (once.starts_with("error: ")) continue;
    const std::string twice = formatted(once);
    if (!twice.starts_with("error: ")) EXPECT_EQ(twice, once) << text;
  }
}

}  // namespace
}  // namespace kitgen::model
