// SPDX-License-Identifier: Apache-2.0
// What happens to the files of a person when the schema changes.
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "kit/base/sha256.hpp"
#include "kitgen/cli/test_command.hpp"

namespace kitgen::cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* head = R"(kit: 1
service: shop
entities:
  Item:
    fields:
      name: {type: string, max: 120}
)";
constexpr const char* rename_action = "      rename: {input: {name: Item.name}, output: Item}\n";
constexpr const char* retire_action = "      retire: {output: Item}\n";

const std::string service_file = "internal/service/item_service.cpp";
const std::string rules_file = "internal/biz/item.cpp";

class RegenerateTest : public CommandTest {
 protected:
  void SetUp() override { schema({rename_action}); }

  void schema(const std::vector<std::string>& actions, const std::string& more = "") {
    std::string text = head;
    if (!actions.empty()) text += "    actions:\n";
    for (const std::string& action : actions) text += action;
    folder.write("api/shop.yaml", text + more);
  }
  Outcome generate(std::vector<std::string> words = {}) {
    words.insert(words.begin(), "generate");
    return kitgen(std::move(words));
  }
  /// Puts text before the first place where `mark` stands.
  void edit(const std::string& file, const std::string& mark, const std::string& text) {
    std::string all = folder.read(file);
    const std::size_t at = all.find(mark);
    ASSERT_NE(at, std::string::npos) << mark << " in\n" << all;
    folder.write(file, all.insert(at, text));
  }
  void replace(const std::string& file, const std::string& from, const std::string& to) {
    edit(file, from, to);
    std::string all = folder.read(file);
    folder.write(file, all.erase(all.find(from), from.size()));
  }
  std::size_t line_of(const std::string& file, const std::string& mark) {
    const std::string text = folder.read(file);
    return 1 + static_cast<std::size_t>(std::ranges::count(text.substr(0, text.find(mark)), '\n'));
  }
};

TEST_F(RegenerateTest, a_new_action_is_put_into_edited_files) {
  ASSERT_EQ(generate().code, 0);
  edit(service_file, "  co_await work->commit();", "  log_rename(item);\n");
  edit(service_file, "#include <memory>", "#include <algorithm>\n");
  replace(rules_file, "rename(Item&, ItemRenameInput)",
          "rename(Item& item, ItemRenameInput input)");
  replace(rules_file,
          "  return kit::Error(kit::Code::unimplemented, \"rename of item is not written yet\");\n",
          "  item.name = input.name;\n  return {};\n");
  const std::string service = folder.read(service_file);
  schema({rename_action, retire_action});
  const Outcome outcome = generate();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("  merge   internal/service/item_service.cpp\n"));
  EXPECT_THAT(outcome.out, HasSubstr(" 2 merged, "));
  EXPECT_THAT(outcome.out, Not(HasSubstr("Commit before")));  // no git here, no noise
  const std::string merged = folder.read(service_file);
  // Everything the person has, then the new function, whole.
  const std::string end = "\n}  // namespace shop::service\n";
  EXPECT_TRUE(merged.starts_with(service.substr(0, service.size() - end.size()))) << merged;
  EXPECT_THAT(merged,
              HasSubstr("\n}\n\nkit::Task<biz::Item> ItemService::retire(biz::ItemId id) {\n"));
  EXPECT_THAT(folder.read(rules_file), AllOf(HasSubstr("item.name = input.name;"),
                                             HasSubstr("retire of item is not written yet")));
  EXPECT_THAT(folder.read("internal/biz/item.hpp"), HasSubstr("retire(Item& item);"));
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
}

/// Every stub of a rule gets another first line from the person: it names its parameters.
TEST_F(RegenerateTest, a_new_action_above_an_edited_one_is_put_in) {
  ASSERT_EQ(generate().code, 0);
  replace(rules_file, "rename(Item&, ItemRenameInput)",
          "rename(Item& item, ItemRenameInput input)");
  schema({retire_action, rename_action});
  EXPECT_EQ(generate().code, 0);
  const std::string rules = folder.read(rules_file);
  EXPECT_LT(rules.find("retire(Item&)"), rules.find("rename(Item& item, ItemRenameInput input)"));
}

TEST_F(RegenerateTest, a_changed_signature_is_merged) {
  ASSERT_EQ(generate().code, 0);
  edit(service_file, "  co_await work->items().save(item);", "  check_stock(item);\n");
  schema({"      rename: {input: {name: Item.name}, emits: ItemRenamed}\n"},
         "    events:\n      ItemRenamed: {item_id: Item.id}\n");
  const Outcome outcome = generate();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(folder.read(service_file),
              AllOf(HasSubstr("kit::Task<> ItemService::rename("), HasSubstr("check_stock(item);"),
                    HasSubstr("const biz::ItemRenamed event = co_await biz::rename("),
                    HasSubstr("outbox().add(event)"), HasSubstr("outbox.gen.hpp"),
                    Not(HasSubstr("co_return item;"))));
}

TEST_F(RegenerateTest, both_changed_the_signature) {
  ASSERT_EQ(generate().code, 0);
  replace(rules_file, "rename(Item&, ItemRenameInput)",
          "rename(Item& item, ItemRenameInput input)");
  schema({"      rename: {input: {name: Item.name}, emits: ItemRenamed}\n"},
         "    events:\n      ItemRenamed: {item_id: Item.id}\n");
  const Outcome outcome = generate();
  EXPECT_EQ(outcome.code, 1);
  const std::size_t first = line_of(rules_file, "<<<<<<< yours");
  EXPECT_THAT(outcome.err, HasSubstr("  internal/biz/item.cpp:" + std::to_string(first) + "-" +
                                     std::to_string(first + 6) + "\n"));
  EXPECT_THAT(folder.read(rules_file),
              HasSubstr("<<<<<<< yours\nkit::Result<> rename(Item& item, ItemRenameInput input) {\n"
                        "||||||| before\nkit::Result<> rename(Item&, ItemRenameInput) {\n=======\n"
                        "kit::Result<ItemRenamed> rename(Item&, ItemRenameInput) {\n"
                        ">>>>>>> kitgen\n  return kit::Error("));
  // Everything else was written, and the next run asks for a decision.
  EXPECT_THAT(folder.read("internal/biz/item.gen.hpp"), HasSubstr("struct ItemRenamed"));
  const auto before = folder.tree();
  check_failure({"generate"},
                "internal/biz/item.cpp: line " + std::to_string(first) + " is a conflict marker");
  check_failure({"generate", "--check"}, "is a conflict marker");
  check_failure({"generate", "--dry-run"}, "is a conflict marker");
  check_failure({"generate", "--diff"}, "is a conflict marker");
  EXPECT_EQ(folder.tree(), before);
}

TEST_F(RegenerateTest, a_removed_action_goes_when_it_is_untouched) {
  schema({rename_action, retire_action});
  ASSERT_EQ(generate().code, 0);
  edit(service_file, "  co_await work->commit();", "  log_rename(item);\n");
  schema({rename_action});
  ASSERT_EQ(generate().code, 0);
  EXPECT_THAT(folder.read(service_file), AllOf(HasSubstr("log_rename"), Not(HasSubstr("retire"))));
  EXPECT_THAT(folder.read(rules_file), Not(HasSubstr("retire")));
}

TEST_F(RegenerateTest, a_removed_action_stays_and_is_named_when_it_was_edited) {
  schema({retire_action, rename_action});
  ASSERT_EQ(generate().code, 0);
  edit(service_file, "  co_await work->commit();", "  log_retire(item);\n");
  const std::string mine = folder.read(service_file);
  schema({rename_action});
  const Outcome outcome = generate();
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(folder.read(service_file), mine);
  const std::size_t first = line_of(service_file, "kit::Task<biz::Item> ItemService::retire");
  EXPECT_THAT(outcome.out,
              HasSubstr("keep    " + service_file + ":" + std::to_string(first) + "-"));
  EXPECT_THAT(folder.read(rules_file), Not(HasSubstr("retire")));
}

TEST_F(RegenerateTest, the_last_action_goes_with_its_files_unless_they_were_edited) {
  ASSERT_EQ(generate().code, 0);
  edit(service_file, "  co_await work->commit();", "  log_rename(item);\n");
  schema({});
  const Outcome outcome = generate({"--verbose"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("keep    internal/service/item_service.cpp"),
                                 HasSubstr("remove  internal/biz/item.cpp")));
  EXPECT_FALSE(folder.has(".kit/pristine"));
  EXPECT_TRUE(folder.has(service_file));
}

TEST_F(RegenerateTest, an_edit_above_the_entity_does_not_touch_started_files) {
  ASSERT_EQ(generate().code, 0);
  const std::string before = folder.read(rules_file);
  folder.write("api/shop.yaml", "# A comment.\n" + folder.read("api/shop.yaml"));
  ASSERT_EQ(generate().code, 0);
  EXPECT_EQ(folder.read(rules_file), before);
}

TEST_F(RegenerateTest, diff_shows_everything_and_writes_nothing) {
  ASSERT_EQ(generate().code, 0);
  EXPECT_EQ(generate({"--diff"}).out, "");
  edit(service_file, "  co_await work->commit();", "  log_rename(item);\n");
  schema({rename_action, retire_action}, "    events:\n      Gone: {item_id: Item.id}\n");
  const auto before = folder.tree();
  const Outcome diff = generate({"--diff"});
  EXPECT_EQ(diff.code, 0) << diff.err;
  EXPECT_EQ(folder.tree(), before);
  EXPECT_THAT(diff.out, AllOf(HasSubstr("--- a/internal/service/item_service.cpp\n+++ b/"),
                              HasSubstr("--- /dev/null\n+++ b/internal/data/outbox.gen.cpp\n"),
                              Not(HasSubstr(".kit/"))));
  // It is a patch that leads to the same tree.
  folder.write("plan.diff", diff.out);
  ASSERT_EQ(std::system(("cd " + folder.path() + " && patch -p1 -s < plan.diff").c_str()), 0);
  std::filesystem::remove(folder.path("plan.diff"));
  const auto patched = folder.tree();
  for (const auto& [path, text] : before) folder.write(path, text);
  for (const auto& [path, text] : patched) {
    if (!before.contains(path)) std::filesystem::remove(folder.path(path));
  }
  ASSERT_EQ(generate().code, 0);
  EXPECT_EQ(folder.tree(), patched);
  for (const char* other : {"--check", "--dry-run"}) {
    check_usage({"generate", "--diff", other}, "exclude each other");
  }
}

TEST_F(RegenerateTest, a_new_projects_own_files_follow_kitgen) {
  ASSERT_EQ(kitgen({"new", "music"}).code, 0);
  directory = "music";
  ASSERT_TRUE(folder.has("music/.kit/pristine/main.cpp"));
  EXPECT_FALSE(folder.has("music/.kit/pristine/api"));
  EXPECT_THAT(folder.read("music/.gitignore"),
              AllOf(HasSubstr("/.kit/written/\n"), Not(HasSubstr("pristine"))));
  EXPECT_EQ(kitgen({"generate", "--check"}).code, 0);
  // As a kitgen that started the file with one line less would have left it.
  std::string manifest = folder.read("music/.kit/manifest.json");
  std::string older = folder.read("music/main.cpp");
  older.erase(older.find("#include <vector>\n"), 18);
  folder.write("music/.kit/pristine/main.cpp", older);
  folder.write("music/main.cpp", older + "\n// mine\n");
  const std::size_t at = manifest.find("\"sha256\": \"", manifest.find("\"main.cpp\"")) + 11;
  manifest.replace(at, 64, kit::sha256_hex(older));
  folder.write("music/.kit/manifest.json", manifest);
  const Outcome outcome = kitgen({"generate"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("  merge   main.cpp\n"));
  EXPECT_THAT(folder.read("music/main.cpp"),
              AllOf(HasSubstr("#include <vector>\n"), testing::EndsWith("// mine\n")));
}

TEST_F(RegenerateTest, a_gitignore_that_keeps_the_pristine_texts_out_is_told) {
  const auto says = [&](const std::string& ignored) {
    folder.write(".gitignore", ignored);
    std::filesystem::remove_all(folder.path(".kit"));
    return generate({"--discard-edits"}).out.find("keeps .kit/pristine out") != std::string::npos;
  };
  EXPECT_TRUE(says("/build/\r\n/.kit/*\r\n!/.kit/manifest.json\r\n"));
  EXPECT_FALSE(says("/.kit/*\n!/.kit/manifest.json\n!/.kit/pristine/\n"));
  EXPECT_FALSE(says("/build/\n"));
  // Once, not on every run.
  EXPECT_TRUE(says(".kit/\n"));
  EXPECT_EQ(generate().out.find("keeps .kit/pristine out"), std::string::npos);
}

/// An index is input from outside.
TEST_F(RegenerateTest, a_broken_git_is_no_noise) {
  ASSERT_EQ(generate().code, 0);
  edit(service_file, "  co_await work->commit();", "  log_rename(item);\n");
  const std::string entry(62, '\x7f');
  const auto number = [](unsigned value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFFU);
    return bytes;
  };
  const auto before = folder.tree();
  const auto check = [&](const std::string& about) {
    schema({rename_action, retire_action});
    const Outcome outcome = generate();
    EXPECT_EQ(outcome.code, 0) << about << outcome.err;
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("merge "), Not(HasSubstr("Commit before")))) << about;
    schema({rename_action});
    ASSERT_EQ(generate().code, 0);
    EXPECT_EQ(folder.read(service_file), before.at(service_file));
  };
  for (const std::string& index :
       {std::string(), std::string("DIRC"), "DIRC" + number(9) + number(1) + entry + "a",
        "DIRC" + number(2) + number(0xFFFFFFFF), "DIRC" + number(2) + number(2) + entry + "no end",
        "DIRC" + number(4) + number(2) + entry + "\xff\xff\xff\xff\xff\x7f" + std::string(9, '\0'),
        "DIRC" + number(4) + number(2) + entry +
            std::string("\x01"
                        "a\0",
                        3)}) {
    folder.write(".git/index", index);
    check("an index of " + std::to_string(index.size()) + " bytes");
  }
  std::filesystem::remove_all(folder.path(".git"));
  for (const std::string& link :
       {std::string("nonsense"), std::string("gitdir: /dev/zero\n"),
        "gitdir: " + std::string(5000, 'x'), std::string("gitdir: .\n")}) {
    folder.write(".git", link);
    check("a link of " + std::to_string(link.size()) + " bytes");
  }
  std::filesystem::remove(folder.path(".git"));
  ASSERT_EQ(::mkfifo(folder.path(".git").c_str(), 0600), 0);
  check("a pipe");
}

/// git itself, where there is one; its index is read without it.
TEST_F(RegenerateTest, what_git_does_not_have_is_said) {
  if (std::system("git --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "needs git";
  const auto git = [&](const std::string& words, const std::string& below = "") {
    return std::system(("cd " + folder.path(below) +
                        " && git -c user.name=x -c user.email=x@x -c init.defaultBranch=main " +
                        words + " > /dev/null 2>&1")
                           .c_str());
  };
  ASSERT_EQ(generate().code, 0);
  ASSERT_EQ(git("init") + git("add .") + git("commit -m one"), 0);
  edit(service_file, "  co_await work->commit();", "  log_rename(item);\n");
  ASSERT_EQ(git("commit -am two"), 0);
  schema({rename_action, retire_action});
  Outcome outcome = generate();
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("merge "), Not(HasSubstr("Commit before"))));
  // The same with a change that is nowhere else; also in a linked worktree, with any kind of index.
  for (const std::string version : {"2", "3", "4"}) {
    ASSERT_EQ(git("checkout -f . ") + git("clean -fdx"), 0);
    ASSERT_EQ(git("worktree add -f --detach linked" + version), 0);
    ASSERT_EQ(git("update-index --index-version " + version, "linked" + version), 0);
    directory = "linked" + version;
    const std::string file = directory + "/" + service_file;
    edit(file, "  log_rename(item);", "  log_more(item);\n");
    folder.write(directory + "/api/shop.yaml",
                 folder.read(directory + "/api/shop.yaml") + retire_action);
    outcome = generate();
    EXPECT_THAT(outcome.out, AllOf(HasSubstr("  internal/service/item_service.cpp\nCommit before"),
                                   Not(HasSubstr("  internal/biz/item.cpp\nCommit"))))
        << version << outcome.err;
    directory = "";
  }
}

}  // namespace
}  // namespace kitgen::cli
