// SPDX-License-Identifier: Apache-2.0
// tests/golden/migrations/servers: a schema, a changed one, and the SQL for PostgreSQL and MariaDB
// that leads from one to the other and back. UPDATE_GOLDENS=1 writes them anew. What the SQL does
// is tried on servers by tests/evolution; here people read it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "kitgen/cli/test_command.hpp"
#include "kitgen/cli/test_sections.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> cases() {
  std::vector<fs::path> paths;
  const fs::path place = fs::path(KIT_SOURCE_DIR) / "tests/golden/migrations/servers";
  for (const auto& entry : fs::directory_iterator(place)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

struct ServerGolden : CommandTest, testing::WithParamInterface<fs::path> {
  void generate(const std::string& schema, std::vector<std::string> words) {
    folder.write("api/shop.yaml", schema);
    words.insert(words.begin(), "generate");
    const Outcome outcome = kitgen(std::move(words));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
  }
  /// The migrations behind the first one.
  std::vector<std::string> written() const {
    std::vector<std::string> names;
    for (const char* dialect : {"mysql", "postgresql"}) {
      const std::string place = std::string("migrations/") + dialect;
      for (const auto& entry : fs::directory_iterator(folder.path(place))) {
        const std::string name = entry.path().filename().string();
        if (!name.starts_with("0001_")) names.push_back(place + "/" + name);
      }
    }
    std::ranges::sort(names);
    return names;
  }
};

TEST_P(ServerGolden, says_what_the_golden_says) {
  auto parts = sections(read_case(GetParam()));
  generate(parts["before"], {"--add-database=postgresql", "--add-database=mysql"});
  generate(parts["after"], {"--allow-destructive"});
  std::string text = parts[""] + "=== before\n" + parts["before"] + "=== after\n" + parts["after"];
  for (const std::string& name : written()) text += "=== " + name + "\n" + folder.read(name);
  if (std::getenv("UPDATE_GOLDENS") != nullptr) std::ofstream(GetParam(), std::ios::binary) << text;
  EXPECT_EQ(read_case(GetParam()), text) << GetParam() << " differs; UPDATE_GOLDENS=1 accepts it";
}

INSTANTIATE_TEST_SUITE_P(Cases, ServerGolden, testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param.stem().string(); });

}  // namespace
}  // namespace kitgen::cli
