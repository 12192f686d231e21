// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/json_schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "kit/base/text.hpp"
#include "kitgen/model/load.hpp"
#include "kitgen/schema/language.hpp"

namespace kitgen::model {
namespace {

/// A schema whose mapping of the kind holds the key "zzz" only, on a line of its own.
std::string schema_with_unknown_key(std::string_view kind) {
  const std::string head = "kit: 1\nservice: shop\n";
  const std::string zzz = "{zzz: 1}\n";
  if (kind == "schema") return head + "zzz: 1\n";
  if (kind == "enum") return head + "enums: {Kind: " + zzz.substr(0, 8) + "}\n";
  const std::string entity = head + "entities:\n  A:\n    ";
  if (kind == "entity") return head + "entities:\n  A: " + zzz;
  if (kind == "subscriber") return head + "subscribers:\n  a: " + zzz;
  if (kind == "mixin") return head + "mixins:\n  a: " + zzz;
  if (kind == "mixin_list") return head + "mixins:\n  a:\n    list: " + zzz;
  if (kind == "items") return entity + "fields:\n      a: {type: [string], items: {zzz: 1}}\n";
  if (kind == "field") return entity + "fields:\n      a: " + zzz;
  if (kind == "job") return head + "jobs:\n  a: " + zzz;
  if (kind == "index") return entity + "indexes:\n      - " + zzz;
  if (kind == "action") return entity + "actions:\n      a: " + zzz;
  if (kind == "csv") return entity + "import:\n      csv: " + zzz;
  if (kind == "keep" || kind == "list" || kind == "import" || kind == "access" || kind == "cache" ||
      kind == "console")
    return entity + std::string(kind) + ": " + zzz;
  return entity + std::string(kind) + ":\n      a: " + zzz;  // a relation
}

/// What the reader says is known there: "known here: 'a', 'b' or 'c'".
std::set<std::string> keys_the_reader_takes(std::string_view kind) {
  std::set<std::string> keys;
  for (const schema::Diagnostic& each :
       load_text(schema_with_unknown_key(kind), "shop.yaml").diagnostics) {
    if (!each.message.starts_with("unknown key 'zzz'")) continue;
    const std::string& text = each.suggestion;
    EXPECT_TRUE(text.starts_with("known here: ")) << text;
    std::string word;
    for (const char c : text.substr(std::string_view("known here: ").size()) + ",") {
      if ((c >= 'a' && c <= 'z') || c == '_') {
        word += c;
      } else if (!word.empty()) {
        if (word != "or") keys.insert(word);
        word.clear();
      }
    }
  }
  return keys;
}

TEST(JsonSchema, KnowsTheKeysTheReaderTakes) {
  for (const schema::Mapping& mapping : schema::language()) {
    std::set<std::string> keys;
    for (const schema::Key& key : mapping.keys) {
      keys.emplace(key.name);
      EXPECT_FALSE(key.doc.empty()) << mapping.name << "." << key.name;
    }
    EXPECT_EQ(keys, keys_the_reader_takes(mapping.name)) << mapping.name;
  }
}

TEST(JsonSchema, IsWhatIsPublished) {
  const std::string path = std::string(KIT_SOURCE_DIR) + "/docs/reference/schema.json";
  if (std::getenv("UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path, std::ios::binary) << json_schema();
    return;
  }
  std::ifstream stream(path, std::ios::binary);
  const std::string published{std::istreambuf_iterator<char>(stream), {}};
  EXPECT_EQ(published, json_schema()) << "UPDATE_GOLDENS=1 kitgen_model_test writes it anew";
}

TEST(JsonSchema, EveryReferenceLeadsSomewhere) {
  const std::string text = json_schema();
  for (std::size_t at = text.find("#/definitions/"); at != std::string::npos;
       at = text.find("#/definitions/", at + 1)) {
    const std::size_t start = at + std::string_view("#/definitions/").size();
    const std::string name = text.substr(start, text.find('"', start) - start);
    EXPECT_THAT(text, testing::HasSubstr("\n    \"" + name + "\": {")) << name;
  }
}

}  // namespace
}  // namespace kitgen::model
