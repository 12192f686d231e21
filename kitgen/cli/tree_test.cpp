// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kitgen/cli/test_tree.hpp"

namespace kitgen::cli {
namespace {

using render::File;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(TreeTest, a_second_run_changes_nothing) {
  const std::vector<File> files = {generated("b/x.gen.hpp", "1"), started("b/x.hpp", "2")};
  EXPECT_THAT(actions(plan(files)), ElementsAre("create b/x.gen.hpp", "create b/x.hpp"));
  generate(files);
  EXPECT_EQ(folder.read("b/x.gen.hpp"), "1");
  const auto written = std::filesystem::last_write_time(folder.path("b/x.gen.hpp"));
  const std::string manifest = folder.read(".kit/manifest.json");
  const Plan again = plan(files);
  EXPECT_TRUE(again.is_clean());
  EXPECT_FALSE(again.manifest_changed);
  generate(files);
  EXPECT_EQ(std::filesystem::last_write_time(folder.path("b/x.gen.hpp")), written);
  EXPECT_EQ(folder.read(".kit/manifest.json"), manifest);
}

TEST_F(TreeTest, generated_files_follow_and_started_ones_stay) {
  generate({generated("x.gen.hpp", "1"), started("x.hpp", "1")});
  folder.write("x.hpp", "mine");
  generate({generated("x.gen.hpp", "2"), started("x.hpp", "1")});
  EXPECT_EQ(folder.read("x.gen.hpp"), "2");
  EXPECT_EQ(folder.read("x.hpp"), "mine");
}

TEST_F(TreeTest, an_edited_generated_file_is_told_with_its_diff) {
  generate({generated("x.gen.hpp", "a\nb\n"), generated("y.gen.hpp", "1")});
  folder.write("x.gen.hpp", "a\nmine\n");
  const Plan made = plan({generated("x.gen.hpp", "a\nb\n"), generated("y.gen.hpp", "2")});
  ASSERT_EQ(made.edited.size(), 1U);
  EXPECT_EQ(made.edited[0].path, "x.gen.hpp");
  EXPECT_EQ(made.edited[0].diff, "@@ -1,2 +1,2 @@\n a\n-b\n+mine\n");
  EXPECT_TRUE(made.edited[0].known);
  EXPECT_FALSE(made.is_clean());
  generate({generated("x.gen.hpp", "a\nb\n")}, {.discard_edits = true});
  EXPECT_EQ(folder.read("x.gen.hpp"), "a\nb\n");
}

TEST_F(TreeTest, a_file_of_somebody_else_is_not_overwritten) {
  folder.write("x.gen.hpp", "theirs");
  const Plan made = plan({generated("x.gen.hpp", "ours")});
  ASSERT_EQ(made.edited.size(), 1U);
  EXPECT_FALSE(made.edited[0].known);
  // The same text is adopted, as after a lost manifest.
  EXPECT_THAT(plan({generated("x.gen.hpp", "theirs")}).edited, IsEmpty());
}

TEST_F(TreeTest, what_is_no_longer_wanted_goes_unless_it_was_edited) {
  generate({generated("a/x.gen.hpp", "1"), started("a/x.cpp", "2"), started("b/y.cpp", "3"),
            generated("z.gen.hpp", "4")});
  folder.write("b/y.cpp", "mine");
  const Plan made = plan({generated("z.gen.hpp", "4")});
  EXPECT_THAT(actions(made), ElementsAre("remove a/x.cpp", "remove a/x.gen.hpp", "keep b/y.cpp"));
  ASSERT_TRUE(apply(root, made).ok());
  EXPECT_FALSE(folder.has("a"));
  EXPECT_EQ(folder.read("b/y.cpp"), "mine");
  EXPECT_THAT(actions(plan({generated("z.gen.hpp", "4")})), IsEmpty());
}

TEST_F(TreeTest, a_migration_is_history) {
  const auto migration = [](const std::string& text) {
    return std::vector<File>{generated("migrations/0001_create_shop.up.sql", text)};
  };
  generate(migration("-- one\nCREATE TABLE a (x);\n"));
  // Comments may differ; the file stays as it is.
  generate(migration("-- two\nCREATE TABLE a (x);\n"));
  EXPECT_EQ(folder.read("migrations/0001_create_shop.up.sql"), "-- one\nCREATE TABLE a (x);\n");
  // Nothing is wanted of it any more: it stays, edited or not.
  folder.write("migrations/0001_create_shop.up.sql", "CREATE TABLE a (x, y);\n");
  EXPECT_TRUE(plan({}).is_clean());
  EXPECT_TRUE(plan(migration("CREATE TABLE b (x);\n")).is_clean());
  // Made anew, it must not cost what somebody wrote into it.
  const Plan anew = plan(migration("CREATE TABLE b (x);\n"), {.recreate_migrations = true});
  ASSERT_EQ(anew.blocked.size(), 1U);
  EXPECT_THAT(anew.blocked.front().text, HasSubstr("edited by hand"));
  generate(migration("CREATE TABLE b (x);\n"),
           {.discard_edits = true, .recreate_migrations = true});
  EXPECT_EQ(folder.read("migrations/0001_create_shop.up.sql"), "CREATE TABLE b (x);\n");
  EXPECT_TRUE(plan(migration("CREATE TABLE b (x);\n")).is_clean());
}

TEST_F(TreeTest, a_recreated_migration_of_a_renamed_service_replaces_the_other) {
  generate({generated("migrations/0001_create_shop.up.sql", "A;\n")});
  const std::vector<File> renamed = {generated("migrations/0001_create_store.up.sql", "A;\n")};
  generate(renamed, {.recreate_migrations = true});
  EXPECT_FALSE(folder.has("migrations/0001_create_shop.up.sql"));
  EXPECT_TRUE(folder.has("migrations/0001_create_store.up.sql"));
}

TEST_F(TreeTest, no_sum_is_kept_of_the_snapshot) {
  generate({generated(".kit/schema.json", "1")});
  EXPECT_EQ(folder.read(".kit/manifest.json").find("schema.json"), std::string::npos);
  folder.write(".kit/schema.json", "merged");
  generate({generated(".kit/schema.json", "2")});
  EXPECT_EQ(folder.read(".kit/schema.json"), "2");
}

TEST_F(TreeTest, migrations_by_hand_are_left_alone) {
  generate({generated("migrations/0001_create_shop.up.sql", "A;\n")});
  folder.write("migrations/0002_more.up.sql", "B;\n");
  EXPECT_TRUE(plan({generated("migrations/0001_create_shop.up.sql", "A;\n")}).is_clean());
}

TEST_F(TreeTest, a_link_in_the_way_is_refused) {
  const TestFolder outside;
  std::filesystem::create_directory_symlink(outside.path(), folder.path("internal"));
  EXPECT_FALSE(make_plan(root, {generated("internal/x.gen.hpp", "1")}, {}).ok());
}

/// The tree as the two runs leave it, whatever step the second one dies at.
TEST_F(TreeTest, a_death_at_any_step_leaves_the_old_tree_or_the_new_one) {
  const std::vector<File> first = {
      generated("a/1.gen.hpp", "old 1"), generated("a/2.gen.hpp", "2"),
      generated("gone/3.gen.hpp", "3"),  started("a/4.cpp", "1\n2\n3\n"),
      started("a/7.cpp", "7\n"),         started("gone/8.cpp", "8\n")};
  const std::vector<File> second = {
      generated("a/1.gen.hpp", "new 1"),    generated("a/2.gen.hpp", "2"),
      generated("b/5.gen.hpp", "5"),        started("a/4.cpp", "1\n2\n3\nkit\n"),
      started("a/7.cpp", "7\nuntouched\n"), started("b/6.cpp", "6")};
  const std::map<std::string, std::string> wanted = {
      {"a/1.gen.hpp", "new 1"},      {"a/2.gen.hpp", "2"}, {"a/4.cpp", "mine\n2\n3\nkit\n"},
      {"a/7.cpp", "7\nuntouched\n"}, {"b/5.gen.hpp", "5"}, {"b/6.cpp", "6"}};
  const std::map<std::string, std::string> pristine = {
      {"a/4.cpp", "1\n2\n3\nkit\n"}, {"a/7.cpp", "7\nuntouched\n"}, {"b/6.cpp", "6"}};
  int steps = 0;
  int finished = 0;
  bool survived = false;
  for (int last = 0; !survived; ++last) {
    const TestFolder place;
    const Root here = Root::open(place.path()).value();
    ASSERT_TRUE(apply(here, make_plan(here, first, {}).value()).ok());
    place.write("a/4.cpp", "mine\n2\n3\n");
    const auto before = place.tree();
    steps = 0;
    const auto die = [&](std::string_view) -> kit::Result<> {
      if (steps == last) return kit::Error(kit::Code::aborted, "killed");
      ++steps;
      return {};
    };
    survived = apply(here, make_plan(here, second, {}).value(), die).ok();
    const auto recovered = recover(here);
    ASSERT_TRUE(recovered.ok()) << recovered.error().message();
    finished += *recovered ? 1 : 0;
    const auto after = place.tree();
    EXPECT_TRUE(after == before || after == wanted) << "died at step " << last;
    if (*recovered || survived) {
      EXPECT_EQ(after, wanted) << last;
    }
    EXPECT_THAT(here.list(".kit/stage").value(), IsEmpty());
    EXPECT_FALSE(place.has(".kit/journal.json"));
    // The next run gets there from either tree.
    ASSERT_TRUE(apply(here, make_plan(here, second, {}).value()).ok());
    EXPECT_EQ(place.tree(), wanted);
    EXPECT_EQ(place.tree(".kit/pristine"), pristine);
    EXPECT_TRUE(make_plan(here, second, {})->is_clean());
  }
  EXPECT_GT(steps, 10);
  EXPECT_GT(finished, 3);
}

/// Dying again while a run is being finished does no harm.
TEST_F(TreeTest, recovery_itself_can_be_interrupted) {
  generate({generated("1.gen.hpp", "1"), generated("2.gen.hpp", "2")});
  const auto dies_at = [](std::string_view wanted) {
    return [wanted](std::string_view step) -> kit::Result<> {
      if (step == wanted) return kit::Error(kit::Code::aborted, "killed");
      return {};
    };
  };
  const Plan made = plan({generated("1.gen.hpp", "one"), generated("2.gen.hpp", "two")});
  ASSERT_FALSE(apply(root, made, dies_at("1.gen.hpp")).ok());
  ASSERT_FALSE(recover(root, dies_at("2.gen.hpp")).ok());
  EXPECT_EQ(folder.read("1.gen.hpp"), "one");
  EXPECT_EQ(folder.read("2.gen.hpp"), "2");
  EXPECT_TRUE(recover(root).value());
  EXPECT_EQ(folder.read("2.gen.hpp"), "two");
  EXPECT_FALSE(recover(root).value());
}

TEST_F(TreeTest, an_edit_after_the_death_is_not_lost) {
  generate({generated("1.gen.hpp", "1"), generated("2.gen.hpp", "2")});
  const auto die = [](std::string_view step) -> kit::Result<> {
    if (step == "2.gen.hpp") return kit::Error(kit::Code::aborted, "killed");
    return {};
  };
  ASSERT_FALSE(
      apply(root, plan({generated("1.gen.hpp", "one"), generated("2.gen.hpp", "two")}), die).ok());
  folder.write("2.gen.hpp", "mine");
  const auto recovered = recover(root);
  ASSERT_FALSE(recovered.ok());
  EXPECT_THAT(recovered.error().message(), HasSubstr("2.gen.hpp was edited"));
  EXPECT_EQ(folder.read("2.gen.hpp"), "mine");
  std::filesystem::remove(folder.path("2.gen.hpp"));
  EXPECT_TRUE(recover(root).ok());
  EXPECT_EQ(folder.read("2.gen.hpp"), "two");
}

}  // namespace
}  // namespace kitgen::cli
