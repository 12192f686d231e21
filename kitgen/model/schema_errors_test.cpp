// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "kitgen/model/detail/golden_file.hpp"
#include "kitgen/model/load.hpp"

namespace kitgen::model {
namespace {

const std::string folder = KIT_SOURCE_DIR "/tests/golden/schema_errors";

class SchemaErrors : public testing::TestWithParam<std::string> {};

TEST_P(SchemaErrors, AreToldAsTheGoldenSays) {
  const std::string path = folder + "/" + GetParam();
  testing_files::GoldenFile golden = testing_files::GoldenFile::read(path);
  std::string input = golden.input();
  const testing_files::MemoryFiles files(testing_files::GoldenFile::take_files(input));
  const Loaded loaded = load_text(input, "schema.yaml", files);
  const std::string report = schema::to_string(loaded.diagnostics);
  EXPECT_FALSE(loaded.service.has_value()) << "no error was found";
  if (std::getenv("UPDATE_GOLDENS") != nullptr) {
    golden.write(path, report);
    return;
  }
  EXPECT_EQ(report, golden.wanted());
}

INSTANTIATE_TEST_SUITE_P(Golden, SchemaErrors, testing::ValuesIn(testing_files::files_in(folder)),
                         [](const auto& test) { return testing_files::test_name(test.param); });

TEST(SchemaErrorGoldens, AreManyAndNumberedOnce) {
  const std::vector<std::string> files = testing_files::files_in(folder);
  EXPECT_GE(files.size(), 70U);
  std::set<std::string> numbers;
  for (const std::string& file : files)
    EXPECT_TRUE(numbers.insert(file.substr(0, 3)).second) << file;
}

}  // namespace
}  // namespace kitgen::model
