// SPDX-License-Identifier: Apache-2.0
// What the generator refuses and carries; its texts are in tests/golden.
#include <gtest/gtest.h>

#include "kitgen/model/load.hpp"
#include "kitgen/render/render.hpp"

namespace kitgen::render {
namespace {

TEST(RenderCpp, AHundredEntities) {
  std::string schema = "kit: 1\nservice: big\nentities:\n";
  for (int i = 0; i < 100; ++i) {
    schema += "  Thing" + std::to_string(i) + "x:\n    fields: {name: {type: string, max: 40}}\n";
  }
  const model::Loaded loaded = model::load_text(schema, "api/big.yaml");
  ASSERT_TRUE(loaded.service);
  const auto files = render_cpp(*loaded.service, {});
  ASSERT_TRUE(files);
  EXPECT_GT(files->size(), 1000U);
}

TEST(RenderCpp, RefusesNamesOfItsOwn) {
  const auto refusal = [](std::string_view schema) -> std::string {
    const model::Loaded loaded = model::load_text(schema, "api/x.yaml");
    if (!loaded.service) return schema::to_string(loaded.diagnostics);
    const auto files = render_cpp(*loaded.service, {});
    return files ? "" : files.error().message();
  };
  EXPECT_NE(refusal("kit: 1\nservice: x\nentities:\n  UnitOfWork:\n    fields: {name: {type: "
                    "string, max: 4}}\n"),
            "");
  EXPECT_NE(
      refusal("kit: 1\nservice: x\nentities:\n  Box:\n    fields: {name: {type: string, max: 4}}\n"
              "    actions: {update: {}}\n"),
      "");
  const std::string with_history =
      "kit: 1\nservice: x\nentities:\n  Box:\n    fields: {name: {type: string, max: 4}}\n"
      "    has_many: {history: Note}\n    keep: {audit: ";
  const std::string note =
      "}\n  Note:\n    fields: {text: {type: string, max: 4}}\n    belongs_to: {box: Box}\n";
  EXPECT_EQ(refusal(with_history + "false" + note), "");
  EXPECT_NE(refusal(with_history + "true" + note).find("Box.history"), std::string::npos);
  const std::string shared = refusal(
      "kit: 1\nservice: x\nentities:\n  Box:\n    fields: {name: {type: string, max: 4}}\n"
      "  BoxList:\n    fields: {name: {type: string, max: 4}}\n");
  EXPECT_NE(shared, "");
}

}  // namespace
}  // namespace kitgen::render
