// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/started.hpp"

#include "kitgen/cli/test_tree.hpp"
#include "kitgen/cli/written.hpp"

namespace kitgen::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using StartedTest = TreeTest;

TEST_F(StartedTest, an_untouched_one_follows) {
  generate({started("x.cpp", "a\n")});
  EXPECT_EQ(folder.read(".kit/pristine/x.cpp"), "a\n");
  EXPECT_THAT(actions(plan({started("x.cpp", "b\n")})), ElementsAre("rewrite x.cpp"));
  generate({started("x.cpp", "b\n")});
  EXPECT_EQ(folder.read("x.cpp"), "b\n");
  EXPECT_EQ(folder.read(".kit/pristine/x.cpp"), "b\n");
  EXPECT_TRUE(plan({started("x.cpp", "b\n")}).is_clean());
}

TEST_F(StartedTest, an_edited_one_is_merged) {
  generate({started("x.cpp", "a\nb\nc\n")});
  folder.write("x.cpp", "mine\na\nb\nc\n");
  EXPECT_TRUE(plan({started("x.cpp", "a\nb\nc\n")}).is_clean());
  EXPECT_THAT(actions(plan({started("x.cpp", "a\nb\nc\nd\n")})), ElementsAre("merge x.cpp"));
  generate({started("x.cpp", "a\nb\nc\nd\n")});
  EXPECT_EQ(folder.read("x.cpp"), "mine\na\nb\nc\nd\n");
  generate({started("x.cpp", "a\nB\nc\nd\n")});
  EXPECT_EQ(folder.read("x.cpp"), "mine\na\nB\nc\nd\n");
}

TEST_F(StartedTest, a_change_that_is_there_already_is_nothing_to_do) {
  generate({started("x.cpp", "a\nb\nc\n")});
  folder.write("x.cpp", "mine\na\nb\nc\nd\n");
  EXPECT_THAT(actions(plan({started("x.cpp", "a\nb\nc\nd\n")})), IsEmpty());
  generate({started("x.cpp", "a\nb\nc\nd\n")});
  EXPECT_EQ(folder.read(".kit/pristine/x.cpp"), "a\nb\nc\nd\n");
}

TEST_F(StartedTest, markers_stop_the_next_run) {
  generate({started("x.cpp", "a\nb\nc\n"), generated("y.gen.hpp", "1")});
  folder.write("x.cpp", "a\nmine\nc\n");
  const Plan made = plan({started("x.cpp", "a\nkit\nc\n"), generated("y.gen.hpp", "2")});
  EXPECT_THAT(actions(made), ElementsAre("conflict x.cpp", "rewrite y.gen.hpp"));
  EXPECT_THAT(made.changes[0].conflicts, ElementsAre(LineRange{2, 8}));
  ASSERT_TRUE(apply(root, made).ok());
  const Plan next = plan({started("x.cpp", "a\nkit\nc\n"), generated("y.gen.hpp", "3")});
  ASSERT_EQ(next.blocked.size(), 1U);
  EXPECT_THAT(next.blocked[0].text, HasSubstr("line 2 is a conflict marker"));
  EXPECT_FALSE(next.is_clean());
  folder.write("x.cpp", "a\nboth\nc\n");
  EXPECT_TRUE(plan({started("x.cpp", "a\nkit\nc\n"), generated("y.gen.hpp", "2")}).is_clean());
}

TEST_F(StartedTest, a_deleted_one_stays_away_and_is_named) {
  generate({started("x.cpp", "a\n"), started("y.cpp", "b\n")});
  std::filesystem::remove(folder.path("x.cpp"));
  const auto check = [&](const std::string& text, const std::vector<std::string>& said) {
    const std::vector<render::File> files = {started("x.cpp", text), started("y.cpp", "b\n")};
    const Plan made = plan(files);
    EXPECT_TRUE(made.is_clean());
    ASSERT_EQ(made.notes.size(), said.size());
    for (std::size_t i = 0; i < said.size(); ++i) {
      EXPECT_THAT(made.notes[i].text, HasSubstr(said[i]));
    }
    generate(files);
    EXPECT_FALSE(folder.has("x.cpp"));
  };
  // Once, and when there is something new.
  check("a\n", {"you deleted it, so it stays away"});
  check("a\n", {});
  check("new\n", {"kitgen has changes for it, but you deleted it"});
  check("new\n", {});
  generate({started("x.cpp", "new\n"), started("y.cpp", "b\n")}, {.restore_deleted = true});
  EXPECT_EQ(folder.read("x.cpp"), "new\n");
  EXPECT_THAT(plan({started("x.cpp", "new\n"), started("y.cpp", "b\n")}).notes, IsEmpty());
  // Taken back out of version control, with changes: merged like any other.
  std::filesystem::remove(folder.path("x.cpp"));
  check("new\n", {"you deleted it"});
  folder.write("x.cpp", "new\nmine\n");
  EXPECT_THAT(actions(plan({started("x.cpp", "kit\nnew\n"), started("y.cpp", "b\n")})),
              ElementsAre("merge x.cpp"));
  generate({started("x.cpp", "new\n"), started("y.cpp", "b\n")});
  // A file that is no longer wanted is forgotten.
  std::filesystem::remove(folder.path("x.cpp"));
  check("new\n", {"you deleted it"});
  generate({started("y.cpp", "b\n")});
  EXPECT_FALSE(folder.has(".kit/pristine/x.cpp"));
  EXPECT_THAT(actions(plan({started("x.cpp", "new\n"), started("y.cpp", "b\n")})),
              ElementsAre("create x.cpp"));
}

/// As a project of kitgen 0.1 is, or one whose .kit/pristine was never committed.
TEST_F(StartedTest, without_a_pristine_text_nothing_is_overwritten) {
  generate({started("edited.cpp", "1\n"), started("same.cpp", "1\n"), started("new.cpp", "1\n")});
  folder.write("edited.cpp", "mine\n");
  folder.write("new.cpp", "mine\n1\n");
  std::filesystem::remove_all(folder.path(".kit/pristine"));
  const std::vector<render::File> next = {started("edited.cpp", "2\n"), started("same.cpp", "2\n"),
                                          started("new.cpp", "1\n")};
  const Plan made = plan(next);
  // What is untouched by its sum follows; what would be started alike now needs no merge.
  EXPECT_THAT(actions(made), ElementsAre("rewrite same.cpp"));
  ASSERT_EQ(made.notes.size(), 1U);
  EXPECT_EQ(made.notes[0].path, "edited.cpp");
  EXPECT_THAT(made.notes[0].text, HasSubstr("left as it is"));
  generate(next);
  EXPECT_EQ(folder.read("edited.cpp"), "mine\n");
  // Said once; from then on it is merged.
  EXPECT_THAT(plan(next).notes, IsEmpty());
  EXPECT_THAT(actions(plan({started("edited.cpp", "3\n"), started("same.cpp", "2\n"),
                            started("new.cpp", "1\nx\n")})),
              ElementsAre("conflict edited.cpp", "merge new.cpp"));
}

TEST_F(StartedTest, a_pristine_text_that_is_not_the_last_one_is_not_trusted) {
  generate({started("x.cpp", "a\nb\nc\n")});
  folder.write("x.cpp", "a\nb\nc\nmine\n");
  // As it stands after somebody copied the file there: a merge from it would drop "mine".
  folder.write(".kit/pristine/x.cpp", "a\nb\nc\nmine\n");
  const Plan made = plan({started("x.cpp", "a\nb\n")});
  EXPECT_THAT(actions(made), IsEmpty());
  EXPECT_EQ(made.notes.size(), 1U);
}

TEST_F(StartedTest, a_file_of_somebody_else_stays) {
  folder.write("x.cpp", "theirs\n");
  const Plan made = plan({started("x.cpp", "kit\n")});
  EXPECT_THAT(actions(made), IsEmpty());
  ASSERT_EQ(made.notes.size(), 1U);
  EXPECT_THAT(made.notes[0].text, HasSubstr("kitgen did not start it"));
  generate({started("x.cpp", "kit\n")});
  EXPECT_EQ(folder.read("x.cpp"), "theirs\n");
}

TEST_F(StartedTest, a_checkout_with_other_line_ends_is_no_edit) {
  generate({started("x.cpp", "a\nb\n"), generated("y.gen.hpp", "1\n2\n"),
            started("gone.cpp", "g\n"), generated("gone.gen.hpp", "g\n")});
  for (const char* path : {"x.cpp", ".kit/pristine/x.cpp"}) folder.write(path, "a\r\nb\r\n");
  folder.write("y.gen.hpp", "1\r\n2\r\n");
  folder.write("gone.cpp", "g\r\n");
  folder.write("gone.gen.hpp", "g\r\n");
  const std::vector<render::File> same = {
      started("x.cpp", "a\nb\n"), generated("y.gen.hpp", "1\n2\n"), started("gone.cpp", "g\n"),
      generated("gone.gen.hpp", "g\n")};
  EXPECT_TRUE(plan(same).is_clean());
  const std::vector<render::File> next = {started("x.cpp", "a\nb\nc\n"),
                                          generated("y.gen.hpp", "1\n3\n")};
  EXPECT_THAT(actions(plan(next)), ElementsAre("remove gone.cpp", "remove gone.gen.hpp",
                                               "rewrite x.cpp", "rewrite y.gen.hpp"));
  generate(next);
  EXPECT_EQ(folder.read("x.cpp"), "a\r\nb\r\nc\r\n");
  EXPECT_EQ(folder.read("y.gen.hpp"), "1\r\n3\r\n");
  EXPECT_TRUE(plan(next).is_clean());
}

TEST_F(StartedTest, a_byte_order_mark_is_no_edit) {
  generate({started("x.cpp", "a\n")});
  folder.write("x.cpp",
               "\xEF\xBB\xBF"
               "a\n");
  EXPECT_TRUE(plan({started("x.cpp", "a\n")}).is_clean());
  generate({started("x.cpp", "b\n")});
  EXPECT_EQ(folder.read("x.cpp"),
            "\xEF\xBB\xBF"
            "b\n");
}

TEST_F(StartedTest, what_is_no_text_is_refused_not_damaged) {
  generate({started("x.cpp", "a\nb\n")});
  const std::string utf16("a\0\n\0", 4);
  folder.write("x.cpp", utf16);
  EXPECT_TRUE(plan({started("x.cpp", "a\nb\n")}).is_clean());
  const Plan made = plan({started("x.cpp", "a\nb\nc\n")});
  ASSERT_EQ(made.blocked.size(), 1U);
  EXPECT_THAT(made.blocked[0].text, HasSubstr("NUL bytes"));
  EXPECT_EQ(folder.read("x.cpp"), utf16);
}

TEST_F(StartedTest, what_is_no_longer_wanted_loses_its_pristine_text_too) {
  generate({started("a/x.cpp", "1\n"), started("y.cpp", "1\n"), generated("a/z.gen.hpp", "1\n")});
  folder.write("y.cpp", "mine\n");
  EXPECT_THAT(folder.read(".kit/written/texts"), HasSubstr("a/z.gen.hpp"));
  const Plan made = plan({generated("w.gen.hpp", "1\n")});
  EXPECT_THAT(actions(made), ElementsAre("remove a/x.cpp", "remove a/z.gen.hpp", "create w.gen.hpp",
                                         "keep y.cpp"));
  ASSERT_TRUE(apply(root, made).ok());
  for (const char* gone : {"a", ".kit/pristine"}) EXPECT_FALSE(folder.has(gone)) << gone;
  EXPECT_THAT(folder.read(".kit/written/texts"), Not(HasSubstr("a/z.gen.hpp")));
  EXPECT_EQ(folder.read("y.cpp"), "mine\n");
}

/// The diff is of the person's change, also when the schema changed meanwhile.
TEST_F(StartedTest, an_edit_of_a_generated_file_is_shown_against_what_was_written_last) {
  generate({generated("x.gen.hpp", "a\nb\nc\n")});
  folder.write("x.gen.hpp", "a\nb\nmine\n");
  const Plan made = plan({generated("x.gen.hpp", "A\nb\nc\n")});
  ASSERT_EQ(made.edited.size(), 1U);
  EXPECT_TRUE(made.edited[0].from_last);
  EXPECT_EQ(made.edited[0].diff, "@@ -1,3 +1,3 @@\n a\n b\n-c\n+mine\n");
  // A fresh clone does not know that text, and says so.
  std::filesystem::remove_all(folder.path(".kit/written"));
  const Plan blind = plan({generated("x.gen.hpp", "A\nb\nc\n")});
  EXPECT_FALSE(blind.edited[0].from_last);
  EXPECT_EQ(blind.edited[0].diff, "@@ -1,3 +1,3 @@\n-A\n+a\n b\n-c\n+mine\n");
  EXPECT_TRUE(plan({generated("x.gen.hpp", "a\nb\nc\n")}).edited[0].from_last);
}

TEST_F(StartedTest, a_damaged_text_of_what_was_written_is_none) {
  generate({generated("x.gen.hpp", "a\nb\n"), generated("y.gen.hpp", "")});
  folder.write("x.gen.hpp", "a\nmine\n");
  const std::string good = folder.read(".kit/written/texts");
  const auto from_last = [&](const std::string& texts) {
    folder.write(".kit/written/texts", texts);
    return plan({generated("x.gen.hpp", "A\nb\n")}).edited.at(0).from_last;
  };
  EXPECT_TRUE(from_last(good));
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    // Cut between two texts it is whole, with the first one only.
    const std::string part = good.substr(0, cut);
    EXPECT_EQ(from_last(part), part.ends_with("4 x.gen.hpp\na\nb\n\n")) << cut;
  }
  EXPECT_FALSE(from_last("kitgen written 1\n99999999999999999999 x.gen.hpp\na\nb\n\n"));
  EXPECT_FALSE(from_last("kitgen written 1\n-4 x.gen.hpp\na\nb\n\n"));
}

TEST(WrittenTexts, WhatIsTooLargeIsNotKept) {
  WrittenTexts texts;
  texts.put("a", std::string(WrittenTexts::max_bytes - 64, 'x'));
  EXPECT_NE(WrittenTexts::parse(texts.to_text()).find("a"), nullptr);
  texts.put("b", std::string(64, 'x'));
  EXPECT_EQ(WrittenTexts::parse(texts.to_text()).find("a"), nullptr);
}

}  // namespace
}  // namespace kitgen::cli
