// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "kitgen/model/detail/golden_file.hpp"
#include "kitgen/model/load.hpp"

namespace kitgen::model {
namespace {

const std::string folder = KIT_SOURCE_DIR "/tests/golden/model";

class ModelDump : public testing::TestWithParam<std::string> {};

TEST_P(ModelDump, IsAsTheGoldenSays) {
  const std::string path = folder + "/" + GetParam();
  testing_files::GoldenFile golden = testing_files::GoldenFile::read(path);
  std::string input = golden.input();
  const testing_files::MemoryFiles files(testing_files::GoldenFile::take_files(input));
  const Loaded loaded = load_text(input, "schema.yaml", files);
  ASSERT_TRUE(loaded.service.has_value()) << schema::to_string(loaded.diagnostics);
  EXPECT_TRUE(loaded.diagnostics.empty()) << schema::to_string(loaded.diagnostics);
  const std::string text = dump(*loaded.service);
  if (std::getenv("UPDATE_GOLDENS") != nullptr) {
    golden.write(path, text);
    return;
  }
  EXPECT_EQ(text, golden.wanted());
}

INSTANTIATE_TEST_SUITE_P(Golden, ModelDump, testing::ValuesIn(testing_files::files_in(folder)),
                         [](const auto& test) { return testing_files::test_name(test.param); });

}  // namespace
}  // namespace kitgen::model
