// SPDX-License-Identifier: Apache-2.0
// tests/golden/evolve: each case is a schema, a changed one, the answers of a person, and the
// migration or the message that follow. UPDATE_GOLDENS=1 writes them anew. Every migration is run:
// what it leads to is what the changed schema gives from nothing, and its way back leads back.
#include "kitgen/cli/evolution.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "kit/base/text.hpp"
#include "kitgen/cli/test_folder.hpp"
#include "kitgen/cli/test_sections.hpp"
#include "kitgen/cli/test_storage.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> cases() {
  std::vector<fs::path> paths;
  const fs::path place = fs::path(KIT_SOURCE_DIR) / "tests/golden/evolve";
  for (const auto& entry : fs::directory_iterator(place)) paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

EvolutionOptions options_of(const std::string& flags) {
  EvolutionOptions options;
  for (const std::string_view line : kit::split(flags, '\n')) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string_view flag = line.substr(0, blank);
    const std::string value(line.substr(std::min(blank + 1, line.size())));
    if (flag == "--allow-destructive") options.allow_destructive = true;
    if (flag == "--drop") options.decisions.drops.push_back(value);
    if (flag == "--name") options.name = value;
    if (flag == "--rename") {
      const std::size_t equals = value.find('=');
      options.decisions.renames.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    }
  }
  return options;
}

class EvolveGolden : public testing::TestWithParam<fs::path> {
 protected:
  kit::Result<Evolution> evolve(const std::string& schema, const EvolutionOptions& options) {
    folder.write("api/shop.yaml", schema);
    auto root = Root::open(folder.path(""));
    EXPECT_TRUE(root.ok());
    auto evolution = evolve_storage(*root, service_of(schema), options, nullptr);
    if (!evolution) return evolution;
    for (const render::File& file : evolution->files) folder.write(file.path, file.text);
    return evolution;
  }

  void check_on_database(const std::string& before, const std::string& after,
                         const std::string& name, const std::string& up, const std::string& down) {
    Storage storage(before);
    const auto old_catalogue = storage.catalogue();
    const auto done = storage.up(name, up, down);
    ASSERT_TRUE(done.ok()) << done.error().message();
    EXPECT_EQ(storage.catalogue(), Storage(after).catalogue());
    const auto undone = storage.down();
    ASSERT_TRUE(undone.ok()) << undone.error().message();
    EXPECT_EQ(storage.catalogue(), old_catalogue);
  }

  TestFolder folder;
};

TEST_P(EvolveGolden, says_what_the_golden_says) {
  auto parts = sections(read_case(GetParam()));
  const std::string before = parts["before"];
  const std::string after = parts["after"];
  ASSERT_TRUE(evolve(before, {}).ok());
  const auto evolution = evolve(after, options_of(parts["flags"]));
  std::string text = parts[""] + "=== before\n" + before + "=== after\n" + after;
  if (!parts["flags"].empty()) text += "=== flags\n" + parts["flags"];
  if (!evolution) {
    text += "=== message\n" + evolution.error().message();
  } else if (evolution->files.size() == 1) {
    text += "=== no migration\n";
  } else {
    const render::File& down = evolution->files[0];
    const render::File& up = evolution->files[1];
    text += "=== " + up.path + "\n" + up.text + "=== " + down.path + "\n" + down.text;
    check_on_database(before, after, "change", up.text, down.text);
    // What is written leads to the schema: a second run has nothing to do.
    EXPECT_EQ(evolve(after, {})->files.size(), 1U);
  }
  if (std::getenv("UPDATE_GOLDENS") != nullptr) std::ofstream(GetParam(), std::ios::binary) << text;
  EXPECT_EQ(read_case(GetParam()), text) << GetParam() << " differs; UPDATE_GOLDENS=1 accepts it";
}

/// Two fields gone, two like them new: asked one after the other, an answer settles others.
TEST(Evolution, asks_a_person_until_nothing_is_open) {
  const auto schema = [](const std::string& fields) {
    return "kit: 1\nservice: shop\nentities:\n  Customer:\n    fields: {name: string, " + fields +
           "}\n";
  };
  TestFolder folder;
  folder.write("api/shop.yaml", "");
  auto root = Root::open(folder.path(""));
  ASSERT_TRUE(root.ok());
  const auto run = [&](const std::string& fields, const EvolutionOptions& options, const Ask* ask) {
    return evolve_storage(*root, service_of(schema(fields)), options, ask);
  };
  const auto first = run("fax: int32, age: date", {}, nullptr);
  for (const render::File& file : first->files) folder.write(file.path, file.text);

  std::string asked;
  const auto no_then_yes = [&](const evolve::Question& question) {
    asked += question.from + "=" + question.to + " ";
    return question.to != "phone";
  };
  const std::string fields =
      "phone: {type: int32, optional: true}, mobile: {type: int32, optional: true}, born: date";
  const Ask ask(no_then_yes);
  const auto answered = run(fields, {}, &ask);
  ASSERT_TRUE(answered.ok()) << answered.error().message();
  EXPECT_EQ(asked, "customers.age=born customers.fax=phone customers.fax=mobile ");
  EXPECT_NE(answered->sql.find("RENAME COLUMN fax TO mobile;"), std::string::npos);
  EXPECT_NE(answered->sql.find("RENAME COLUMN age TO born;"), std::string::npos);
  // No to all of them is a loss, which takes more than an answer.
  const auto never = [](const evolve::Question&) { return false; };
  const Ask deny(never);
  const auto lost = run("phone: {type: int32, optional: true}, age: date", {}, &deny);
  ASSERT_FALSE(lost.ok());
  EXPECT_NE(lost.error().message().find("customers.fax is dropped"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Golden, EvolveGolden, testing::ValuesIn(cases()),
                         [](const auto& case_) { return case_.param.stem().string(); });

}  // namespace
}  // namespace kitgen::cli
