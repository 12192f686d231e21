// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "kitgen/cli/command.hpp"
#include "kitgen/cli/test_folder.hpp"

namespace kitgen::cli {

inline constexpr const char* schema_text = R"(kit: 1
service: shop
entities:
  Item:
    fields:
      name: {type: string, max: 120}
)";

/// Runs the program's main() inside a folder.
struct CommandTest : testing::Test {
  struct Outcome {
    int code = -1;
    std::string out;
    std::string err;
  };

  Outcome kitgen(std::vector<std::string> words) {
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path(directory));
    words.insert(words.begin(), "kitgen");
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.code = run(static_cast<int>(words.size()), pointers.data());
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    std::filesystem::current_path(before);
    return outcome;
  }

  void check_usage(std::vector<std::string> words, const std::string& message) {
    const Outcome outcome = kitgen(std::move(words));
    EXPECT_EQ(outcome.code, 2);
    EXPECT_THAT(outcome.err, testing::HasSubstr(message));
    EXPECT_EQ(outcome.out, "");
  }
  void check_failure(std::vector<std::string> words, const std::string& message) {
    const Outcome outcome = kitgen(std::move(words));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, testing::HasSubstr(message));
  }

  TestFolder folder;
  std::string directory;
};

}  // namespace kitgen::cli
