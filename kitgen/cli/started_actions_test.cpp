// SPDX-License-Identifier: Apache-2.0
// Actions come and go beside actions that a person wrote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "kitgen/cli/diff.hpp"
#include "kitgen/cli/generate.hpp"
#include "kitgen/cli/merge.hpp"
#include "kitgen/cli/test_storage.hpp"

namespace kitgen::cli {
namespace {

using Names = std::vector<std::string>;

/// The five shapes that the stub of an action has.
std::string action(const std::string& name) {
  static constexpr std::array<std::string_view, 5> shapes = {
      "{output: Item}", "{input: {name: Item.name}, output: Item}", "{input: {name: Item.name}}",
      "{output: Shop}", "{on: collection, input: {name: Item.name}}"};
  return "      " + name + ": " +
         std::string(shapes.at(static_cast<std::size_t>(name.back() - '0'))) + "\n";
}

struct Stubs {
  std::string service;
  std::string rules;
  std::string header;
};

Stubs stubs(const Names& names) {
  std::string text =
      "kit: 1\nservice: shop\nentities:\n  Shop:\n    fields: {name: {type: string, max: 9}}\n"
      "  Item:\n    fields: {name: {type: string, max: 120}}\n    actions:\n";
  for (const std::string& name : names) text += action(name);
  Stubs result;
  auto files = render_all(service_of(text), "internal");
  EXPECT_TRUE(files.ok());
  for (const render::File& file : *files) {
    if (file.path == "internal/service/item_service.cpp") result.service = file.text;
    if (file.path == "internal/biz/item.cpp") result.rules = file.text;
    if (file.path == "internal/biz/item.hpp") result.header = file.text;
  }
  return result;
}

/// What a person does to the stub of an action.
enum class Edit : std::uint8_t {
  first_line,
  last_line,
  second_line,
  new_body,
  body_of_paragraphs,
  signature,
  function_below,
  function_above,
  count,
};

/// The function that `start` begins, with its edit, when the text has it.
std::string edited(std::string text, const std::string& start, Edit edit) {
  const std::size_t at = text.find(start);
  if (at == std::string::npos) return text;
  const std::size_t body = text.find("{\n", at) + 2;
  const std::size_t end = text.find("\n}\n", at) + 1;
  const std::string mine = "  mine_" + start.substr(start.find_last_of(" :") + 1) + ");\n";
  switch (edit) {
    case Edit::first_line:
      return text.insert(body, mine);
    case Edit::last_line:
      return text.insert(end, mine);
    case Edit::second_line:
      return text.insert(text.find('\n', body) + 1, mine);
    case Edit::new_body:
      return text.replace(body, end - body, mine);
    case Edit::body_of_paragraphs:
      return text.replace(body, end - body, mine + "\n" + mine + "\n" + mine);
    case Edit::signature:
      return text.insert(text.find('(', at) + 1, "/* mine */ ");
    case Edit::function_below:
      return text.insert(end + 2, "\nvoid mine() {\n" + mine + "}\n");
    case Edit::function_above:
    case Edit::count:
      break;
  }
  return text.insert(text.rfind('\n', at) + 1, "void mine() {\n" + mine + "}\n\n");
}

std::string without_function(std::string text, const std::string& start) {
  const std::size_t at = text.find(start);
  if (at == std::string::npos) return text;
  const std::size_t begin = text.rfind('\n', at) + 1;
  return text.erase(begin, text.find("\n}\n\n", at) + 4 - begin);
}

bool is_beside(Edit edit) {
  return edit == Edit::function_above || edit == Edit::function_below;
}

class StartedActions : public testing::Test {
 protected:
  Names some(const Names& from) {
    Names result;
    for (const std::string& each : from) {
      if (random_() % 2 == 0) result.push_back(each);
    }
    return result;
  }
  static bool has(const Names& all, const std::string& name) {
    return std::ranges::find(all, name) != all.end();
  }
  std::map<std::string, Edit> edits(const Names& of, int kinds) {
    std::map<std::string, Edit> result;
    for (const std::string& each : some(of)) {
      result[each] = static_cast<Edit>(random_() % static_cast<unsigned>(kinds));
    }
    return result;
  }
  static void edit(Stubs& stubs, const std::string& name, Edit edit) {
    stubs.service = edited(stubs.service, "ItemService::" + name + "(", edit);
    stubs.rules = edited(stubs.rules, " " + name + "(", edit);
  }
  static void erase(Stubs& stubs, const std::string& name) {
    stubs.service = without_function(stubs.service, "ItemService::" + name + "(");
    stubs.rules = without_function(stubs.rules, " " + name + "(");
  }
  static void check(const std::string& before, const std::string& yours, const std::string& now,
                    const std::string& wanted, bool keeps) {
    if (before.empty() || now.empty()) return;  // the whole file came or went
    const auto result = merge({.before = before, .yours = yours, .now = now});
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(unified_diff(wanted, result->text, 50), "")
        << "yours:\n"
        << unified_diff(before, yours, 100) << "now:\n"
        << unified_diff(before, now, 100);
    EXPECT_TRUE(result->conflicts.empty());
    EXPECT_EQ(!result->kept.empty(), keeps);
  }

  std::mt19937 random_{5};
  const Names all_{"alter0", "blend1", "clear2", "drain3", "empty4", "fetch0", "grind1"};
};

TEST_F(StartedActions, untouched_ones_go_and_written_ones_stay) {
  for (int round = 0; round < 150 && !HasFailure(); ++round) {
    Names had = some(all_);
    const auto changes = edits(had, static_cast<int>(Edit::count));
    Names left = some(had);
    // One with a rule always stays, and with it what the files include.
    had.emplace_back("zoom0");
    left.emplace_back("zoom0");
    Names there = left;  // what has to stand there at the end
    Names erased;
    bool keeps = false;
    bool keeps_rules = false;
    for (const auto& [name, change] : changes) {
      if (has(left, name)) continue;
      there.push_back(name);
      if (is_beside(change)) {
        erased.push_back(name);
      } else {
        keeps = true;
        keeps_rules = keeps_rules || !name.ends_with('4');
      }
    }
    std::ranges::sort(there);
    const Stubs before = stubs(had);
    const Stubs now = stubs(left);
    Stubs yours = before;
    Stubs wanted = stubs(there);
    for (const auto& [name, change] : changes) {
      edit(yours, name, change);
      edit(wanted, name, change);
    }
    for (const std::string& name : erased) erase(wanted, name);
    SCOPED_TRACE(round);
    check(before.service, yours.service, now.service, wanted.service, keeps);
    check(before.rules, yours.rules, now.rules, wanted.rules, keeps_rules);
  }
}

TEST_F(StartedActions, new_ones_come_beside_written_ones) {
  for (int round = 0; round < 150 && !HasFailure(); ++round) {
    const Names has = some(all_);
    const Names had = some(has);
    if (had.empty()) continue;
    const Stubs before = stubs(had);
    const Stubs now = stubs(has);
    Stubs yours = before;
    Stubs wanted = now;
    // Functions that both put at one place are a conflict.
    for (const auto& [name, change] : edits(had, static_cast<int>(Edit::function_below))) {
      edit(yours, name, change);
      edit(wanted, name, change);
    }
    SCOPED_TRACE(round);
    check(before.service, yours.service, now.service, wanted.service, false);
    check(before.rules, yours.rules, now.rules, wanted.rules, false);
  }
}

}  // namespace
}  // namespace kitgen::cli
