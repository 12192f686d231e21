// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kitgen/cli/test_folder.hpp"
#include "kitgen/cli/tree.hpp"

namespace kitgen::cli {

inline render::File generated(std::string path, std::string text) {
  return {std::move(path), std::move(text), render::Ownership::generated, false};
}
inline render::File started(std::string path, std::string text) {
  return {std::move(path), std::move(text), render::Ownership::started, false};
}

struct TreeTest : testing::Test {
  TestFolder folder;
  Root root = Root::open(folder.path()).value();

  Plan plan(std::vector<render::File> files, PlanOptions options = {}) {
    return make_plan(root, std::move(files), options).value();
  }
  /// "create a", "rewrite b"; unchanged ones left out.
  static std::vector<std::string> actions(const Plan& plan) {
    std::vector<std::string> texts;
    for (const Change& change : plan.changes) {
      if (change.action == Action::unchanged) continue;
      texts.push_back(std::string(name(change.action)) + " " + change.path);
    }
    return texts;
  }
  void generate(std::vector<render::File> files, PlanOptions options = {}) {
    const Plan made = plan(std::move(files), options);
    ASSERT_THAT(made.edited, testing::IsEmpty());
    ASSERT_TRUE(apply(root, made).ok());
    ASSERT_THAT(root.list(".kit/stage").value(), testing::IsEmpty());
  }
};

}  // namespace kitgen::cli
