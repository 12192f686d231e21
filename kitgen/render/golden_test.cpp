// SPDX-License-Identifier: Apache-2.0
// tests/golden/openapi: each case is a schema and the files that follow
// from it. UPDATE_GOLDENS=1 writes them anew.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "kitgen/model/load.hpp"
#include "kitgen/render/openapi.hpp"
#include "kitgen/render/project.hpp"
#include "kitgen/render/typescript.hpp"

namespace kitgen::render {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void check(const fs::path& golden, const std::string& text) {
  if (std::getenv("UPDATE_GOLDENS") != nullptr) std::ofstream(golden, std::ios::binary) << text;
  EXPECT_EQ(read(golden), text) << golden << " differs; UPDATE_GOLDENS=1 accepts the new text";
}

template <class Check>
void for_each_case(const std::string& folder, Check check_case) {
  const fs::path place = fs::path(KIT_SOURCE_DIR) / "tests/golden" / folder;
  int cases = 0;
  for (const auto& entry : fs::directory_iterator(place)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".schema.yaml")) continue;
    ++cases;
    model::Loaded loaded = model::load_text(read(entry.path()), "api/" + name);
    ASSERT_TRUE(loaded.service) << schema::to_string(loaded.diagnostics);
    loaded.service->schema_file = "api/" + name;
    check_case(*loaded.service, place / name.substr(0, name.size() - 12));
  }
  EXPECT_GT(cases, 0) << folder;
}

TEST(Golden, openapi_and_typescript) {
  for_each_case("openapi", [](const model::Service& service, const fs::path& stem) {
    check(stem.string() + ".openapi.yaml", render_openapi(service, {})->front().text);
    check(stem.string() + ".client.ts", render_typescript(service, {})->front().text);
  });
}

/// What a new project starts with is a schema without a complaint.
TEST(Golden, a_new_projects_schema_is_right) {
  for (const File& file : render_project("music_store", "music_store")) {
    for (const char* mark : {"@name@", "@Name@", "@Label@"}) {
      EXPECT_EQ(file.text.find(mark), std::string::npos) << file.path;
    }
    if (file.path != "api/music_store.yaml") continue;
    const model::Loaded loaded = model::load_text(file.text, file.path);
    EXPECT_TRUE(loaded.service && loaded.diagnostics.empty())
        << schema::to_string(loaded.diagnostics);
  }
}

}  // namespace
}  // namespace kitgen::render
